"""Public pages of the archive: topics, questions, captures, members and overdue questions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.export import build_debate, build_json_ld
from alerts.ledger import members, publication, question_lookups, questions, topics
from alerts.ledger.word_index import DatedQuestion
from alerts.rendering import normalise_link, topic_path
from alerts.search import SearchPosition, parse_position
from alerts.web.context import CapturedPage, WebContext
from alerts.web.errors import NOT_PUBLIC, TAKEN_DOWN
from alerts.web.forms import CsrfPair, FormTokens
from alerts.web.pages.question_view import QuestionView, find_question_view
from alerts.web.pages.topic_view import find_topic_view
from crawler.records import Question

#: Questions on one page of a member's list: titles alone.
_PAGE_SIZE = 20
#: Questions on one page of a topic: fewer, because each is searched for its snippet (1 ms).
_TOPIC_PAGE_SIZE = 12
#: Questions on one page of the overdue list: titles and days alone.
_OVERDUE_PAGE_SIZE = 50
#: Topics listed on a member's page.
_MAX_MEMBER_TOPICS = 20
#: A captured page shows what it holds itself: it loads nothing from anywhere, so that nobody learns
#: who reads it, and runs nothing.
_CAPTURE_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
#: Five minutes: the page of a question that is being read does not change under the reader.
_EXPORT_CACHE_CONTROL = "public, max-age=300"
#: Further pages of a list are answered as this one; 10,000 pages of 12 are 120,000 questions.
_MAX_PAGE_NUMBER = 10_000
#: Digits of a number in an address: they fit the 64-bit integers of both databases.
_MAX_DIGITS = 18


_NO_TOPIC = "There is no such topic."


class ArchivePages:
    """The public pages."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens

    def build_routes(self) -> list[Route]:
        """Return the routes of all public pages."""
        return [
            Route("/topic/{slug}", self._get_topic, methods=["GET"]),
            Route("/question/{id:path}", self._get_question, methods=["GET"]),
            Route("/akoma-ntoso/{id:path}", self._get_akoma_ntoso, methods=["GET"]),
            Route("/capture/{id:path}", self._get_capture, methods=["GET"]),
            Route("/members", self._get_members, methods=["GET"]),
            Route("/member/{member}", self._get_member, methods=["GET"]),
            Route("/overdue", self._get_overdue, methods=["GET"]),
        ]

    async def _get_topic(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        slug = request.path_params["slug"]
        page, up_to = _read_number(request, "page") or 1, _read_number(request, "to")
        response = await run_in_threadpool(
            self.render_topic, slug, min(page, _MAX_PAGE_NUMBER), up_to, csrf_pair.csrf
        )
        return self._set_form_cookie(request, response, csrf_pair)

    def render_topic(self, slug: str, page: int, up_to: int | None, csrf: str) -> Response:
        """Return a topic's page, or a redirect to it from another form of its slug.

        Args:
            slug: the topic's.
            page: of the list of questions, from 1.
            up_to: the number of the newest change in the list, so that none shifts its pages.
            csrf: hidden in the form.

        Raises:
            HTTPException: 404 for an unknown slug, 410 for a topic that is not public any more.
        """
        site = self._context
        with site.ledger.reading() as connection:
            view = find_topic_view(
                connection,
                slug,
                today=site.clock().date(),
                page=page,
                page_size=_TOPIC_PAGE_SIZE,
                up_to=up_to,
            )
            similar = topics.find_public_by_similar_slug(connection, slug) if view is None else None
            is_retired = view is None and publication.is_retired(connection, slug)
        if similar is not None:
            return RedirectResponse(topic_path(similar.slug), 308)
        if view is None:
            raise HTTPException(410, NOT_PUBLIC) if is_retired else HTTPException(404, _NO_TOPIC)
        return site.render_page(
            "topic",
            view=view,
            page=page,
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
        )

    async def _get_question(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        response = await run_in_threadpool(
            self.render_question, request.path_params["id"], csrf_pair.csrf
        )
        return self._set_form_cookie(request, response, csrf_pair)

    def _set_form_cookie(
        self, request: Request, response: Response, csrf_pair: CsrfPair
    ) -> Response:
        """Return ``response``, with the cookie of its form where it has one."""
        if self._context.accepts_sign_ups:
            self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

    def render_question(self, question_id: str, csrf: str) -> Response:
        """Return a question's page; raise a 404 `HTTPException` for an unknown id."""
        site, view = self._context, self._load_question(question_id)
        return site.render_page(
            "question",
            view=view,
            source_host=urlsplit(view.question.url or "").hostname,
            site_url=site.feed_identity.site_urls.get(view.question.source),
            json_ld=build_json_ld(view.thread, site.feed_identity),
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
        )

    def _load_question(self, question_id: str) -> QuestionView:
        with self._context.ledger.reading() as connection:
            view = find_question_view(connection, question_id)
        if view is None:
            raise HTTPException(404, "There is no such question.")
        if view.question.is_taken_down:
            raise HTTPException(410, TAKEN_DOWN)
        return view

    async def _get_akoma_ntoso(self, request: Request) -> Response:
        body = await run_in_threadpool(self.build_akoma_ntoso, request.path_params["id"])
        headers = {"Cache-Control": _EXPORT_CACHE_CONTROL}
        return Response(body, 200, headers, "application/akn+xml")

    def build_akoma_ntoso(self, question_id: str) -> bytes:
        """Return a question's thread as an Akoma Ntoso 3.0 debate."""
        view = self._load_question(question_id)
        return build_debate(view.thread, self._context.feed_identity, view.first_seen_at.date())

    async def _get_capture(self, request: Request) -> Response:
        capture = await run_in_threadpool(self.find_capture, request.path_params["id"])
        headers = {
            "Content-Security-Policy": _CAPTURE_POLICY,
            "X-DNS-Prefetch-Control": "off",  # a policy does not reach what a page has looked up
            "Referrer-Policy": "no-referrer",
            "Memento-Datetime": f"{capture.fetched_at:%a, %d %b %Y %H:%M:%S GMT}",  # RFC 7089 2.1.1
        }
        if original := normalise_link(capture.url):
            headers["Link"] = f'<{original}>; rel="original"'
        return Response(capture.body, 200, headers, capture.content_type or "text/plain")

    def find_capture(self, question_id: str) -> CapturedPage:
        """Return a question's page as last read; raise a 404 `HTTPException` where none is kept."""
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, question_id)
        location = stored.capture if stored else None
        capture = self._context.read_capture(location) if location else None
        if capture is None:
            raise HTTPException(404, "There is no archived copy of this page.")
        return capture

    async def _get_members(self, _request: Request) -> Response:
        return await run_in_threadpool(self.render_members)

    def render_members(self) -> Response:
        """Return the list of everybody who ever asked a question."""
        with self._context.ledger.reading() as connection:
            listed = members.list_members(connection)
        return self._context.render_cacheable_page("members", members=listed)

    async def _get_member(self, request: Request) -> Response:
        member_id, after = request.path_params["member"], _read_position(request)
        return await run_in_threadpool(self.render_member, member_id, after)

    def render_member(self, member_id: str, after: SearchPosition | None) -> Response:
        """Return a member's page; raise a 404 `HTTPException` for an unknown one.

        Args:
            member_id: identifies a member over all spellings of the name: ``ada-brook``.
            after: where the page of the list of questions begins; None for the newest.
        """
        site = self._context
        with site.ledger.reading() as connection:
            name = members.find_name(connection, member_id)
            if name is None:
                raise HTTPException(404, "There is no such member.")
            statistics = members.count_questions(connection, member_id, site.overdue_days)
            listed = members.list_newest_questions(
                connection, member_id, _PAGE_SIZE + 1, after.last if after else None
            )
            topics = members.list_topics(connection, member_id, _MAX_MEMBER_TOPICS + 1)
            ids = [one.question_id for one in listed[:_PAGE_SIZE]]
            records = questions.list_records(connection, ids)
        return site.render_cacheable_page(
            "member",
            member_id=member_id,
            member_name=name,
            statistics=statistics,
            overdue_days=site.overdue_days,
            topics=topics[:_MAX_MEMBER_TOPICS],
            has_more_topics=len(topics) > _MAX_MEMBER_TOPICS,
            questions=records,
            is_first=after is None,
            next=_find_next(listed, _PAGE_SIZE, after),
        )

    async def _get_overdue(self, request: Request) -> Response:
        return await run_in_threadpool(self.render_overdue, _read_position(request))

    def render_overdue(self, after: SearchPosition | None) -> Response:
        """Return one page of the overdue questions, longest waiting first.

        Args:
            after: where the page begins; None for the first.
        """
        site = self._context
        today = site.clock().date()
        before = today - timedelta(days=site.overdue_days)
        with site.ledger.reading() as connection:
            total = question_lookups.count_overdue(connection, before)
            found = question_lookups.list_overdue(
                connection, before, _OVERDUE_PAGE_SIZE + 1, after.last if after else None
            )
        dated = [DatedQuestion(one.id, _get_meeting_day(one) or date.min) for one in found]
        return site.render_cacheable_page(
            "overdue",
            total=total,
            overdue_days=site.overdue_days,
            questions=[(q, _count_days_waiting(q, today)) for q in found[:_OVERDUE_PAGE_SIZE]],
            first_number=(after.results_before if after else 0) + 1,
            is_first=after is None,
            next=_find_next(dated, _OVERDUE_PAGE_SIZE, after),
        )


def _get_meeting_day(question: Question) -> date | None:
    return question.meeting.date if question.meeting else None


def _count_days_waiting(question: Question, today: date) -> int:
    """Return the days since the meeting of a question; 0 where the date is unknown."""
    asked_on = _get_meeting_day(question)
    return (today - asked_on).days if asked_on else 0


def _find_next(
    listed: Sequence[DatedQuestion], size: int, after: SearchPosition | None
) -> str | None:
    """Return where the page after one of ``size`` questions begins; None after the last."""
    if len(listed) <= size:
        return None
    before = after.results_before if after else 0
    return SearchPosition(listed[size - 1], before + size).format()


def _read_position(request: Request) -> SearchPosition | None:
    """Return the parameter ``after``; None where a list begins.

    Raises:
        HTTPException: 400 where it is not that of a link to a further page.
    """
    text = request.query_params.get("after")
    if text is None:
        return None
    position = parse_position(text)
    if position is None:
        raise HTTPException(400, "This link to a further page is incomplete.")
    return position


def _read_number(request: Request, name: str) -> int | None:
    """Return a parameter as a positive number; None where it is not one."""
    text = request.query_params.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) or None if is_number else None
