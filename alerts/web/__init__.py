"""The web application: pages, feeds and the JSON API over an open ledger.

Owns everything that is answered over HTTP: routes, forms, sign-in, rate limits, response headers
and caches. Is given all that it needs as a `WebContext`; it must not know the configuration, the
clock's source, the daemon or the server that runs it (`scheduler.web`).
"""

from alerts.web.app import create_app
from alerts.web.context import CapturedPage, DaemonControls, WebContext

__all__ = ["CapturedPage", "DaemonControls", "WebContext", "create_app"]
