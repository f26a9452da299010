"""Templates: the words around the data. An operator's own folder goes before ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
)

from alerts.errors import ExitStatus, WatchwordError
from alerts.mail.identity import MailIdentity
from alerts.mail.mime import RenderedMessage
from alerts.model import Alarm
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

    def render_confirmation(
        self, query: str, link: str, identity: MailIdentity, hours: int
    ) -> RenderedMessage:
        """The letter that asks somebody whether it was they who subscribed."""
        subject = f"{identity.name}: shall we write to you about {query}?"
        values: dict[str, Any] = {
            "subject": subject,
            "query": query,
            "link": link,
            "head": identity,
            "hours": hours,
        }
        return RenderedMessage(
            subject=subject,
            text=self.render_text("mail/confirm.txt", **values),
            html=self.render_html("mail/confirm.html", **values),
        )

    def render_manage_link_email(
        self, link: str, identity: MailIdentity, days: int
    ) -> RenderedMessage:
        """The letter with the link to somebody's own page."""
        values: dict[str, Any] = {
            "subject": f"{identity.name}: what you get, and how to change it",
            "link": link,
            "head": identity,
            "days": days,
        }
        return RenderedMessage(
            subject=values["subject"],
            text=self.render_text("mail/own_page.txt", **values),
            html=self.render_html("mail/own_page.html", **values),
        )

    def render_operator_email(
        self,
        new_alarms: Sequence[Alarm],
        open_alarms: Sequence[Alarm],
        identity: MailIdentity,
        now: datetime,
    ) -> RenderedMessage:
        """What the operator is told: ``new_alarms`` in full, and what is wrong altogether."""
        begun = [alarm for alarm in new_alarms if not alarm.cleared_at]
        first = (begun or new_alarms)[0]
        what = ALARM_LABELS.get(first.kind, first.kind) if begun else "over"
        more = len(begun or new_alarms) - 1
        subject = f"{first.source}: {what}{f', and {more} more' if more else ''}"
        values = {
            "news": new_alarms,
            "standing": [alarm for alarm in open_alarms if alarm not in new_alarms],
            "head": identity,
            "subject": subject,
            "now": now,
        }
        return RenderedMessage(
            subject=subject,
            text=self.render_text("mail/letter.txt", **values),
            html=self.render_html("mail/letter.html", **values),
        )
