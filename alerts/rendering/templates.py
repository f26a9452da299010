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
from alerts.errors import ExitStatus, WatchwordError
from alerts.mail.identity import EmailLinks, MailIdentity
from alerts.mail.mime import RenderedMessage
from alerts.model import Subscriber
from alerts.rendering.css import inline_css
from alerts.rendering.labels import (
    ALARM_LABELS,
    CHANGE_LABELS,
    DETAIL_LABELS,
    FIELD_LABELS,
    FREQUENCY_LABELS,
    OPENING_LABELS,
    QUESTION_STATUS_LABELS,
    UPDATES_LABELS,
)
from alerts.rendering.sanitise import sanitise_html
from alerts.rendering.urls import member_path, normalise_link, question_path, topic_path
from alerts.text import Snippet
from crawler.records import Question


class TemplatesError(WatchwordError):
    """A template is missing or wrong; the message names it."""

    exit_status = ExitStatus.CONFIG


def find_shipped_templates() -> Path:
    """The templates that come with the program: inside the wheel, else beside the packages."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


def format_date(value: date | None) -> str:
    """``20 December 2018``; empty for no date."""
    return f"{value.day} {value:%B %Y}" if value else ""


def format_month(value: date) -> str:
    """``December 2018``"""
    return f"{value:%B %Y}"


def format_moment(value: datetime) -> str:
    """``20 December 2018, 07:05 UTC``"""
    return f"{format_date(value)}, {value:%H:%M} {value.tzname()}"


class _TemplateLoader(BaseLoader):
    """Finds templates; those of emails are given their styles on the way."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._found = ChoiceLoader([FileSystemLoader(folder) for folder in folders])

    def get_source(self, environment: Environment, template: str) -> Any:
        source, *rest = self._found.get_source(environment, template)
        if template.startswith("mail/") and template.endswith(".html"):
            source = inline_css(source, self._found.get_source(environment, "mail/style.css")[0])
        return (source, *rest)


class RenderedEntry(msgspec.Struct, frozen=True):
    """A part of a digest, in both forms; the HTML is marked as safe."""

    html: str
    text: str


class EntryRenderer(Protocol):
    """What makes the cards of entries."""

    def render_entry(self, entry: Entry, is_nested: bool) -> RenderedEntry:
        """One that is shown; told whether it stands under another."""

    def render_entry_title(self, entry: Entry) -> RenderedEntry:
        """One that is only named."""


#: So long the page with all of a digest can be reached.
DIGEST_PAGE_DAYS = 30


class Templates:
    """The environments: one that escapes, and one for plain text."""

    def __init__(self, own_folder: Path | None = None) -> None:
        folders = [folder for folder in (own_folder, find_shipped_templates()) if folder]
        loader = _TemplateLoader(folders)
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
                "day": format_date,
                "month": format_month,
                "moment": format_moment,
                "web_address": normalise_link,
                "question_path": question_path,
                "topic_path": topic_path,
                "member_path": member_path,
                "sanitised": sanitise_html,
            }
            environment.globals |= {
                "change_labels": CHANGE_LABELS,
                "opening_labels": OPENING_LABELS,
                "field_labels": FIELD_LABELS,
                "alarm_labels": ALARM_LABELS,
                "frequency_labels": FREQUENCY_LABELS,
                "updates_labels": UPDATES_LABELS,
                "detail_labels": DETAIL_LABELS,
                "status_labels": QUESTION_STATUS_LABELS,
            }

    def render_html(self, name: str, /, **values: Any) -> str:
        """The template ``name`` as HTML; raises :class:`TemplatesError`."""
        return self._render(self._html, name, values)

    def render_text(self, name: str, /, **values: Any) -> str:
        """The template ``name`` as plain text; raises :class:`TemplatesError`."""
        return self._render(self._text, name, values)

    @staticmethod
    def _render(environment: Environment, name: str, values: dict[str, Any]) -> str:
        try:
            return environment.get_template(name).render(values)
        except TemplateError as error:
            raise TemplatesError(f"template {name}: {error}") from error

    def render_entry(self, entry: Entry, is_nested: bool) -> RenderedEntry:
        """One entry, as it stands in everybody's digest."""
        values = {"entry": entry, "is_under": is_nested}
        return self._render_both("mail/card", values)

    def render_entry_title(self, entry: Entry) -> RenderedEntry:
        """One entry that is only named."""
        return self._render_both("mail/line", {"entry": entry})

    def _render_both(self, name: str, values: dict[str, Any]) -> RenderedEntry:
        html = self.render_html(f"{name}.html", **values)
        return RenderedEntry(Markup(html), self.render_text(f"{name}.txt", **values))  # noqa: S704  # escaped by Jinja

    def render_digest(
        self,
        digest: Digest,
        subscriber: Subscriber,
        links: EmailLinks,
        identity: MailIdentity,
        now: datetime,
        *,
        entry_renderer: EntryRenderer | None = None,
    ) -> RenderedMessage:
        """A digest in words; ``entry_renderer`` may remember what they were asked before."""
        make = entry_renderer or self
        values = {
            "digest": digest,
            "cards": [
                make.render_entry(entry, is_under) for entry, is_under in digest.full_entries
            ],
            "lines": [make.render_entry_title(entry) for entry in digest.titles_only_entries],
            "more": links.digest,
            "kept_days": DIGEST_PAGE_DAYS,
            "links": links,
            "head": identity,
            "email": subscriber.email,
            "now": now.astimezone(ZoneInfo(subscriber.zone)),
        }
        return RenderedMessage(
            subject=digest.subject,
            text=self.render_text("mail/digest.txt", **values),
            html=self.render_html("mail/digest.html", **values),
        )

    def render_feed_entry(
        self, question: Question, kind: str, before: Question | None, passage: Snippet | None
    ) -> str:
        """The content of one feed entry, as HTML, with the passage that matched above it."""
        return self.render_html(
            "feed/entry.html", question=question, kind=kind, before=before, passage=passage
        )
