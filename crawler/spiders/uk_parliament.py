"""UK Parliament written questions, through the API of questions-statements.parliament.uk.

Each window is listed twice: by the day on which questions were tabled, and by the day on which they
were answered, which finds a late answer with one request where revisits need one for each question
that waits. The list only says which questions there are; every text comes from the single call.

A question is known by its page for people, ``/written-questions/detail/<tabled>/<uin>``: numbers
begin anew in each session, and with the day they are one question's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import scrapy
from scrapy.http import Response

from crawler.addresses import canonical_path, question_id
from crawler.plan import Line, Plan, Window
from crawler.source import SourceSpider

PUBLIC = "https://questions-statements.parliament.uk"
_DETAIL = "/written-questions/detail/"
_API = "/api/writtenquestions/questions"
_TAKE = 100


class _Row(msgspec.Struct, frozen=True, rename="camel"):
    uin: str
    date_tabled: str
    date_answered: str | None = None


class _Result(msgspec.Struct, frozen=True):
    value: _Row


class _List(msgspec.Struct, frozen=True, rename="camel"):
    total_results: int
    results: tuple[_Result, ...]


class UKParliamentSpider(SourceSpider):
    """Questions of both Houses."""

    name = "uk-parliament"
    home_url = "https://questions-statements-api.parliament.uk"

    def __init__(self, plan: Plan, **kwargs: Any) -> None:
        super().__init__(plan, **kwargs)
        # What is visited again anyway is not visited for its answer as well.
        self._waiting = set(plan.waiting) - {question_id(self.name, v.url) for v in plan.revisit}

    def listing_requests(self, window: Window) -> Iterator[scrapy.Request]:
        """The first page of what was tabled and of what was answered in ``window``."""
        for what in ("answered", "tabled"):
            yield self._listing(window, what, 0)

    def address(self, url: str) -> str:
        """Where the API has the question at ``url``, its page for people."""
        path = canonical_path(url).removeprefix(_DETAIL).removeprefix(_API + "/")
        return f"{self.plan.base_url}{_API}/{path}?expandMember=true"

    def public_address(self, url: str) -> str:
        """The page for people of the question that the API has at ``url``."""
        return PUBLIC + _DETAIL + canonical_path(url).removeprefix(_API + "/")

    def _listing(self, window: Window, what: str, skip: int) -> scrapy.Request:
        query = {
            f"{what}WhenFrom": window.since.isoformat(),
            f"{what}WhenTo": window.until.isoformat(),
            "take": _TAKE,
            "skip": skip,
        }
        return scrapy.Request(
            f"{self.plan.base_url}{_API}?{urlencode(query)}",
            callback=self.list_questions,
            errback=self.failed,
            cb_kwargs={"window": window, "what": what, "skip": skip},
            dont_filter=True,
        )

    def list_questions(
        self, response: Response, window: Window, what: str, skip: int
    ) -> Iterator[scrapy.Request | Line]:
        """Visit what is new to us, and what is listed as answered; then the next page."""
        self.counts["listing_pages"] += 1
        try:
            found = msgspec.json.decode(response.body, type=_List)
        except msgspec.MsgspecError as error:
            self.counts["listings_unknown"] += 1
            self.note(f"{response.url}: is no list of questions: {error}")
            return
        self.counts["listed"] += len(found.results)
        for row in (result.value for result in found.results):
            yield from self._visit(row, what)
        reached = skip + len(found.results)
        if not found.results or reached >= found.total_results:
            return
        if reached // _TAKE >= self.plan.manners.max_listing_pages:
            self.counts["listings_cut"] += 1
            return
        yield self._listing(window, what, reached)

    def _visit(self, row: _Row, what: str) -> Iterator[scrapy.Request]:
        """The request for a listed question that is new, or whose answer is; once in a crawl."""
        url = f"{PUBLIC}{_DETAIL}{row.date_tabled[:10]}/{row.uin}"
        identity = question_id(self.name, url)
        if what == "answered" and identity in self._waiting:
            self._waiting.remove(identity)
            self.known.discard(identity)
        yield from self.visit_unknown(url)
