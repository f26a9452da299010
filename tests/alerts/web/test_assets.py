"""The two static files, and that the vendored htmx is the published one."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from alerts.web.assets import HTMX_FILE
from tests.support.web_client import WebClient

_STATIC = files("alerts.web").joinpath("static")


def test_the_vendored_htmx_is_unchanged_and_brings_its_licence() -> None:
    recorded, name = _STATIC.joinpath(f"{HTMX_FILE}.sha256").read_text().split()
    content = _STATIC.joinpath(HTMX_FILE).read_bytes()
    assert name == HTMX_FILE
    assert hashlib.sha256(content).hexdigest() == recorded
    assert "Zero-Clause BSD" in _STATIC.joinpath("htmx-LICENSE.txt").read_text()


def test_the_static_files_are_served_and_revalidated(site: WebClient) -> None:
    for path, media_type in (("htmx.js", "text/javascript"), ("style.css", "text/css")):
        status, headers, body = site.request("GET", f"/static/{path}")
        assert (status, headers.get_content_type()) == (200, media_type)
        assert body
        known = {"If-None-Match": headers["ETag"]}
        assert site.request("GET", f"/static/{path}", headers=known)[0] == 304
    assert site.request("GET", "/static/htmx.js")[2] == _STATIC.joinpath(HTMX_FILE).read_bytes()
