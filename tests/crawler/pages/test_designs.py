"""Rules for pages of every design: oddities do not change the reading."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import read_page, read_question
from crawler.reading import Document, UnreadablePage
from crawler.records import Disagreement, Question, Speech, iter_paragraphs, normalise_wording
from tests.support.designs import (
    build_lines_2000,
    build_lines_2014,
    build_page_2019,
    build_page_2022,
)
from tests.support.real_pages import render_page_of_lines

SITE = "https://replica.example"
ASKED = "<p>How many piers are open?</p>"
DAY, LATER = date(2022, 12, 20), date(2023, 1, 6)


def trusted(page: str) -> Question:
    """Return the record of a page that is not suspect."""
    record = read_question(Document(page, f"{SITE}/questions/river-piers"), "london")
    assert record.suspect == ()
    return record


def said(speeches: tuple[Speech, ...]) -> list[str]:
    return list(iter_paragraphs(speeches))


def told(record: Question) -> list[list[str]]:
    return [said(answer.speeches) for answer in record.answers]


def is_the_question(record: Question) -> bool:
    """Return whether the record has everything on the page of the piers, with one answer."""
    return (
        record.title == "River Piers"
        and record.asked_by is not None
        and record.asked_by.printed == "Ada Brook AM"
        and record.asked_by.party == "Riverside Group"
        and [a.printed for a in record.asked_of] == ["The Mayor"]
        and record.meeting is not None
        and said(record.question) == ["How many piers are open?"]
        and told(record) == [["Nine."]]
    )


# ------------------------------------------------------------------ answers


def test_no_answer_at_all() -> None:
    for page in (
        build_page_2022(ASKED),
        build_page_2019(ASKED),
        render_page_of_lines(build_lines_2014(["How many piers are open?"])),
        render_page_of_lines(build_lines_2000(["How many piers are open?"])),
    ):
        record = trusted(page)
        assert (record.status, record.answers) == ("unanswered", ())
        assert said(record.question) == ["How many piers are open?"]


def test_two_answers_with_two_dates() -> None:
    for render in (build_page_2022, build_page_2019):
        record = trusted(render(ASKED, [(DAY, "<p>Nine.</p>"), (LATER, "<p>Ten.</p>")]))
        assert [answer.date for answer in record.answers] == [DAY, LATER]
        assert told(record) == [["Nine."], ["Ten."]]


def test_an_answer_within_an_answer_is_read_once() -> None:
    inner = '<div class="u-space-y-5"><p>Nine.</p></div><p>Ten.</p>'
    assert told(trusted(build_page_2022(ASKED, [(DAY, inner)]))) == [["Nine.", "Ten."]]


def test_a_date_that_is_none_begins_no_answer() -> None:
    words = "<p>As agreed.</p><p>Date: to be set</p><p>Place: the pier</p>"
    record = trusted(build_page_2022(words, [(DAY, words)]))
    assert said(record.question) == ["As agreed.", "Date: to be set", "Place: the pier"]
    assert told(record) == [said(record.question)]


def test_words_of_a_question_that_begin_as_an_answer_s_label_does() -> None:
    asked = ["How many?", "Answer by return, please."]
    record = trusted(render_page_of_lines(build_lines_2000(asked, ["Nine."])))
    assert said(record.question) == asked
    assert told(record) == [["Nine."]]


def test_a_date_that_contradicts_the_meeting_is_suspect() -> None:
    page = render_page_of_lines(["MQT on 2008-07-17", *build_lines_2014(["Why?"])])
    (reason,) = read_question(Document(page)).suspect
    assert reason == Disagreement("session_date", "2008-07-16", "2008-07-17")
    same = trusted(page.replace("MQT on 2008-07-17", "MQT on 2008-07-16"))
    assert same.meeting is not None
    assert same.meeting.date == date(2008, 7, 16)


# ------------------------------------------------------------------ words and markup


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("<p>Open.&nbsp; \N{NO-BREAK SPACE}Or shut.</p>", ["Open. Or shut."]),
        ("<p>&nbsp;</p><p>Open.</p><p>\N{NO-BREAK SPACE} </p>", ["Open."]),
        ("<p>autumn ‑ it ‑‑ buy‑in</p>", ["autumn ‑ it ‑‑ buy‑in"]),
        ("<p><strong>T</strong>hank you.</p>", ["Thank you."]),
        ("<p><strong><span>T</span></strong><span>hank</span> you.</p>", ["Thank you."]),
        ("<span>Bare</span> words<div>and a block.</div>", ["Bare words", "and a block."]),
        ("<p>fer&#8203;ries&shy;</p>", ["ferries"]),
        ("<p>The attack.<sup>1</sup> Given</p>", ["The attack.1 Given"]),
        ('<p hidden>Unseen</p><p aria-hidden="true">x</p><p>Seen.</p>', ["Seen."]),
        ("<style>p {}</style><p>Nine<script>act()</script>.</p>", ["Nine."]),
        ("<table><tr><th>Pier<td>7</table><ul><li>One<li>Two</ul>", ["Pier | 7", "One", "Two"]),
    ],
)
def test_odd_markup_is_read_as_it_is_seen(printed: str, expected: list[str]) -> None:
    for render in (build_page_2022, build_page_2019):
        record = trusted(render(printed, [(DAY, printed)]))
        assert said(record.question) == expected
        assert told(record) == [expected]


def test_tables_lists_and_links_are_kept_and_nothing_acts() -> None:
    answer = """<p onclick="act()">Nine.</p><table><tr><td>North</td><td>7</td></tr></table>
      <ul><li>One</li></ul><p><a href="/piers">Piers</a></p><script>act()</script>"""
    for render in (build_page_2022, build_page_2019):
        html = trusted(render(ASKED, [(DAY, answer)])).answers[0].html or ""
        for kept in ("<table>", "<td>North</td>", "<li>One</li>", f'href="{SITE}/piers"'):
            assert kept in html
        assert "act" not in html


@pytest.mark.parametrize("unseen", ["<script>x</script>", "<i hidden>x</i>", "<!-- x -->"])
def test_invisible_elements_are_not_in_title_or_html(unseen: str) -> None:
    page = build_page_2022(ASKED, [(DAY, f"<p>Nine{unseen}.</p>")])
    record = trusted(page.replace(" Piers<", f" {unseen}Piers<"))
    assert is_the_question(record)
    assert record.answers[0].html == "<p>Nine.</p>"


def test_a_no_break_space_within_a_name() -> None:
    space = "\N{NO-BREAK SPACE}"
    record = trusted(build_page_2022(ASKED, asked_by=f"Ada{space}Brook AM{space}"))
    assert record.asked_by is not None
    assert (record.asked_by.printed, record.asked_by.person) == ("Ada Brook AM", "ada-brook")


# ------------------------------------------------------------------ two readings


def test_both_readings_of_a_page_of_2019_are_compared() -> None:
    item = read_page(Document(build_page_2019(ASKED, [(DAY, "<p>Nine.</p>")])))
    head = {"title", "asked_by", "party", "asked_of", "session_date"}
    below = {"question", "answers", "answer", "answer_date", "answered_by"}
    assert set(item.agreed) == head | below
    assert item.disagreements == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("styled-table", "facts"),
        ("page-section", "renamed"),
        ("rich-text", "renamed"),
        ("u-space-y-7", "renamed"),
        ("u-space-y-5", "renamed"),
        ('id="answer"', 'id="reply"'),
        ("h3", "h2"),
        ("<h1>River Piers</h1>", ""),
        ("<td>Question by:</td>", "<th>Question by:</th>"),
    ],
)
def test_today_s_page_with_a_mark_renamed(old: str, new: str) -> None:
    page = build_page_2022(ASKED, [(DAY, "<p>Nine.</p>")])
    assert is_the_question(trusted(page))
    assert old in page
    assert is_the_question(trusted(page.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("field--name-field-asked-by", "renamed"),
        ("field--name-body", "renamed"),
        ('class="answers"', 'class="renamed"'),
        ("node--answer", "renamed"),
        ("h1", "h2"),
    ],
)
def test_a_page_of_2019_with_a_mark_renamed(old: str, new: str) -> None:
    page = build_page_2019(ASKED, [(DAY, "<p>Nine.</p>")])
    assert is_the_question(trusted(page))
    assert old in page
    assert is_the_question(trusted(page.replace(old, new)))


def test_a_page_of_2019_without_labels_has_the_asker_and_the_words() -> None:
    page = build_page_2019(ASKED, [(DAY, "<p>Nine.</p>")])
    record = trusted(re.sub(r'<div class="field__label">[^<]*</div>', "", page))
    assert record.asked_by is not None
    assert record.asked_by.printed == "Ada Brook AM"
    assert (said(record.question), told(record)) == (["How many piers are open?"], [["Nine."]])
    assert record.answers[0].answered_by == ("The Mayor",)


def test_values_of_2014_without_labels_are_read_in_their_order() -> None:
    lines = build_lines_2014(["How many piers are open?"], ["Nine."])
    bare = [line for line in lines if not line.endswith(":")]
    record = trusted(render_page_of_lines(bare))
    assert is_the_question(record)
    assert record.labels == {}
    untitled = render_page_of_lines([line for line in bare if "River Piers" not in line])
    assert read_question(Document(untitled)).suspect == ("no title",)


# ------------------------------------------------------------------ saved as plain text


def test_today_s_page_as_plain_text() -> None:
    text = """River Piers
Label\tContent
Reference:\t2026/0001
Question by: Ada Brook AM
Organisation | Riverside Group
Asked of:| The Mayor
Meeting: MQT on 16 July 2026
Question
River Piers
How many piers are open?
Answer
Date:  Tuesday 20 December 2022
Nine.
"""
    record = trusted(text)
    assert (record.generation, record.reference) == ("2022", "2026/0001")
    assert is_the_question(record)
    assert record.answers[0].date == DAY


def test_a_page_of_2019_as_plain_text() -> None:
    text = """River Piers
Question by
Ada Brook AM
Organisation
Riverside Group
Asked of
The Mayor
Meeting
MQT on 15 July 2021
How many piers are open?
20 December 2022
Answered by
The Mayor
Nine.
"""
    record = trusted(text)
    assert record.generation == "2019"
    assert is_the_question(record)
    assert record.answers[0].date == DAY


ROW = """River Piers
Reference: 2026/0001
Question by: Ada Brook
Meeting date: 16 July 2026
How many piers are open and how many boats..."""


@pytest.mark.parametrize(
    "listing",
    [
        f"Search questions\nFilter results\nQuestion by\nAda Brook (3)\nMeeting\nMQT\n{ROW}",
        f"Search questions\n{ROW.replace('Meeting date:', 'Meeting: MQT on')}",
        ROW,
        f"{ROW}\n{ROW}",
    ],
)
def test_a_teaser_is_never_taken_for_the_text(listing: str) -> None:
    for page in (listing, render_page_of_lines(listing.splitlines())):
        with pytest.raises(UnreadablePage):
            read_question(Document(page))


# ------------------------------------------------------------------ no word lost

SPEAKERS = ("", "", "Ada Brook AM", "Bo Reed (Mayor of London)")
SCATTERED = "Piers boats. tide, T&C <b> £5 ‑ “so” [---] 2019 Question Answer Date: ferries"
WORD = st.sampled_from(SCATTERED.split())
CUT = ("{}", "<em>{}</em>", "<strong>{}</strong>", "<span>{}</span>", '<a href="/x">{}</a>')
BLOCKS = ("<p>{}</p>", "<div>{}</div>", "<p>{}</p><p>&nbsp;</p>", "<ul><li>{}</li></ul>")


def escaped(word: str) -> str:
    return word.replace("&", "&amp;").replace("<", "&lt;")


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[str], str, str]:
    """Draw a text: its visible lines, its HTML, and its words without labels."""
    lines, html, spoken_words = [], "", ""
    for drawn in draw(st.lists(st.lists(WORD, min_size=2, max_size=8), min_size=1, max_size=6)):
        words = ["So", *drawn]  # so that no line is a label, a heading or a date by accident
        cut = (draw(st.sampled_from(CUT)).format(escaped(word)) for word in words)
        speaker = draw(st.sampled_from(SPEAKERS))
        label, bold = (f"{speaker}: ", f"<b>{speaker}:</b> ") if speaker else ("", "")
        lines.append(label + " ".join(words))
        html += draw(st.sampled_from(BLOCKS)).format(bold + " ".join(cut))
        spoken_words += "".join(words)
    if cells := draw(st.lists(WORD, max_size=3)):
        lines.append(" | ".join(["So", *cells]))
        row = "".join(f"<td>{escaped(cell)}</td>" for cell in ["So", *cells])
        html += f"<table><tr>{row}</tr></table>"
        spoken_words += lines[-1]
    return lines, html, normalise_wording(spoken_words)


def spoken(speeches: tuple[Speech, ...]) -> str:
    return normalise_wording("".join(iter_paragraphs(speeches)))


@given(texts(), texts())
@pytest.mark.slow
def test_no_word_is_lost_doubled_or_moved(
    question: tuple[list[str], str, str], answer: tuple[list[str], str, str]
) -> None:
    (asked, asked_html, question_words), (replied, replied_html, answer_words) = question, answer
    for page in (
        build_page_2022(asked_html, [(DAY, replied_html)]),
        build_page_2019(asked_html, [(DAY, replied_html)]),
        render_page_of_lines(build_lines_2014(asked, replied)),
        render_page_of_lines(build_lines_2000(asked, replied)),
        "\n".join(build_lines_2014(asked, replied)),
        "\n".join(build_lines_2000(asked, replied)),
    ):
        record = trusted(page)
        assert spoken(record.question) == question_words
        assert [spoken(a.speeches) for a in record.answers] == [answer_words]
