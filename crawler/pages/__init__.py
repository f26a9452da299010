"""Page objects: each reads one page design ("generation") of one source. Pure.

A page object is a module of this package that holds a ``PAGE``. It is given a document and says
what the page prints. It makes no request and interprets nothing: that is the work of
:mod:`crawler.reading`. A new design is one new file, which is found by walking this package.

Nothing here knows spiders, Scrapy or the ledger.
"""

from crawler.pages.page_objects import (
    PageObject,
    find_page_objects,
    load_page_objects,
    read_page,
    read_question,
)

__all__ = ["PageObject", "find_page_objects", "load_page_objects", "read_page", "read_question"]
