"""The two static files, and that the vendored htmx is the published one."""

from __future__ import annotations

import hashlib
import re
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


def test_a_page_names_its_files_by_their_content_and_they_are_kept_for_ever(
    site: WebClient,
) -> None:
    page = site.request_text("GET", "/")[1]
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(found) == 3
    for path in found:
        status, headers, body = site.request("GET", path)
        assert status == 200
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert hashlib.sha256(body).hexdigest()[:16] in path
    missing = re.sub(r"\.[0-9a-f]{16}\.", ".0000000000000000.", found[0])
    assert site.request("GET", missing)[0] == 404


def test_the_static_files_are_served_and_revalidated(site: WebClient) -> None:
    for path, media_type in (
        ("favicon.svg", "image/svg+xml"),
        ("htmx.js", "text/javascript"),
        ("style.css", "text/css"),
    ):
        status, headers, body = site.request("GET", f"/static/{path}")
        assert (status, headers.get_content_type()) == (200, media_type)
        assert body
        known = {"If-None-Match": headers["ETag"]}
        assert site.request("GET", f"/static/{path}", headers=known)[0] == 304
    assert site.request("GET", "/static/htmx.js")[2] == _STATIC.joinpath(HTMX_FILE).read_bytes()
