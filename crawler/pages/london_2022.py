"""london.gov.uk since December 2022. Pure.

The class names are those that a public scraper of April 2023 relied on
(``docs/explanation/source.md``). They could not be checked against a page. So every field is read
twice: by structure (the cells of ``table.styled-table``, the blocks below ``h2#answer``) and by the
visible lines, where the title follows the labels, the question follows the title, and the answers
follow their heading. The two readings are compared; a field that only one of them finds is taken
from that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec
from selectolax.lexbor import LexborNode

from crawler.reading import Document
from crawler.reading.comparison import (
    FieldValues,
    compare_answers,
    compare_fields,
    compare_words,
    merge_comparisons,
    replace_fields,
)
from crawler.reading.items import AnswerItem, AttachmentItem, Paragraph, QuestionItem
from crawler.reading.labels import (
    LABEL_FIELDS,
    LabelReading,
    has_bare_asker_label,
    is_listing,
    read_answer,
    read_labels,
)
from crawler.reading.visible_text import clean_text, extract_paragraphs, extract_text

_LABEL_LINE = re.compile(r"(?:Date:\s*.+|Answered by:.*)?", re.IGNORECASE)
_FILE_LINK = re.compile(
    r"/sites/default/files/|/media/\d+|\.(?:pdf|docx?|xlsx?|csv|pptx?|zip|ods|odt)$", re.IGNORECASE
)
_DESIGN_CSS = "table.styled-table, h3.page-section"
#: Elements of the previous design, which prints some of the same labels.
_EARLIER_DESIGN_CSS = "div.field--name-field-asked-by, article.node--answer, div.answers"
#: Labels that only this design prints, for pages without markup or with unknown markup. The rows
#: of a listing print the other labels too.
_OWN_LABELS = frozenset(("meeting", "session name"))


class London2022:
    """The page object for today's pages."""

    source = "london"
    generation = "2022"

    def recognises(self, document: Document) -> bool:
        """Return whether the page has this design's table or headings, or labels of its own."""
        if document.is_html and document.main.css_first(_DESIGN_CSS):
            return True
        if document.is_html and document.main.css_first(_EARLIER_DESIGN_CSS):
            return False
        if has_bare_asker_label(document.lines) or is_listing(document.lines):
            return False
        labels = {name.lower() for name in read_labels(document.lines).labels}
        return bool(labels & {"question by", "asked by"}) and bool(labels & _OWN_LABELS)

    def read(self, document: Document) -> QuestionItem:
        """Return the item, with the fields on which the two readings agree and differ."""
        seen = read_labels(document.lines)
        structure, labels = self.read_structure(document) if document.is_html else ({}, {})
        body, answers = self.read_texts(document) if document.is_html else ((), ())
        head = compare_fields(structure, _read_label_fields(seen, structure.get("title"), body))
        seen_body = seen.find_body(head.fields.get("title"))
        question = compare_words("question", body, seen_body, is_end_known=seen.has_answer_heading)
        said = merge_comparisons(
            head.fields, (head, question, compare_answers(answers, seen.answers))
        )
        item = QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.canonical_url,
            labels=seen.labels | labels,
            body=body or seen_body,
            answers=answers or seen.answers,
            agreed=said.agreed,
            disagreements=said.disagreements,
        )
        return replace_fields(item, said.fields)

    def read_texts(
        self, document: Document
    ) -> tuple[tuple[Paragraph, ...], tuple[AnswerItem, ...]]:
        """Return the question's text and the answers, by structure."""
        return self._read_question_body(document), tuple(self._read_answers(document))

    @staticmethod
    def read_structure(document: Document) -> tuple[FieldValues, dict[str, str]]:
        """Return the fields and all labels of the table; the section heading is the title."""
        labels: dict[str, str] = {}
        for row in document.main.css("table.styled-table tr"):
            cells = [extract_text(cell) for cell in row.css("th, td")]
            if len(cells) >= 2 and (key := (cells[0] or "")).endswith(":") and cells[1]:
                labels[key.removesuffix(":").strip()] = cells[1]
        known = {k.lower(): v for k, v in labels.items() if k.lower() in LABEL_FIELDS}
        fields = {LABEL_FIELDS[k]: v for k, v in known.items() if k != "session name"}
        title = extract_text(document.main.css_first("h3.page-section"))
        return (fields | {"title": title} if title else fields), labels

    @staticmethod
    def _read_question_body(document: Document) -> tuple[Paragraph, ...]:
        """Return the text of the first ``div.rich-text`` before the answer."""
        for node in document.main.css("#answer, div.rich-text"):
            if node.id == "answer":
                break
            return extract_paragraphs(node)
        return ()

    def _read_answers(self, document: Document) -> Iterator[AnswerItem]:
        """Yield one item for each block below the answer heading."""
        heading = document.main.css_first("#answer")
        for node in _find_answer_blocks(heading) if heading is not None else ():
            item = self._read_answer_block(node)
            if item.body or item.attachments:
                yield item

    @staticmethod
    def _read_answer_block(node: LexborNode) -> AnswerItem:
        """Return one answer, with the files that it links to."""
        files = [
            AttachmentItem(extract_text(link) or href, href)
            for link in node.css("a[href]")
            if _FILE_LINK.search(href := link.attributes.get("href") or "")
        ]
        return msgspec.structs.replace(
            read_answer(extract_paragraphs(node)),
            html=_strip_label_lines(node),
            attachments=tuple(files),
        )


def _read_label_fields(
    seen: LabelReading, title: str | None, body: tuple[Paragraph, ...]
) -> FieldValues:
    """Return the fields by label, with the line after the labels as the title.

    If the question's text starts there, the page has no title.
    """
    found = seen.find_title(title)
    missing = found is None or (body and found == body[0].text)
    return seen.fields if missing else seen.fields | {"title": found or ""}


def _strip_label_lines(node: LexborNode) -> str:
    """Return the inner HTML of an answer block, without the labelled lines at its top."""
    html = node.inner_html or ""
    for child in node.iter(include_text=True):
        if not _LABEL_LINE.fullmatch(clean_text(child.text())):
            break
        html = html.removeprefix(child.html or "")
    return html


def _find_answer_blocks(heading: LexborNode) -> list[LexborNode]:
    """Return the answer blocks in ``div.u-space-y-7``, which follows the heading's parent.

    If that container has no blocks in it, it is itself the one answer.
    """
    parent = heading.parent
    sibling = parent.next if parent is not None else None
    while sibling is not None and not sibling.is_element_node:
        sibling = sibling.next
    if sibling is None:
        return []
    blocks = sibling.css("div.u-space-y-5")
    return _drop_inner(blocks) or [sibling]


def _drop_inner(blocks: Sequence[LexborNode]) -> list[LexborNode]:
    """Return the blocks that are inside no other one, with which their text is read.

    What is known of the elements above a block is kept, so that each is looked at once.
    """
    ids = {block.mem_id for block in blocks}
    known: dict[int, bool] = {}
    outer: list[LexborNode] = []
    for block in blocks:
        passed: list[int] = []
        above = block.parent
        while above is not None and above.mem_id not in ids and above.mem_id not in known:
            passed.append(above.mem_id)
            above = above.parent
        is_inner = above is not None and (above.mem_id in ids or known[above.mem_id])
        known |= dict.fromkeys(passed, is_inner)
        if not is_inner:
            outer.append(block)
    return outer


PAGE = London2022()
