"""The web server: what `alerts.web` is given, and uvicorn with limits on connections.

Owns how an application is served and where the pages' dependencies come from. Knows nothing of
what the pages show.
"""

from scheduler.web.context import build_web_context
from scheduler.web.http_limits import HttpLimits
from scheduler.web.server import serve

__all__ = ["HttpLimits", "build_web_context", "serve"]
