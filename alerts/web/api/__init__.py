"""The JSON API, version 1: search, records, topics, changes since a cursor, exports.

Owns its routes, its response types and the OpenAPI document made from them. It must not know the
pages.
"""

from alerts.web.api.routes import ApiRoutes

__all__ = ["ApiRoutes"]
