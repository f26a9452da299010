"""Facts of real questions rendered in the markup of their time. The prose is filler of our own."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from urllib.parse import quote

import msgspec

FILLER = "Filler text of the tests, which nobody said."
LISTING = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"


class Fact(msgspec.Struct, frozen=True):
    """One line of the facts; what is not known of a question is None."""

    source_url: str
    source_kind: str
    title: str | None
    reference: str | None = None
    reference_from_url: str | None = None
    question_by: str | None = None
    party: str | None = None
    asked_of: str | None = None
    meeting_name: str | None = None
    meeting_date: str | None = None
    meeting_date_iso: str | None = None
    answer_date: str | None = None
    answered_by: str | None = None
    supplementary_number: int | None = None
    features: tuple[str, ...] = ()

    @property
    def has(self) -> str:
        """All its features in one text."""
        return " / ".join(self.features)


def facts(path: Path) -> list[Fact]:
    """The facts in a file of JSON lines."""
    return [
        msgspec.convert(json.loads(line), Fact) for line in path.read_text("utf-8").splitlines()
    ]


def words_of(fact: Fact) -> list[str]:
    """The question's paragraphs, with the quirks that its features name."""
    quirks = {
        'orphan ": "': f": {FILLER}",
        "T hank": "<strong>T</strong>hank you. " + FILLER,
        "U+2011 U+2011": "Filler ‑‑ of the tests.",
        "U+2011 inside": "A long‑term filler of the tests.",
        "NBSP": "\u00a0Filler.\u00a0 Text of the tests.",
        "[---]": f"Filler [---] {FILLER}",
        "[to the Interim": f"[to the Interim Chief Executive] {FILLER}",
        'ends in " --"': "Filler of the tests --",
        'trailing " ."': "Filler of the tests .",
        "lost paragraph breaks": "Filler of the tests.Filler of the tests.",
        "£ sign": "Filler of £5 of the tests.",
        "curly double": "“Filler” of the tests.",
        "unbalanced": "“Filler of the tests.",
        "stray space": "F iller of the tests.",
        "bullet list": "\u00a0\u00a0\u00a0Filler of the tests",
        "footnote digit": "Filler of the tests. 1 Filler.",
        'stored as "-"': "Filler of the testers- text.",
    }
    found = [text for mark, text in quirks.items() if mark in fact.has]
    return [*found, FILLER]


def _paragraphs(texts: list[str]) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def _answer(fact: Fact) -> str:
    if "Officers are drafting" in fact.has or "holding then" in fact.has:
        return "<p>Officers are drafting a response which will be sent shortly.</p>"
    if "attachment file name" in fact.has:
        name = "MQ2019_19838 - Tube Capacity (1).xlsx"
        return f'<p><a href="/sites/default/files/{quote(name)}">{name}</a></p>'
    return f"<p>{FILLER}</p>"


def page_2014(fact: Fact) -> str:
    """The labels of 2014 to 2019, in the order in which they were captured."""
    supplementary = fact.supplementary_number is not None
    title = escape(fact.title or "")
    rows = [
        None if "title absent" in fact.has else f"<h1>{title}</h1>",
        f"<p><a href='#'>{fact.meeting_name}</a></p>" if fact.meeting_name else None,
        f"<div>Session date: <span>{fact.meeting_date}</span></div>" if fact.meeting_date else None,
        f"<div>Question By:</div><div>{escape(fact.question_by)}</div>"
        if fact.question_by
        else None,
        f"<div>{escape(fact.party)}</div>" if fact.party else None,
        f"<div>Asked Of:</div><div>{escape(fact.asked_of)}</div>" if fact.asked_of else None,
        _paragraphs(words_of(fact)),
        "<div>Supplementary To:</div>"
        if supplementary and 'no "Supplementary To"' not in fact.has
        else None,
        f"<h2>Answer for {title}</h2>",
    ]
    if "then NOTHING" not in fact.has:
        rows += [
            f"<h3>Answer for {title}</h3>",
            f"<div>Answered By:</div><div>{escape(fact.answered_by or 'The Mayor')}</div>",
            _answer(fact),
        ]
    return _whole("".join(row for row in rows if row))


def unlabelled(fact: Fact) -> str:
    """A page whose labels were lost: title and words are all there is."""
    return _whole(f"<h1>{escape(fact.title or '')}</h1>{_paragraphs(words_of(fact))}")


def page_2019(fact: Fact) -> str:
    """Drupal's fields of 2019 to 2022."""

    def field(name: str, label: str, value: str | None) -> str:
        shown = f'<div class="field__label">{label}</div>'
        item = f'<div class="field__item">{escape(value or "")}</div>'
        return f'<div class="field field--name-{name}">{shown}{item}</div>' if value else ""

    head = (
        field("field-reference", "Reference", fact.reference)
        + field("field-asked-by", "Question by", fact.question_by)
        + field("field-organisation", "Organisation", fact.party)
        + field("field-asked-of", "Asked of", fact.asked_of)
        + field("field-meeting", "Meeting", fact.meeting_name)
        + field("field-meeting-date", "Meeting date", fact.meeting_date)
    )
    day = fact.answer_date or ""
    post = f'<div class="field--name-post-date"><div class="field__item">{day}</div></div>'
    by = '<div class="field--name-field-answered-by"><div class="field__item">The Mayor</div></div>'
    files = "attachment file name" in fact.has
    body = "" if files else f'<div class="field--name-body">{_answer(fact)}</div>'
    attached = f'<div class="field--name-field-attachments">{_answer(fact)}</div>' if files else ""
    question = "".join(f"<p>{text}</p>" for text in words_of(fact))
    return _whole(
        f"<h1>{escape(fact.title or '')}</h1>{head}"
        f'<section class="question"><div class="field--name-body"><div class="field__item">'
        f"{question}</div></div></section>"
        f'<div class="answers"><article class="node node--answer">{post}{by}{body}{attached}'
        "</article></div>",
        role=True,
    )


def page_2022(fact: Fact, *, meeting: str | None = None) -> str:
    """Today's table of labels."""
    rows = {
        "Reference": fact.reference,
        "Question by": fact.question_by,
        "Organisation": fact.party,
        "Asked of": fact.asked_of,
        "Meeting": meeting or (f"MQT on {fact.meeting_date}" if fact.meeting_date else None),
    }
    cells = "".join(f"<tr><td>{k}:</td><td>{escape(v)}</td></tr>" for k, v in rows.items() if v)
    title = escape(fact.title or "")
    return _whole(
        f"<h1>{title}</h1><table class='styled-table'><tr><th>Label</th><th>Content</th></tr>"
        f"{cells}</table><div class='section-title'>Question</div>"
        f"<h3 class='page-section'>{title}</h3>"
        f"<div class='rich-text'>{_paragraphs(words_of(fact))}</div>"
        "<div><h2 id='answer'>Answer</h2></div><div class='u-space-y-7'>"
        f"<div class='u-space-y-5'><div>Date:&nbsp; Tuesday 20 December 2022</div>{_answer(fact)}"
        "</div></div>"
    )


def listing_row(fact: Fact, slug: str) -> str:
    """One row of today's listing, its teaser cut."""
    title = escape(fact.title or "")
    reference = f"<p>Reference: {fact.reference}</p>" if fact.reference else ""
    return (
        f'<article><h3><a href="{LISTING}/{slug}">{title}</a></h3>{reference}'
        f"<p>Question by: {escape(fact.question_by or '')}</p>"
        f"<p>Meeting date: {fact.meeting_date}</p><p>{FILLER}...</p></article>"
    )


def text_2000(fact: Fact) -> str:
    """The text of the search before 2014."""
    day = "/".join(reversed((fact.meeting_date_iso or "").split("-")))
    return "\n".join(
        [
            fact.title or "",
            "[Main question]",
            f"Question number {fact.reference}",
            f"Meeting date {day}",
            f"Question by {fact.question_by}",
            FILLER,
            f"Answer by {fact.answered_by}" if fact.answered_by else "Answer not yet available.",
            *([FILLER] if fact.answered_by else []),
        ]
    )


def _whole(main: str, *, role: bool = False) -> str:
    tag = 'div role="main"' if role else "main"
    close = "div" if role else "main"
    return (
        "<!doctype html><html><head><title>Filler</title></head><body><nav>Menu</nav>"
        f"<{tag}>{main}</{close}><footer>Filler</footer></body></html>"
    )
