"""Items: what a page says, as printed. A page object makes them, the normaliser reads them.

Nothing is interpreted: names keep their honours, dates their format, labels their words.
"""

from __future__ import annotations

import msgspec

from crawler.records import Disagreement


class Paragraph(msgspec.Struct, frozen=True):
    """One block of a page's visible text."""

    text: str
    bold: str = ""  #: text of the bold run at the start of the paragraph; empty if there is none


class AttachmentItem(msgspec.Struct, frozen=True):
    """A linked file."""

    title: str
    href: str  #: as printed; it may be relative


class AnswerItem(msgspec.Struct, frozen=True, kw_only=True):
    """One answer block."""

    answered_by: str | None = None
    date: str | None = None
    holding: bool = False  #: the page's markup says that it is a holding reply
    body: tuple[Paragraph, ...] = ()
    html: str | None = None  #: the block's inner HTML, not yet sanitised
    attachments: tuple[AttachmentItem, ...] = ()


class QuestionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One question page; every field as printed, None where the page lacks it."""

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
    supplementary: bool = False  #: the page says so, apart from its title
    body: tuple[Paragraph, ...] = ()
    answers: tuple[AnswerItem, ...] = ()
    agreed: tuple[str, ...] = ()  #: names of the fields that both readings found alike
    disagreements: tuple[Disagreement, ...] = ()  #: fields on which the two readings differ
    absent: tuple[str, ...] = ()  #: parts that the source says it does not have: ``asker``
    faults: tuple[str, ...] = ()  #: other reasons not to trust the page, each in words


class UnreadablePage(Exception):
    """A page is not a question page that we know. The message says why.

    Raised by page objects and by the search for one. Caught wherever many pages are read (spider,
    ``parse``, ``ingest``): the page is reported with the reason and the other pages are read.
    """
