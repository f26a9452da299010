"""The page objects: what they have in common, and how the one for a page is found. Pure."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Protocol

from crawler.reading import Document, UnreadablePage
from crawler.reading.items import QuestionItem
from crawler.reading.normalise import normalise_item
from crawler.records import Question


class PageObject(Protocol):
    """The reader of one page design of one source."""

    source: str  #: name of the source: ``london``
    generation: str  #: name of the page design, unique within the source: ``2014``

    def recognises(self, document: Document) -> bool:
        """Return whether the document is of this design.

        It is told from the page itself, never from its address. Exactly one page object may
        recognise a page.
        """

    def read(self, document: Document) -> QuestionItem:
        """Return what the page says, as printed.

        Raises:
            UnreadablePage: The page is not a question page after all.
        """


@cache  # one entry: the modules of a package do not change while a process runs
def load_page_objects() -> tuple[PageObject, ...]:
    """Return the ``PAGE`` of every module of this package, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return tuple(module.PAGE for module in modules if hasattr(module, "PAGE"))


def find_page_objects(document: Document, source: str | None = None) -> list[PageObject]:
    """Return the page objects that recognise ``document``: normally one.

    Args:
        document: The page.
        source: Consider only page objects of this source; None considers all.
    """
    return [p for p in load_page_objects() if source in (None, p.source) and p.recognises(document)]


def read_page(document: Document, source: str | None = None) -> QuestionItem:
    """Return what ``document`` says, as printed, read by the page object that recognises it.

    Args:
        document: The page.
        source: Consider only page objects of this source; None considers all.

    Raises:
        UnreadablePage: No page object recognises the page, or more than one does.
    """
    readers = find_page_objects(document, source)
    if not readers:
        raise UnreadablePage("no page design that we know has these marks: is it a question page?")
    if len(readers) > 1:
        names = ", ".join(f"{p.source} {p.generation}" for p in readers)
        raise UnreadablePage(f"the page has the marks of several designs ({names})")
    return readers[0].read(document)


def read_question(document: Document, source: str | None = None) -> Question:
    """Return the canonical record of the question on ``document``.

    Args:
        document: The page.
        source: Consider only page objects of this source; None considers all.

    Raises:
        UnreadablePage: The document is not a question page that we know.
    """
    return normalise_item(read_page(document, source), document)
