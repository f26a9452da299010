"""Question pages in the markup of each design, from the same few facts. All words are ours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Blocks = Sequence[str]  #: HTML of a question's or an answer's blocks

FURNITURE = '<nav><a href="/">Unseen</a></nav>'


def page_2022(
    question: Blocks,
    answers: Sequence[tuple[str, Blocks]] = (),
    title: str = "River Piers",
    **rows: str,
) -> str:
    """Today's page; of an answer its day as printed ("" for none) and its blocks."""
    named = {"question_by": "Ada Brook AM", "organisation": "Riverside Group"}
    named |= {"asked_of": "The Mayor", "meeting": "MQT on 16 July 2026"}
    cells = "".join(
        f"<tr><td>{name.replace('_', ' ').capitalize()}:</td><td>{escape(value)}</td></tr>"
        for name, value in (rows | named | rows).items()
        if value
    )
    blocks = "".join(
        '<div class="u-space-y-5">' + _dated(day) + "".join(said) + "</div>"
        for day, said in answers
    )
    below = f'<div><h2 id="answer">Answer</h2></div><div class="u-space-y-7">{blocks}</div>'
    return _page(
        f"""<main><h1>{escape(title)}</h1>
        <table class="styled-table"><tr><th>Label</th><th>Content</th></tr>{cells}</table>
        <div><div class="section-title">Question</div>
        <h3 class="page-section">{escape(title)}</h3>
        <div class="rich-text">{"".join(question)}</div></div>{below if answers else ""}</main>"""
    )


def page_2019(
    question: Blocks,
    answers: Sequence[tuple[str, Blocks]] = (),
    title: str = "River Piers",
    *,
    labelled: bool = True,
    files: str = "",
) -> str:
    """A page of Drupal's fields, with their labels or without."""
    head = (
        _field("field-asked-by", "Question by" if labelled else "", "Ada Brook AM")
        + _field("field-organisation", "Organisation" if labelled else "", "Riverside Group")
        + _field("field-asked-of", "Asked of" if labelled else "", "The Mayor")
        + _field("field-meeting", "Meeting" if labelled else "", "MQT on 15 July 2021")
    )
    attached = f'<div class="field field--name-field-attachments">{files}</div>' if files else ""
    articles = "".join(
        f"""<article class="node node--answer">{_field("post-date", "", day)}
        {_field("field-answered-by", "Answered by" if labelled else "", "The Mayor")}
        {_field("body", "", "".join(said))}{attached}</article>"""
        for day, said in answers
    )
    return _page(
        f"""<div role="main"><h1>{escape(title)}</h1>{head}
        <section class="question">{_field("body", "", "".join(question))}</section>
        <div class="answers">{articles}</div></div>"""
    )


def lines_2014(
    question: Sequence[str], answer: Sequence[str] = (), title: str = "River Piers"
) -> list[str]:
    """The lines of a page of 2014, each value below its label."""
    head = ["Session date:", "October 22, 2014", "Question By:", "Ada Brook AM", "Riverside Group"]
    below = [f"Answer for {title}", "Answered By:", "The Mayor", *answer] if answer else []
    return [title, *head, "Asked Of:", "The Mayor", *question, *below]


def lines_2000(
    question: Sequence[str], answer: Sequence[str] = (), title: str = "River Piers"
) -> list[str]:
    """The lines of a page before 2014, as they were quoted."""
    head = ["[Main question]", "Question number 1500/2008", "Meeting date 16/07/2008"]
    below = ["Answer by Bo Reed", *(answer or ["Answer not yet available."])]
    return [title, *head, "Question by Ada Brook", *question, *below]


def page_of(lines: Sequence[str]) -> str:
    """Lines as a page, a block each: of the older designs no markup is known."""
    return _page(f"<main>{''.join(f'<div>{escape(line)}</div>' for line in lines)}</main>")


def _dated(day: str) -> str:
    return f"<div>Date:&nbsp; {day}</div>" if day else ""


def _field(name: str, label: str, value: str) -> str:
    shown = f'<div class="field__label">{label}</div>' if label else ""
    item = f'<div class="field__item">{value}</div>'
    return f'<div class="field field--name-{name}">{shown}{item}</div>' if value else ""


def _page(main: str) -> str:
    return f"""<!doctype html><html lang="en-GB"><head><title>Unseen</title></head>
      <body><header>{FURNITURE}</header>{main}<footer>{FURNITURE}</footer></body></html>"""
