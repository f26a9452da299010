"""What a page says, as printed: the noun between a page object and the normaliser.

Nothing here is interpreted: names keep their honours, dates their shape, labels their words.
"""

from __future__ import annotations

import msgspec

from crawler.records import Disagreement


class Paragraph(msgspec.Struct, frozen=True):
    """One block of a page's visible text."""

    text: str
    bold: str = ""  #: the text of the bold run that the paragraph starts with, if it does


class AttachmentItem(msgspec.Struct, frozen=True):
    """A linked file, its address as printed (it may be relative)."""

    title: str
    href: str


class AnswerItem(msgspec.Struct, frozen=True, kw_only=True):
    """One answer block."""

    answered_by: str | None = None
    date: str | None = None
    holding: bool = False  #: the page marks it as a holding reply, whatever its words
    body: tuple[Paragraph, ...] = ()
    html: str | None = None  #: the block's inner HTML, not yet sanitised
    attachments: tuple[AttachmentItem, ...] = ()


class QuestionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One question page."""

    source: str
    generation: str
    url: str | None = None
    title: str | None = None
    reference: str | None = None
    asked_by: str | None = None
    party: str | None = None
    asked_of: str | None = None
    meeting: str | None = None
    session_date: str | None = None
    category: str | None = None
    labels: dict[str, str] = {}
    supplementary: bool = False  #: the page says so itself, whatever its title says
    body: tuple[Paragraph, ...] = ()
    answers: tuple[AnswerItem, ...] = ()
    agreed: tuple[str, ...] = ()  #: names of the fields that two readings of the page found alike
    disagreements: tuple[Disagreement, ...] = ()  #: fields on which the two readings differ
    faults: tuple[str, ...] = ()  #: other reasons not to trust the page, each in words


class UnreadablePage(Exception):
    """Raised by a page object or the chooser: this is no question page that we know.

    Caught where pages are read in bulk (spider, ``parse``, ``ingest``): the page is reported
    with the reason, and the others go on.
    """
