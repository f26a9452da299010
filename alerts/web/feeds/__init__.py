"""Feeds over HTTP: published files, and feeds that are made on request.

Owns how a feed is found, cached and sent. What a feed contains is decided in `alerts.feeds`.
"""

from alerts.web.feeds.app import FeedsApp
from alerts.web.feeds.pages import FeedPages

__all__ = ["FeedPages", "FeedsApp"]
