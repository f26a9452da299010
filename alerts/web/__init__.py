"""The web application: pages, feeds and the JSON API over an open ledger.

Owns everything that is answered over HTTP: routes, forms, sign-in, rate limits, response headers
and caches. Is given all that it needs as a `WebContext`; it must not know the configuration, the
clock's source, the daemon or the server that runs it (`scheduler.web`).
"""

from alerts.web.app import PAGE_THREADS, create_app
from alerts.web.context import CapturedPage, DaemonControls, WebContext
from alerts.web.metrics_access import MetricsAccess
from alerts.web.work import Work, WorkContext, WorkInterrupted, WorkSettings

__all__ = [
    "PAGE_THREADS",
    "CapturedPage",
    "DaemonControls",
    "MetricsAccess",
    "WebContext",
    "Work",
    "WorkContext",
    "WorkInterrupted",
    "WorkSettings",
    "create_app",
]
