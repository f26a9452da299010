"""The operator in a browser: signs in, sees pages and presses buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

import html5lib

from tests.support.web_client import FORM_CONTENT_TYPE, OPERATOR_PASSWORD, WebClient


@dataclass
class Operator:
    """Somebody who is signed in to the operator's pages."""

    pages: WebClient
    cookie: str

    @classmethod
    def sign_in(cls, pages: WebClient, path: str = "/operator") -> Operator:
        """Sign in at a page, to which the answer leads."""
        body = urlencode({"action": "sign-in", "password": OPERATOR_PASSWORD}).encode()
        status, headers, _ = pages.request("POST", path, body, FORM_CONTENT_TYPE)
        assert (status, headers["Location"]) == (303, path)
        return cls(pages, headers["Set-Cookie"].partition(";")[0])

    def see(self, path: str = "/operator") -> str:
        """A page; it must be valid HTML."""
        status, html = self.pages.request_text("GET", path, headers={"Cookie": self.cookie})
        assert status == 200, path
        html5lib.HTMLParser(strict=True).parse(html)
        return html

    def send(self, path: str, **fields: str) -> tuple[int, str, str, str]:
        """A button's form: status, new cookie, where it leads, and the body of the answer."""
        csrf = re.search(r'name="csrf" value="([^"]+)"', self.see())
        assert csrf is not None
        body = urlencode({"csrf": unescape(csrf[1])} | fields).encode()
        status, headers, html = self.pages.request(
            "POST", path, body, FORM_CONTENT_TYPE, headers={"Cookie": self.cookie}
        )
        cookie = (headers["Set-Cookie"] or "").partition(";")[0]
        return status, cookie, headers["Location"] or "", html.decode()

    def press(self, path: str, **fields: str) -> str:
        """What a button says in the end: the message on the page that it leads to."""
        status, cookie, location, _ = self.send(path, **fields)
        assert status == 303, path
        both = {"Cookie": f"{self.cookie}; {cookie}"}
        status, headers, html = self.pages.request("GET", location, headers=both)
        assert status == 200
        assert "Max-Age=0" in headers["Set-Cookie"]  # a reload shows the page without it
        found = re.search(r'<p class="note good" role="status"><b>(.*?)</b></p>', html.decode())
        assert found is not None
        return unescape(found[1])
