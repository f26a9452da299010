"""The pages to read on: topics, questions, members, what is overdue, and the archived page."""

from __future__ import annotations

from datetime import date, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alerts.export.akoma_ntoso import build_debate
from alerts.export.json_ld import build_json_ld
from alerts.ledger import members, question_lookups, questions
from alerts.rendering.urls import normalise_link
from alerts.web.context import CapturedPage, WebContext
from alerts.web.forms import CsrfPair, FormTokens
from alerts.web.pages.views import find_question_view, find_topic_view
from crawler.records import Question

#: Questions on one page of a list; in those of a topic the words that matched are looked for.
_PAGE_SIZE, _TOPIC_PAGE_SIZE = 20, 12
_OVERDUE_PAGE_SIZE = 50
_MAX_MEMBER_TOPICS = 20
#: The source's page may bring its own pictures and styles; it may do nothing.
_CAPTURE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline' *; img-src *; font-src *"
_MAX_PAGE_NUMBER = 10_000


class ArchivePages:
    """The pages, over an open ledger."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens

    def build_routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/topic/{slug}", self._get_topic, methods=["GET"]),
            Route("/question/{id:path}", self._get_question, methods=["GET"]),
            Route("/akoma-ntoso/{id:path}", self._get_akoma_ntoso, methods=["GET"]),
            Route("/capture/{id:path}", self._get_capture, methods=["GET"]),
            Route("/members", self._get_members, methods=["GET"]),
            Route("/member/{person}", self._get_member, methods=["GET"]),
            Route("/overdue", self._get_overdue, methods=["GET"]),
        ]

    async def _get_topic(self, request: Request) -> Response:
        ticket = self._form_tokens.issue(request)
        slug, page = request.path_params["slug"], _read_page_number(request)
        response = await run_in_threadpool(self.render_topic, slug, page, ticket.csrf)
        return self._set_form_cookie(request, response, ticket)

    def render_topic(self, slug: str, page: int, csrf: str) -> Response:
        """A topic: its questions as threads, how many a month, its feeds."""
        site = self._context
        with site.ledger.reading() as connection:
            told = find_topic_view(connection, slug, site.clock().date(), page, _TOPIC_PAGE_SIZE)
        if told is None:
            raise HTTPException(404, "There is no such topic.")
        return site.render_page(
            "topic", told=told, page=page, csrf=csrf, open=site.accepts_sign_ups
        )

    async def _get_question(self, request: Request) -> Response:
        ticket = self._form_tokens.issue(request)
        response = await run_in_threadpool(
            self.render_question, request.path_params["id"], ticket.csrf
        )
        return self._set_form_cookie(request, response, ticket)

    def _set_form_cookie(self, request: Request, response: Response, ticket: CsrfPair) -> Response:
        """A page, with the cookie of its form where it has one."""
        if self._context.accepts_sign_ups:
            self._form_tokens.set_cookie(request, response, ticket.nonce)
        return response

    def render_question(self, question_id: str, csrf: str) -> Response:
        """A question with its supplementaries, and what became of it."""
        site = self._context
        with site.ledger.reading() as connection:
            told = find_question_view(connection, question_id)
        if told is None:
            raise HTTPException(404, "There is no such question.")
        return site.render_page(
            "question",
            told=told,
            described=build_json_ld(told.thread, site.feed_identity),
            csrf=csrf,
            open=site.accepts_sign_ups,
        )

    async def _get_akoma_ntoso(self, request: Request) -> Response:
        found = await run_in_threadpool(self.build_akoma_ntoso, request.path_params["id"])
        kept = {"Cache-Control": "public, max-age=300"}
        return Response(found, 200, kept, "application/akn+xml")

    def build_akoma_ntoso(self, question_id: str) -> bytes:
        """The thread of a question as a debate in Akoma Ntoso."""
        site = self._context
        with site.ledger.reading() as connection:
            told = find_question_view(connection, question_id)
        if told is None:
            raise HTTPException(404, "There is no such question.")
        return build_debate(told.thread, site.feed_identity, told.first_seen_at.date())

    async def _get_capture(self, request: Request) -> Response:
        found = await run_in_threadpool(self.find_capture, request.path_params["id"])
        headers = {
            "Content-Security-Policy": _CAPTURE_POLICY,
            "Memento-Datetime": f"{found.fetched_at:%a, %d %b %Y %H:%M:%S GMT}",  # RFC 7089
        }
        if original := normalise_link(found.url):
            headers["Link"] = f'<{original}>; rel="original"'
        return Response(found.body, 200, headers, found.content_type or "text/plain")

    def find_capture(self, question_id: str) -> CapturedPage:
        """The page of a question as it was when we last read it."""
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, question_id)
        found = self._context.read_capture(stored.capture) if stored and stored.capture else None
        if found is None:
            raise HTTPException(404, "Of this page there is no capture, or no longer.")
        return found

    async def _get_members(self, _request: Request) -> Response:
        return await run_in_threadpool(self.render_members)

    def render_members(self) -> Response:
        """All who ever asked."""
        with self._context.ledger.reading() as connection:
            everybody = members.list_members(connection)
        return self._context.render_cacheable_page("members", everybody=everybody)

    async def _get_member(self, request: Request) -> Response:
        person, page = request.path_params["person"], _read_page_number(request)
        return await run_in_threadpool(self.render_member, person, page)

    def render_member(self, person: str, page: int) -> Response:
        """What one member asked, how soon it was answered, and what it was about."""
        site = self._context
        with site.ledger.reading() as connection:
            name = members.find_name(connection, person)
            if name is None:
                raise HTTPException(404, "We know of nobody who is called so.")
            asked = members.count_questions(connection, person, site.overdue_days)
            ids = members.list_newest_questions(
                connection, person, _PAGE_SIZE + 1, (page - 1) * _PAGE_SIZE
            )
            about = members.list_topics(connection, person, _MAX_MEMBER_TOPICS)
            found = {q.id: q for q in questions.load_records(connection, ids[:_PAGE_SIZE])}
        return site.render_cacheable_page(
            "member",
            person=person,
            member=name,
            asked=asked,
            days=site.overdue_days,
            topics=about,
            questions=[found[one] for one in ids[:_PAGE_SIZE]],
            page=page,
            more=len(ids) > _PAGE_SIZE,
        )

    async def _get_overdue(self, request: Request) -> Response:
        return await run_in_threadpool(self.render_overdue, _read_page_number(request))

    def render_overdue(self, page: int) -> Response:
        """Questions that wait longer than they are to, the oldest first."""
        site = self._context
        today = site.clock().date()
        before = today - timedelta(days=site.overdue_days)
        with site.ledger.reading() as connection:
            total = question_lookups.count_overdue(connection, before)
            found = question_lookups.list_overdue(
                connection, before, _OVERDUE_PAGE_SIZE, (page - 1) * _OVERDUE_PAGE_SIZE
            )
        return site.render_cacheable_page(
            "overdue",
            total=total,
            days=site.overdue_days,
            questions=[(q, _count_days_waiting(q, today)) for q in found],
            page=page,
            more=total > page * _OVERDUE_PAGE_SIZE,
        )


def _count_days_waiting(question: Question, today: date) -> int:
    """How long a question has waited."""
    met = question.meeting.date if question.meeting else None
    return (today - met).days if met else 0


def _read_page_number(request: Request) -> int:
    number = request.query_params.get("page", "1")
    is_number = number.isascii() and number.isdigit() and len(number) < 6
    return min(max(1, int(number)), _MAX_PAGE_NUMBER) if is_number else 1
