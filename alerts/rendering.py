"""Templates: the words around the data. An operator's own folder goes before ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError

from alerts.digest import Digest
from alerts.ledger.alarms import Alarm
from alerts.ledger.subscriptions import Subscriber
from alerts.mail import Letterhead, Links, Rendered
from alerts.snippets import Snippet
from crawler.records import Question

#: What has happened to a question, as a reader is told.
HEADLINES = {
    "asked": "New question",
    "holding": "Holding reply",
    "answered": "Answered",
    "corrected": "Corrected",
    "withdrawn": "Withdrawn",
}

#: What introduces the first words of what is new.
OPENINGS = {
    "asked": "The question",
    "holding": "The reply",
    "answered": "The answer",
    "corrected": "It now says",
    "withdrawn": "The question",
}

_FIELDS = {
    "asked_by": "name of the asker",
    "asked_of": "name of whom it was put to",
    "answered_by": "name of who answered",
    "ref": "number",
}


#: What an alarm is called in words.
TROUBLES = {
    "changed": "the pages are not what they were",
    "blocked": "the source refuses us",
    "unreachable": "the source cannot be reached",
    "partial": "crawls do not come to their end",
    "missing": "questions are listed that we could not read",
    "redirect_refused": "an answer would have led us away from the source",
    "held": "changes wait for your word",
    "silent": "it has not been read for long, and subscribers are told",
}


class TemplatesError(Exception):
    """A template is missing or wrong; the message names it."""


def shipped_templates() -> Path:
    """The templates that come with the program: inside the wheel, else beside the packages."""
    installed = Path(__file__).parent / "templates"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "templates"


def day(value: date | None) -> str:
    """``20 December 2018``; empty for no date."""
    return f"{value.day} {value:%B %Y}" if value else ""


def moment(value: datetime) -> str:
    """``20 December 2018, 07:05 UTC``"""
    return f"{day(value)}, {value:%H:%M} {value.tzname()}"


def web_address(url: str | None) -> str | None:
    """``url`` where it is one that may be linked to, else None."""
    return url if url and urlsplit(url).scheme in {"http", "https"} else None


class Templates:
    """The environments: one that escapes, and one for plain text."""

    def __init__(self, own: Path | None = None) -> None:
        folders = [folder for folder in (own, shipped_templates()) if folder]
        loader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])
        shared: dict[str, Any] = {
            "loader": loader,
            "undefined": StrictUndefined,
            "trim_blocks": True,
            "lstrip_blocks": True,
        }
        self._html = Environment(autoescape=True, **shared)
        self._text = Environment(autoescape=False, keep_trailing_newline=True, **shared)  # noqa: S701  # plain text
        for environment in (self._html, self._text):
            environment.filters |= {"day": day, "moment": moment, "web_address": web_address}
            environment.globals |= {
                "headlines": HEADLINES,
                "openings": OPENINGS,
                "fields": _FIELDS,
                "troubles": TROUBLES,
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

    def digest(
        self, digest: Digest, person: Subscriber, links: Links, head: Letterhead, now: datetime
    ) -> Rendered:
        """A digest in words."""
        values = {
            "digest": digest,
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
