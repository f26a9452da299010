"""The demo: the real service on a replica of the source, with a fast clock and an inbox to look at.

Owns the set-up, the mail server and the demo's own pages. Nothing of the service is replaced or
knows of the demo: the source is an HTTP server with the site's own markup, and crawl, ledger,
digests and feeds are what the daemon always runs.
"""

from scheduler.demo.demo import Demo
from scheduler.demo.inbox import read_inbox

__all__ = ["Demo", "read_inbox"]
