"""Written questions of the UK Parliament, from its API; readers are sent to the pages beside it.

A list is asked for by the days on which questions were tabled and is used to find them, nothing
else: it cuts their texts, the question's without a mark, and its flags for holding replies and
withdrawals cannot be relied on. Every text is from the call for a single question.

Late answers and corrections are found by revisits, as everywhere. The API could list what was
answered or corrected in some days, which would take far fewer requests than looking at every open
question again. But such a list does not say what is new to us, and a plan does not say which of
the known questions are still open: each crawl would fetch all of those days' answers once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import msgspec
import scrapy
from scrapy.http import Response

from crawler.fetching.plan import Line, Window
from crawler.fetching.source_spider import SourceSpider
from crawler.pages.uk_parliament import ADDRESS, Tabled
from crawler.reading.addresses import canonical_path

API = "/api/writtenquestions/questions"

_PAGES = urlsplit(ADDRESS).path
#: The day and the number of a question, in the call for it as in the address of its page.
_PLACE = re.compile(rf"(?:{API}|{_PAGES})(/\d{{4}}-\d\d-\d\d/[^/]+)")
#: Of a list; a server that gives fewer at a time is asked for the rest all the same.
_ROWS_A_PAGE = 100


class _Row(msgspec.Struct, frozen=True):
    value: Tabled


class _List(msgspec.Struct, frozen=True, rename="camel"):
    total_results: int
    results: tuple[_Row, ...]


class _Flags(msgspec.Struct, frozen=True, rename="camel"):
    is_withdrawn: bool | None = None


class _Single(msgspec.Struct, frozen=True):
    value: _Flags


class UKParliamentSpider(SourceSpider):
    """Written questions to ministers, of both Houses."""

    name = "uk-parliament"
    home_url = "https://questions-statements-api.parliament.uk"
    custom_settings = {"DEFAULT_REQUEST_HEADERS": {"Accept": "application/json"}}  # noqa: RUF012  # Scrapy declares it so

    def location(self, url: str) -> str:
        """The call for the question whose page is at ``url``, with its member's name and party."""
        path = canonical_path(url)
        if path.startswith(f"{_PAGES}/"):
            path = API + path.removeprefix(_PAGES)
        return f"{self.plan.base_url}{path}?expandMember=true"

    def address(self, url: str) -> str:
        """The page of the question that ``url`` is or calls for, where day and number name it."""
        path = canonical_path(url)
        place = _PLACE.fullmatch(path)
        return ADDRESS + place[1] if place else self.plan.base_url + path

    def listing_requests(self, window: Window) -> Iterator[scrapy.Request]:
        """The first page of what was tabled in ``window``; the others follow from it."""
        yield self._listing(window, 0, 0)

    def _listing(self, window: Window, page: int, skip: int) -> scrapy.Request:
        query = {
            "tabledWhenFrom": window.since.isoformat(),
            "tabledWhenTo": window.until.isoformat(),
            "questionStatus": "AllQuestions",
            "includeWithdrawn": "false",
            "take": _ROWS_A_PAGE,
            "skip": skip,
        }
        return scrapy.Request(
            f"{self.plan.base_url}{API}?{urlencode(query)}",
            callback=self.list_questions,
            errback=self.failed,
            cb_kwargs={"window": window, "page": page, "skip": skip},
            dont_filter=True,  # a filtered redirect would vanish in silence
        )

    def list_questions(
        self, response: Response, window: Window, page: int, skip: int
    ) -> Iterator[scrapy.Request]:
        """Visit each question that is new to us, and go on until the list's own total."""
        self.counts["listing_pages"] += 1
        try:
            found = msgspec.json.decode(response.body, type=_List)
        except msgspec.MsgspecError as error:
            self.counts["listings_unknown"] += 1
            self.note(f"{response.url}: {error}")
            return
        self.counts["listed"] += len(found.results)
        for row in found.results:
            inside = window.since <= row.value.date_tabled.date() <= window.until
            self.counts["outside_window"] += not inside
            yield from self.visit_unknown(row.value.address)
        reached = skip + len(found.results)
        if reached >= found.total_results:
            return
        if not found.results:
            self.counts["listings_short"] += 1
        elif page + 1 >= self.plan.manners.max_listing_pages:
            self.counts["listings_cut"] += 1
        else:
            yield self._listing(window, page + 1, reached)

    def read(self, response: Response, visited: str) -> Iterator[Line]:
        """Read one question. A withdrawn one is told as gone: the page says so itself (410)."""
        if not _withdrawn(response):
            yield from super().read(response, visited)
            return
        yield from self.served()
        self.counts["fetched"] += 1
        yield self.gone(visited, 410)


def _withdrawn(response: Response) -> bool:
    try:
        single = msgspec.json.decode(response.body, type=_Single)
    except msgspec.MsgspecError:
        return False  # what is wrong with it is for the reading to say
    return bool(single.value.is_withdrawn)
