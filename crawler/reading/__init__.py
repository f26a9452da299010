"""Reading: from the bytes of a page to the canonical record. Pure.

The tools of the page objects: documents and their visible text, labelled lines, dates, names,
speakers, the comparison of two readings, and the normaliser that turns an item (the page as
printed) into a record (the page as understood). Inside the crawler the modules are imported
directly, each being one tool.

Nothing here makes a request, and nothing knows a particular site.
"""

from crawler.reading.documents import Document, decode_document
from crawler.reading.items import UnreadablePage
from crawler.reading.markup_limits import check_markup
from crawler.reading.urls import build_question_id, canonicalise_path

__all__ = [
    "Document",
    "UnreadablePage",
    "build_question_id",
    "canonicalise_path",
    "check_markup",
    "decode_document",
]
