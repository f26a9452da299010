"""london.gov.uk from about July 2019 to November 2022. Pure.

The class names are those that a public scraper of the time relied on
(``docs/explanation/source.md``). Of the fields above the question, only the asker's class is known.
The other fields are read by their labels, once inside a field (``div.field`` with label and items)
and once on the page's lines, and the two readings are compared.

The order in which these pages printed title, question and answers is not known. For those, the
reading by lines may confirm the reading by structure or replace a missing one, but a difference
proves nothing. The question's text has a second class, which is compared instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborNode

from crawler.reading import Document
from crawler.reading.comparison import (
    FieldValues,
    ReadingComparison,
    compare_answers,
    compare_fields,
    compare_words,
    drop_disagreements,
    merge_comparisons,
    replace_fields,
)
from crawler.reading.items import AnswerItem, AttachmentItem, Paragraph, QuestionItem
from crawler.reading.labels import (
    LABEL_FIELDS,
    LabelReading,
    has_bare_asker_label,
    is_listing,
    read_labels,
)
from crawler.reading.visible_text import extract_paragraphs, extract_text

_DESIGN_CSS = "div.field--name-field-asked-by, article.node--answer, div.answers"
_LATER_DESIGN_CSS = "table.styled-table, h3.page-section"


class London2019:
    """The page object for Drupal's fields."""

    source = "london"
    generation = "2019"

    def recognises(self, document: Document) -> bool:
        """Return whether the page has the asker's field or an article of an answer.

        A page saved as plain text is recognised by labels that stand alone on a line.
        """
        if not document.is_html:
            if not has_bare_asker_label(document.lines) or is_listing(document.lines):
                return False
            fields = read_labels(document.lines).fields.keys()
            return "asked_by" in fields and bool(fields & {"asked_of", "meeting", "session_date"})
        return document.main.css_first(_DESIGN_CSS) is not None and (
            document.main.css_first(_LATER_DESIGN_CSS) is None
        )

    def read(self, document: Document) -> QuestionItem:
        """Return the item, with the fields on which the two readings differ."""
        seen = read_labels(document.lines)
        bodies = self._read_question_bodies(document) if document.is_html else []
        structure, labels = self._read_structure(document) if document.is_html else ({}, {})
        answers, is_open = self._read_answers(document) if document.is_html else ((), False)
        body = bodies[0] if bodies else ()
        head = compare_fields(structure, seen.fields)
        fields = {"title": seen.lines_above[-1]} | head.fields if seen.lines_above else head.fields
        others = (_compare_titles(structure, seen), *_compare_texts(bodies, answers, seen))
        said = merge_comparisons(fields, (head, *others))
        item = QuestionItem(
            source=self.source,
            generation=self.generation,
            url=document.canonical_url,
            labels=seen.labels | labels,
            body=body or seen.paragraphs_below,
            answers=answers if answers or is_open else seen.answers,
            agreed=said.agreed,
            disagreements=said.disagreements,
        )
        return replace_fields(item, said.fields)

    @staticmethod
    def _read_structure(document: Document) -> tuple[FieldValues, dict[str, str]]:
        """Return the fields, the asker's by its class and the others by label, and all labels."""
        labels: dict[str, str] = {}
        of_answers = _find_in_answers(document, "div.field")
        for field in document.main.css("div.field"):
            label = (extract_text(field.css_first(".field__label")) or "").removesuffix(":").strip()
            items = [text for item in field.css(".field__item") if (text := extract_text(item))]
            if label and items and field.mem_id not in of_answers:
                labels[label] = ", ".join(items)
        known = {k.lower(): v for k, v in labels.items() if k.lower() in LABEL_FIELDS}
        fields = {LABEL_FIELDS[k]: v for k, v in known.items() if k != "session name"}
        by_class = {
            "title": extract_text(document.main.css_first("h1")),
            "asked_by": extract_text(
                document.main.css_first("div.field--name-field-asked-by div.field__item")
            ),
        }
        return fields | {name: value for name, value in by_class.items() if value}, labels

    @staticmethod
    def _read_question_bodies(document: Document) -> list[tuple[Paragraph, ...]]:
        """Return the question's text by each of the two classes that may hold it."""
        found: list[tuple[Paragraph, ...]] = []
        for css in ("div.field--name-body div.field__item", "section.question"):
            of_answers = _find_in_answers(document, css)
            nodes = (node for node in document.main.css(css) if node.mem_id not in of_answers)
            if (node := next(nodes, None)) is not None and (said := extract_paragraphs(node)):
                found.append(said)
        return found

    def _read_answers(self, document: Document) -> tuple[tuple[AnswerItem, ...], bool]:
        """Return the answers, one for each article, and whether the page says "no answer yet".

        A page can have a holding reply and the real answer.
        """
        articles = document.main.css("article.node--answer")
        items = (self._read_answer(a) for a in articles if a.css_first("div.no-answer") is None)
        said = tuple(item for item in items if item.body or item.attachments)
        return said, document.main.css_first("div.no-answer") is not None

    @staticmethod
    def _read_answer(article: LexborNode) -> AnswerItem:
        holding = article.css_first("p.holding")
        body = article.css_first("div.field--name-body")
        spoken = holding if holding is not None else body
        links = article.css("div.field--name-field-attachments a[href]")
        return AnswerItem(
            answered_by=extract_text(
                article.css_first("div.field--name-field-answered-by .field__item")
            ),
            date=extract_text(article.css_first("div.field--name-post-date .field__item")),
            holding=holding is not None,
            body=_extract_answer_text(spoken),
            html=body.inner_html if body is not None else None,
            attachments=tuple(
                AttachmentItem(extract_text(link) or href, href)
                for link in links
                if (href := link.attributes.get("href"))
            ),
        )


def _compare_texts(
    bodies: Sequence[tuple[Paragraph, ...]], answers: Sequence[AnswerItem], seen: LabelReading
) -> Iterator[ReadingComparison]:
    """Yield the comparisons of the question and the answers.

    The question's text is compared between its two classes, and text and answers by structure
    with those by label.
    """
    body = bodies[0] if bodies else ()
    for again in bodies[1:]:
        yield compare_words("question", body, again, is_end_known=True)
    below, is_end_known = seen.paragraphs_below, seen.has_answer_heading
    yield drop_disagreements(compare_words("question", body, below, is_end_known=is_end_known))
    yield drop_disagreements(compare_answers(answers, seen.answers))


def _compare_titles(structure: FieldValues, seen: LabelReading) -> ReadingComparison:
    """Return an agreement on the title if it stands above the labels.

    What else stands there is not known, so there is no disagreement.
    """
    title = structure.get("title")
    return ReadingComparison({}, ("title",) if title in seen.lines_above else (), ())


def _extract_answer_text(node: LexborNode | None) -> tuple[Paragraph, ...]:
    """Return the text of an answer, without the label of its field."""
    if node is None:
        return ()
    label = extract_text(node.css_first(".field__label"))
    return tuple(p for p in extract_paragraphs(node) if p.text != label)


def _find_in_answers(document: Document, css: str) -> set[int]:
    """Return the memory ids of the elements that are part of an answer."""
    return {node.mem_id for node in document.main.css(f"article.node--answer {css}")}


PAGE = London2019()
