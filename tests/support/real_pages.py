"""A sheet of facts in the markup of its design: see ``docs/explanation/source.md``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from crawler.replica.date_formats import format_long_date, format_us_date, format_weekday_date
from tests.support.real_facts import LISTING_PATH, SITE_URL, PrintedAnswer, PrintedPage
from tests.support.real_quirks import PrintedLine

FILES_PATH = "/sites/default/files"
TEASER_LENGTH = 500


def format_line(line: PrintedLine) -> str:
    """A paragraph as text: ``The Chair:  Filler.``"""
    return line.words if line.speaker is None else f"{line.speaker}:  {line.words}"


def render_paragraph(line: PrintedLine) -> str:
    """A paragraph as markup, its label bold as the source has it since 2019."""
    if line.bold:
        rest = line.words.removeprefix(line.bold)
        return f"<p><strong>{escape(line.bold)}</strong><span>{escape(rest)}</span></p>"
    if line.speaker:
        label = f"<strong><span>{escape(line.speaker)}:</span></strong>"
        return f"<p>{label}&nbsp; {escape(line.words)}</p>"
    return f"<p>{escape(format_line(line))}</p>"


def _render_page(main: str) -> str:
    return f"""<!doctype html><html lang="en-GB"><head><title>Unseen</title></head><body>
      <header><nav><a href="/">Unseen</a></nav></header>{main}<footer>Unseen</footer>
      </body></html>"""


def render_page_of_lines(lines: Iterable[str]) -> str:
    """Lines as a page, a block each."""
    return _render_page(f"<main>{''.join(f'<p>{escape(line)}</p>' for line in lines)}</main>")


# ------------------------------------------------------------------ to 2014


def render_lines_2000(sheet: PrintedPage) -> list[str]:
    """The lines of the oldest pages, of which only text is known."""
    assert sheet.day is not None
    answer = [format_line(line) for reply in sheet.answers for line in reply.lines]
    by = next((reply.by for reply in sheet.answers), None) or sheet.asked_of
    return [
        sheet.title,
        "[Main question]",
        f"Question number {sheet.reference}",
        f"Meeting date {sheet.day:%d/%m/%Y}",
        f"Question by {sheet.asked_by}",
        *map(format_line, sheet.question),
        f"Answer by {by}",
        *(answer or ["Answer not yet available."]),
    ]


# ------------------------------------------------------------------ 2014 to 2019


def render_lines_2014(sheet: PrintedPage) -> list[str]:
    """The lines of a page in their order; each label has its value on the next line."""
    answer = [format_line(line) for reply in sheet.answers for line in reply.lines]
    if "no labels in the captured text" in sheet.features:
        return [sheet.title, *map(format_line, sheet.question), *answer]
    absent = any(feature.startswith("title absent") for feature in sheet.features)
    return [
        *([] if absent else [sheet.title]),
        *([sheet.meeting] if sheet.meeting else []),
        *(["Session date:", format_us_date(sheet.day)] if sheet.day else []),
        *("Question By:", sheet.asked_by),
        *([sheet.party] if sheet.party else []),
        *("Asked Of:", sheet.asked_of),
        *map(format_line, sheet.question),
        *_thread_label(sheet),
        *_answer_2014(sheet, answer),
    ]


def _thread_label(sheet: PrintedPage) -> Iterator[str]:
    """The label for the other questions of the thread, with nothing behind it."""
    if 'label "Supplementary To:" present but empty' in sheet.features:
        yield "Supplementary To:"
    elif sheet.meeting:
        yield "Supplementary Questions:"


def _answer_2014(sheet: PrintedPage, answer: list[str]) -> Iterator[str]:
    plain = "title printed 3 times" in sheet.features
    heading = sheet.title if plain else f"Answer for {sheet.title}"
    yield heading
    for reply in sheet.answers:
        yield heading
        yield from ("Answered By:", reply.by or sheet.asked_of)
        yield from answer


def render_page_2014(sheet: PrintedPage) -> str:
    """The same lines as a page, a block each: no markup of the design is known."""
    return render_page_of_lines(render_lines_2014(sheet))


# ------------------------------------------------------------------ 2019 to 2022


def render_page_2019(sheet: PrintedPage) -> str:
    """Drupal's fields."""
    fields = {
        "asked-by": ("Question by", sheet.asked_by),
        "organisation": ("Organisation", sheet.party),
        "asked-of": ("Asked of", sheet.asked_of),
        "meeting-date": ("Meeting date", format_long_date(sheet.day) if sheet.day else None),
        "reference": ("Reference", sheet.reference),
    }
    head = "".join(
        _render_field(f"field-{name}", label, text) for name, (label, text) in fields.items()
    )
    words = "".join(map(render_paragraph, sheet.question))
    answers = "".join(map(_render_article, sheet.answers)) or (
        '<article class="node node--answer"><div class="no-answer">Not yet</div></article>'
    )
    return _render_page(f"""<div role="main"><h1>{escape(sheet.title)}</h1>{head}
      <section class="question"><div class="field field--name-body">
      <div class="field__item">{words}</div></div></section>
      <div class="answers">{answers}</div></div>""")


def _render_field(name: str, label: str, text: str | None) -> str:
    shown = f'<div class="field__label">{label}</div>' if label else ""
    item = f'<div class="field__item">{escape(text or "")}</div>'
    return f'<div class="field field--name-{name}">{shown}{item}</div>' if text else ""


def _render_article(reply: PrintedAnswer) -> str:
    day = _render_field("post-date", "", format_long_date(reply.date) if reply.date else None)
    by = _render_field("field-answered-by", "Answered by", reply.by)
    words = "".join(map(render_paragraph, reply.lines))
    body = f'<div class="field field--name-body"><div class="field__item">{words}</div></div>'
    return (
        f'<article class="node node--answer">{day}{by}{body}{_render_attachment(reply)}</article>'
    )


def _render_attachment(reply: PrintedAnswer) -> str:
    if not reply.file:
        return ""
    link = f'<a href="{FILES_PATH}/{escape(reply.file)}">{escape(reply.file)}</a>'
    return f'<div class="field field--name-field-attachments">{link}</div>'


# ------------------------------------------------------------------ since 2022


def render_page_2022(sheet: PrintedPage) -> str:
    """The table of labels, the question, and the answers below their heading."""
    rows = {
        "Reference": sheet.reference,
        "Question by": sheet.asked_by,
        "Organisation": sheet.party,
        "Asked of": sheet.asked_of,
        "Meeting": sheet.meeting,
    }
    cells = "".join(f"<tr><td>{k}:</td><td>{escape(v)}</td></tr>" for k, v in rows.items() if v)
    words = "".join(map(render_paragraph, sheet.question))
    blocks = "".join(map(_render_block, sheet.answers))
    answers = f"""<div><h2 id="answer">Answer</h2></div>
      <div class="u-space-y-7">{blocks}</div>"""
    return _render_page(f"""<main><h1>{escape(sheet.title)}</h1>
      <table class="styled-table"><tr><th>Label</th><th>Content</th></tr>{cells}</table>
      <div class="section-title">Question</div>
      <h3 class="page-section">{escape(sheet.title)}</h3>
      <div class="rich-text">{words}</div>{answers if blocks else ""}</main>""")


def _render_block(reply: PrintedAnswer) -> str:
    day = f"<div>Date:&nbsp; {format_weekday_date(reply.date)}</div>" if reply.date else ""
    return f'<div class="u-space-y-5">{day}{"".join(map(render_paragraph, reply.lines))}</div>'


def render_listing(sheets: Iterable[PrintedPage], query: str) -> str:
    """One page of search results; its links carry ``query`` on, as the source's do."""
    rows = "".join(render_listing_row(sheet, query) for sheet in sheets)
    return _render_page(f"""<main><h1>Search questions</h1><h2>Filter results</h2>
      <h3>Asked of 1</h3><h3>Question by 2</h3><a href="{LISTING_PATH}">Reset</a>{rows}</main>""")


def render_listing_row(sheet: PrintedPage, query: str = "") -> str:
    """One row: the words are flattened to a teaser, and cut."""
    path = (sheet.address or "").removeprefix(SITE_URL)
    link = f"{path}?{query}" if query else path
    reference = f"<p>Reference: {sheet.reference}</p>" if sheet.reference else ""
    teaser = " ".join(map(format_line, sheet.question))
    cut = f"{teaser[:TEASER_LENGTH]}..." if len(teaser) > TEASER_LENGTH else teaser
    day = f"<p>Meeting date: {format_long_date(sheet.day)}</p>" if sheet.day else ""
    return f"""<div class="row"><h3><a href="{escape(link)}">{escape(sheet.title)}</a>
      </h3>{reference}<p>Question by: {escape(sheet.asked_by)}</p>{day}<p>{escape(cut)}</p></div>"""
