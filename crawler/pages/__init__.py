"""Page objects: each reads one page design ("generation") of one source. Pure.

A page object is a module of this package that holds a ``PAGE``. It is given a document and says
what the page prints; it makes no request and interprets nothing. A new design is one new file:
the modules are found by walking the package, and the generation is told from the page itself,
never from its address.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol

from crawler.reading.documents import Document
from crawler.reading.items import QuestionItem, UnreadablePage


class PageObject(Protocol):
    """What every page object offers."""

    source: str
    generation: str

    def recognises(self, document: Document) -> bool:
        """Whether the document is of this design; exactly one page object may say yes."""

    def read(self, document: Document) -> QuestionItem:
        """What the page says, as printed. Raises :class:`UnreadablePage`."""


@cache
def load_page_objects() -> tuple[PageObject, ...]:
    """Every page object of the package, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.PAGE for module in modules if hasattr(module, "PAGE"))


def find_page_objects(document: Document, source: str | None = None) -> list[PageObject]:
    """The page objects that take ``document`` for theirs: one, where all is well."""
    return [p for p in load_page_objects() if source in (None, p.source) and p.recognises(document)]


def read_page(document: Document, source: str | None = None) -> QuestionItem:
    """What ``document`` says, read by the page object that recognises it.

    ``source`` narrows the choice to one source's designs. Raises :class:`UnreadablePage` when
    no page object, or more than one, recognises the page.
    """
    readers = find_page_objects(document, source)
    if not readers:
        raise UnreadablePage("no page design that we know has these marks: is it a question page?")
    if len(readers) > 1:
        names = ", ".join(f"{p.source} {p.generation}" for p in readers)
        raise UnreadablePage(f"the page has the marks of several designs ({names})")
    return readers[0].read(document)
