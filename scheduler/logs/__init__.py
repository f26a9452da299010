"""Log lines: how they look, from which level on they are shown, and which are kept for pings.

Owns the handlers of the standard logging. Must not know what is logged.
"""

from scheduler.logs.lines import configure, keep_recent_lines

__all__ = ["configure", "keep_recent_lines"]
