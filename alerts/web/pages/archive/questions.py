"""Pages of questions: the thread, its versions, citations, short addresses and exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from alerts.export import build_citation, build_debate, build_json_ld
from alerts.language import gettext_noop as _
from alerts.ledger import changes, question_lookups, questions
from alerts.model import ChangeKind
from alerts.questions import compare_versions
from alerts.rendering import question_path, short_path
from alerts.web.context import WebContext
from alerts.web.errors import TAKEN_DOWN, LikelyPage, PageNotFound
from alerts.web.forms import FormTokens
from alerts.web.pages.archive.lists import (
    count_days_to_answer,
    count_days_waiting,
    find_body_id,
    read_number,
)
from alerts.web.pages.archive.question_view import (
    QuestionView,
    find_question_view,
    number_supplementary,
)
from crawler.records import Question, name_question

#: Five minutes: the page of a question that is being read does not change under the reader.
_EXPORT_CACHE_CONTROL = "public, max-age=300"
_NO_QUESTION = _("There is no such question.")
#: Characters of a reference that is looked up: the longest that a source prints has 12.
_MAX_REFERENCE = 60
#: Letters that are typed for digits.
_TYPED_DIGITS = str.maketrans("oOlI", "0011")
#: Formats of a citation by the parameter ``format``, with the ending of the file and its type.
_CITATION_FORMATS = {
    "bibtex": ("bib", "application/x-bibtex"),
    "csl": ("json", "application/vnd.citationstyles.csl+json"),
}


class QuestionPages:
    """The pages about one question each."""

    def __init__(self, context: WebContext, form_tokens: FormTokens) -> None:
        self._context, self._form_tokens = context, form_tokens

    def build_routes(self) -> list[Route]:
        """Return the routes of all pages about a question."""
        return [
            Route("/question/{id:path}", self._get_question, methods=["GET"]),
            Route("/q/{reference}", self._get_short, methods=["GET"]),
            Route("/q/{source}/{reference}", self._get_short, methods=["GET"]),
            Route("/versions/{id:path}", self._get_versions, methods=["GET"]),
            Route("/cite/{id:path}", self._get_citation, methods=["GET"]),
            Route("/akoma-ntoso/{id:path}", self._get_akoma_ntoso, methods=["GET"]),
        ]

    async def _get_question(self, request: Request) -> Response:
        csrf_pair = self._form_tokens.issue(request)
        response = await run_in_threadpool(
            self.render_question, request.path_params["id"], csrf_pair.csrf
        )
        if self._context.accepts_sign_ups:
            self._form_tokens.set_cookie(request, response, csrf_pair.nonce)
        return response

    def render_question(self, question_id: str, csrf: str) -> Response:
        """Return a question's page.

        Raises:
            HTTPException: 404 for an unknown id, 410 for a question that was taken down.
        """
        site, view = self._context, self._load_question(question_id)
        today = site.clock().date()
        return site.render_page(
            "question",
            view=view,
            days_waiting={one.id: count_days_waiting(one, today) for one in view.thread},
            days_to_answer={one.id: count_days_to_answer(one) for one in view.thread},
            body_ids={one.id: find_body_id(one) for one in view.thread},
            numbers={
                one.id: number_supplementary(view.thread, place)
                for place, one in enumerate(view.thread)
            },
            zone=ZoneInfo(site.site.zone),
            overdue_days=site.overdue_days,
            short_url=self._find_short_url(view),
            page_url=self._build_url(question_path(view.question.id)),
            json_ld=build_json_ld(view.thread, site.feed_identity),
            csrf=csrf,
            accepts_sign_ups=site.accepts_sign_ups,
            **self._describe_source(view.question),
        )

    def _describe_source(self, question: Question) -> dict[str, Any]:
        """Return what a page calls the source, and where its site is."""
        site_urls = self._context.feed_identity.site_urls
        return {
            "source_host": urlsplit(question.url or "").hostname,
            "source_name": self._context.name_source(question.source),
            "site_url": site_urls.get(question.source),
        }

    def _find_short_url(self, view: QuestionView) -> str:
        """Return the shortest address that leads to this question alone."""
        question, counts = view.question, view.same_reference
        short = None
        if sum(counts.values()) == 1:
            short = short_path(question.reference)
        elif counts.get(question.source) == 1:
            short = short_path(question.reference, question.source)
        return self._build_url(short or question_path(question.id))

    def _build_url(self, path: str) -> str:
        """Return the address of a page; without a public address, its path."""
        return f"{self._context.feed_identity.public_url or ''}{path}"

    def _load_question(self, question_id: str) -> QuestionView:
        is_only = len(self._context.feed_identity.site_urls) == 1
        with self._context.ledger.reading() as connection:
            view = find_question_view(connection, question_id, is_only_source=is_only)
            if view is None:
                raise PageNotFound(_NO_QUESTION, _suggest_questions(connection, question_id))
        if view.question.is_taken_down:
            raise HTTPException(410, TAKEN_DOWN)
        return view

    async def _get_short(self, request: Request) -> Response:
        reference, source = request.path_params["reference"], request.path_params.get("source")
        return await run_in_threadpool(self.find_short, reference[:_MAX_REFERENCE], source)

    def find_short(self, reference: str, source: str | None) -> Response:
        """Return a redirect to the question with a reference, or a page to choose one of several.

        Args:
            reference: with hyphens for its slashes: ``2026-1303``.
            source: as the config names it; None for all sources.

        Raises:
            PageNotFound: there is no such reference.
        """
        with self._context.ledger.reading() as connection:
            found = question_lookups.list_by_short_reference(connection, reference, source)
            if not found:
                raise PageNotFound(_NO_QUESTION, _suggest_questions(connection, reference))
        if len(found) == 1:
            # Temporary: another question may get the same reference later.
            return RedirectResponse(question_path(found[0].id), 302)
        sources = {one.source: self._context.name_source(one.source) for one in found}
        return self._context.render_cacheable_page(
            "choose_question", reference=found[0].reference, questions=found, sources=sources
        )

    async def _get_versions(self, request: Request) -> Response:
        number = read_number(request, "change")
        return await run_in_threadpool(self.render_versions, request.path_params["id"], number)

    def render_versions(self, question_id: str, number: int | None) -> Response:
        """Return both versions of a question around a correction, side by side.

        Args:
            question_id: the question's.
            number: of the change.

        Raises:
            HTTPException: 404 where this is no correction of the question, 410 for a question that
                was taken down.
        """
        with self._context.ledger.reading() as connection:
            stored = questions.find(connection, question_id)
            found = changes.get(connection, [number] if number else [])
        if stored is not None and stored.record.is_taken_down:
            raise HTTPException(410, TAKEN_DOWN)
        numbered = next(iter(found.values()), None)
        is_known = (
            stored is not None
            and numbered is not None
            and numbered.change.after.id == stored.record.id
            and numbered.change.kind == ChangeKind.CORRECTED
        )
        if not is_known or stored is None or numbered is None or numbered.change.before is None:
            raise PageNotFound(_("There is no such correction."))
        return self._context.render_cacheable_page(
            "versions",
            question=stored.record,
            recorded_at=numbered.recorded_at,
            paragraphs=list(compare_versions(numbered.change.before, numbered.change.after)),
        )

    async def _get_citation(self, request: Request) -> Response:
        wanted = request.query_params.get("format")
        return await run_in_threadpool(self.render_citation, request.path_params["id"], wanted)

    def render_citation(self, question_id: str, wanted: str | None) -> Response:
        """Return how to cite a question: a page, or a file for a reference manager.

        Args:
            question_id: the question's.
            wanted: ``bibtex`` or ``csl``; anything else for the page.

        Raises:
            HTTPException: 404 for an unknown id, 410 for a question that was taken down.
        """
        view, site = self._load_question(question_id), self._context
        citation = build_citation(
            view.question,
            self._find_short_url(view),
            site.name_source(view.question.source),
            site.clock().date(),
        )
        if wanted in _CITATION_FORMATS:
            ending, media_type = _CITATION_FORMATS[wanted]
            text = citation.bibtex if wanted == "bibtex" else citation.csl_json
            name = f'attachment; filename="{citation.key}.{ending}"'
            return Response(text, 200, {"Content-Disposition": name}, media_type)
        return site.render_page("citation", question=view.question, citation=citation)

    async def _get_akoma_ntoso(self, request: Request) -> Response:
        body = await run_in_threadpool(self.build_akoma_ntoso, request.path_params["id"])
        headers = {"Cache-Control": _EXPORT_CACHE_CONTROL}
        return Response(body, 200, headers, "application/akn+xml")

    def build_akoma_ntoso(self, question_id: str) -> bytes:
        """Return a question's thread as an Akoma Ntoso 3.0 debate."""
        view = self._load_question(question_id)
        return build_debate(view.thread, self._context.feed_identity, view.first_seen_at.date())


def _suggest_questions(connection: Connection, typed: str) -> Sequence[LikelyPage]:
    """Return questions whose reference is nearly what an unknown address ends with.

    ``2026-13o3`` leads to the question 2026/1303.
    """
    ending = "-".join(typed.replace("_", "-").rsplit("/", 2)[-2:]) if "/" in typed else typed
    digits = ending[-_MAX_REFERENCE:].translate(_TYPED_DIGITS)
    for reference in dict.fromkeys((digits, digits.rpartition("-")[2])):
        found = question_lookups.list_by_short_reference(connection, reference, limit=3)
        if found:
            return [
                LikelyPage(name_question(one), question_path(one.id))
                for one in found
                if not one.is_taken_down
            ]
    return ()
