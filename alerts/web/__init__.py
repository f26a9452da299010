"""Pages, feeds and the API, as an ASGI application that is given all it needs."""
