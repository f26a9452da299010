"""london.gov.uk since December 2022. Pure.

Class names are those that a public scraper of April 2023 relied on (``docs/source.md``); no page
could be had to check them against. So each field of the head is read twice, by structure (the
cells of ``table.styled-table``) and by visible label (the page's lines), and the two are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborNode

from crawler.documents import Document
from crawler.items import AnswerItem, AttachmentItem, Paragraph, QuestionItem
from crawler.readings import Reading, by_label, compare, with_fields
from crawler.text import paragraphs, tidy, words

_LABELS = {
    "reference": "reference",
    "question by": "asked_by",
    "organisation": "party",
    "asked of": "asked_of",
    "category": "category",
    "meeting": "meeting",
    "meeting date": "session_date",
}
_DATE = re.compile(r"Date:\s*(.+)", re.IGNORECASE)
_ANSWERED_BY = re.compile(r"Answered by:\s*(.+)", re.IGNORECASE)
_NOT_YET = "answer not yet available"
_FILE = re.compile(
    r"/sites/default/files/|/media/\d+|\.(?:pdf|docx?|xlsx?|csv|pptx?|zip|ods|odt)$", re.IGNORECASE
)


class London2022:
    """Reader of today's pages."""

    source = "london"
    generation = "2022"

    def recognises(self, document: Document) -> bool:
        """By the table of labels, or by the section titles around a question."""
        return document.is_html and (
            document.tree.css_first("table.styled-table, h3.page-section") is not None
        )

    def read(self, document: Document) -> QuestionItem:
        """The item, with the fields on which the two readings differ."""
        body = self._question(document)
        structure, labels = self._by_structure(document)
        fields, disagreements = compare(structure, by_label(document.lines, _LABELS, body))
        answers = tuple(self._answers(document))
        item = QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.address,
            # Nobody has confirmed what today's h1 says, so it stands in and is not compared.
            title=words(document.main.css_first("h1")),
            labels=labels,
            body=body,
            answers=answers,
            disagreements=disagreements,
        )
        return with_fields(item, fields)

    @staticmethod
    def _by_structure(document: Document) -> tuple[Reading, dict[str, str]]:
        """Fields and every label of the table, and the section heading as the title."""
        labels: dict[str, str] = {}
        for row in document.main.css("table.styled-table tr"):
            cells = [words(cell) for cell in row.css("th, td")]
            if len(cells) >= 2 and (key := (cells[0] or "")).endswith(":") and cells[1]:
                labels[key.removesuffix(":").strip()] = cells[1]
        fields = {_LABELS[k.lower()]: v for k, v in labels.items() if k.lower() in _LABELS}
        title = words(document.main.css_first("h3.page-section"))
        return (fields | {"title": title} if title else fields), labels

    @staticmethod
    def _question(document: Document) -> tuple[Paragraph, ...]:
        """The words of the first ``div.rich-text`` that stands before the answer."""
        for node in document.main.css("#answer, div.rich-text"):
            if node.id == "answer":
                break
            return paragraphs(node)
        return ()

    def _answers(self, document: Document) -> Iterator[AnswerItem]:
        """One item for each block below the answer heading; none where there is no heading."""
        heading = document.main.css_first("#answer")
        for node in _blocks(heading) if heading is not None else ():
            item = self._answer(node)
            if item.body or item.attachments:
                yield item

    @staticmethod
    def _answer(node: LexborNode) -> AnswerItem:
        """One answer block; its first lines may be its date and who answered."""
        lines: Sequence[Paragraph] = paragraphs(node)
        date: str | None = None
        by: str | None = None
        while lines:
            if date is None and (match := _DATE.fullmatch(lines[0].text)):
                date = match[1]
            elif by is None and (match := _ANSWERED_BY.fullmatch(lines[0].text)):
                by = match[1]
            else:
                break
            lines = lines[1:]
        if lines and lines[0].text.lower().startswith(_NOT_YET):
            lines = ()
        files = [
            AttachmentItem(words(link) or href, href)
            for link in node.css("a[href]")
            if _FILE.search(href := link.attributes.get("href") or "")
        ]
        return AnswerItem(
            answered_by=by,
            date=date,
            body=tuple(lines),
            html=_without_labels(node),
            attachments=tuple(files),
        )


def _without_labels(node: LexborNode) -> str:
    """The inner HTML of an answer block, but for the lines at its top that we read as labels."""
    kept: list[str] = []
    for child in node.iter(include_text=True):
        text = tidy(child.text())
        if not kept and (not text or _DATE.fullmatch(text) or _ANSWERED_BY.fullmatch(text)):
            continue
        kept.append(child.html or "")
    return "".join(kept)


def _blocks(heading: LexborNode) -> list[LexborNode]:
    """The answer blocks: what ``div.u-space-y-7`` holds, in the heading's neighbourhood.

    The heading's parent is followed by the container. Where the page has the container but not
    the blocks in it, the container itself is the one answer.
    """
    parent = heading.parent
    sibling = parent.next if parent is not None else None
    while sibling is not None and not sibling.is_element_node:
        sibling = sibling.next
    if sibling is None:
        return []
    return sibling.css("div.u-space-y-5") or [sibling]


PAGE = London2022()
