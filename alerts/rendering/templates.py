"""Templates: the words around the data. An operator's own folder goes before ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
)
from markupsafe import Markup

from alerts.digests.digest import Digest
from alerts.digests.entries import Entry
from alerts.mail.message import Letterhead, Links, Rendered
from alerts.model import Alarm, Subscriber
from alerts.queries.snippets import Snippet
from alerts.rendering.css import inlined
from alerts.rendering.labels import EVERY, FIELDS, HEADLINES, OPENINGS, STATUSES, TROUBLES
from alerts.rendering.sanitize import sanitised
from alerts.rendering.urls import member_path, question_path, topic_path, web_address
from crawler.records import Question


class TemplatesError(Exception):
    """A template is missing or wrong; the message names it."""


def shipped_templates() -> Path:
    """The templates that come with the program: inside the wheel, else beside the packages."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


def day(value: date | None) -> str:
    """``20 December 2018``; empty for no date."""
    return f"{value.day} {value:%B %Y}" if value else ""


def month(value: date) -> str:
    """``December 2018``"""
    return f"{value:%B %Y}"


def moment(value: datetime) -> str:
    """``20 December 2018, 07:05 UTC``"""
    return f"{day(value)}, {value:%H:%M} {value.tzname()}"


class _Loader(BaseLoader):
    """Finds templates; those of emails are given their styles on the way."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._found = ChoiceLoader([FileSystemLoader(folder) for folder in folders])

    def get_source(self, environment: Environment, template: str) -> Any:
        source, *rest = self._found.get_source(environment, template)
        if template.startswith("mail/") and template.endswith(".html"):
            source = inlined(source, self._found.get_source(environment, "mail/style.css")[0])
        return (source, *rest)


class Card(msgspec.Struct, frozen=True):
    """A part of a digest, in both forms; the HTML is marked as safe."""

    html: str
    text: str


class Carding(Protocol):
    """What makes the cards of entries."""

    def card(self, entry: Entry, is_under: bool) -> Card:
        """One that is shown; told whether it stands under another."""

    def line(self, entry: Entry) -> Card:
        """One that is only named."""


#: So long the page with all of a digest can be reached.
KEPT_DAYS = 30


class Templates:
    """The environments: one that escapes, and one for plain text."""

    def __init__(self, own: Path | None = None) -> None:
        folders = [folder for folder in (own, shipped_templates()) if folder]
        loader = _Loader(folders)
        shared: dict[str, Any] = {
            "loader": loader,
            "undefined": StrictUndefined,
            "trim_blocks": True,
            "lstrip_blocks": True,
        }
        self._html = Environment(autoescape=True, **shared)
        self._text = Environment(autoescape=False, keep_trailing_newline=True, **shared)  # noqa: S701  # plain text
        for environment in (self._html, self._text):
            environment.filters |= {
                "day": day,
                "month": month,
                "moment": moment,
                "web_address": web_address,
                "question_path": question_path,
                "topic_path": topic_path,
                "member_path": member_path,
                "sanitised": sanitised,
            }
            environment.globals |= {
                "headlines": HEADLINES,
                "openings": OPENINGS,
                "fields": FIELDS,
                "troubles": TROUBLES,
                "every_words": EVERY,
                "statuses": STATUSES,
            }

    def html(self, name: str, /, **values: Any) -> str:
        """The template ``name`` as HTML; raises :class:`TemplatesError`."""
        return self._render(self._html, name, values)

    def text(self, name: str, /, **values: Any) -> str:
        """The template ``name`` as plain text; raises :class:`TemplatesError`."""
        return self._render(self._text, name, values)

    @staticmethod
    def _render(environment: Environment, name: str, values: dict[str, Any]) -> str:
        try:
            return environment.get_template(name).render(values)
        except TemplateError as error:
            raise TemplatesError(f"template {name}: {error}") from error

    def card(self, entry: Entry, is_under: bool) -> Card:
        """One entry, as it stands in everybody's digest."""
        values = {"entry": entry, "is_under": is_under}
        return self._part("mail/card", values)

    def line(self, entry: Entry) -> Card:
        """One entry that is only named."""
        return self._part("mail/line", {"entry": entry})

    def _part(self, name: str, values: dict[str, Any]) -> Card:
        html = self.html(f"{name}.html", **values)
        return Card(Markup(html), self.text(f"{name}.txt", **values))  # noqa: S704  # escaped by Jinja

    def digest(
        self,
        digest: Digest,
        person: Subscriber,
        links: Links,
        head: Letterhead,
        now: datetime,
        *,
        cards: Carding | None = None,
    ) -> Rendered:
        """A digest in words; ``cards`` may remember what they were asked before."""
        make = cards or self
        values = {
            "digest": digest,
            "cards": [make.card(entry, is_under) for entry, is_under in digest.full],
            "lines": [make.line(entry) for entry in digest.rest],
            "more": links.digest,
            "kept_days": KEPT_DAYS,
            "links": links,
            "head": head,
            "email": person.email,
            "now": now.astimezone(ZoneInfo(person.zone)),
        }
        return Rendered(
            subject=digest.subject,
            text=self.text("mail/digest.txt", **values),
            html=self.html("mail/digest.html", **values),
        )

    def confirmation(self, query: str, link: str, head: Letterhead, hours: int) -> Rendered:
        """The letter that asks somebody whether it was they who subscribed."""
        subject = f"{head.name}: shall we write to you about {query}?"
        values: dict[str, Any] = {
            "subject": subject,
            "query": query,
            "link": link,
            "head": head,
            "hours": hours,
        }
        return Rendered(
            subject=subject,
            text=self.text("mail/confirm.txt", **values),
            html=self.html("mail/confirm.html", **values),
        )

    def own_page(self, link: str, head: Letterhead, days: int) -> Rendered:
        """The letter with the link to somebody's own page."""
        values: dict[str, Any] = {
            "subject": f"{head.name}: what you get, and how to change it",
            "link": link,
            "head": head,
            "days": days,
        }
        return Rendered(
            subject=values["subject"],
            text=self.text("mail/own_page.txt", **values),
            html=self.html("mail/own_page.html", **values),
        )

    def letter(
        self, news: Sequence[Alarm], standing: Sequence[Alarm], head: Letterhead, now: datetime
    ) -> Rendered:
        """What the operator is told: ``news`` in full, and what is wrong altogether."""
        begun = [alarm for alarm in news if not alarm.cleared_at]
        first = (begun or news)[0]
        what = TROUBLES.get(first.kind, first.kind) if begun else "over"
        more = len(begun or news) - 1
        subject = f"{first.source}: {what}{f', and {more} more' if more else ''}"
        values = {
            "news": news,
            "standing": [alarm for alarm in standing if alarm not in news],
            "head": head,
            "subject": subject,
            "now": now,
        }
        return Rendered(
            subject=subject,
            text=self.text("mail/letter.txt", **values),
            html=self.html("mail/letter.html", **values),
        )

    def entry(
        self, question: Question, kind: str, before: Question | None, passage: Snippet | None
    ) -> str:
        """The content of one feed entry, as HTML, with the passage that matched above it."""
        return self.html(
            "feed/entry.html", question=question, kind=kind, before=before, passage=passage
        )
