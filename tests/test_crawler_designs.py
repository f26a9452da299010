"""What the readers make of each trap of a page, design by design.

Here stand the traps of a single page. The others are of addresses (4, 5), names (11, 12, 14) and
the crawl (17, 18, 21, 24), and have their tests there.
"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.documents import Document
from crawler.items import UnreadablePage
from crawler.normalise import read_question
from crawler.pages import read_page
from crawler.records import Question, Speech, paragraphs, same_words

from designs import lines_2000, lines_2014, page_2019, page_2022, page_of

SITE = "https://replica.example"
FOUND = f"{SITE}/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"
ASKED = ["<p>How many piers are open?</p>"]
HOLDING = "<p>Officers are drafting a response which will be sent shortly.</p>"


def read(page: str, url: str | None = f"{FOUND}/river-piers") -> Question:
    return read_question(Document(page, url), "london")


def trusted(page: str, url: str | None = f"{FOUND}/river-piers") -> Question:
    """The record of a page with which nothing is wrong."""
    record = read(page, url)
    assert record.suspect == ()
    return record


def said(speeches: tuple[Speech, ...]) -> list[str]:
    return list(paragraphs(speeches))


# ------------------------------------------------------------------ 1-4: identity


def test_trap_1_a_supplementary_without_a_reference_is_known_by_its_address() -> None:
    title = "River Piers (Supplementary) [2]"
    first = trusted(page_2022(ASKED, title=title), f"{FOUND}/river-piers-supplementary-2")
    other = trusted(page_2022(ASKED, title=title), f"{FOUND}/river-piers-supplementary-2-30")
    assert (first.reference, first.kind, first.supplementary_number) == (None, "supplementary", 2)
    assert first.id != other.id
    assert first.id.endswith("/river-piers-supplementary-2")


@pytest.mark.parametrize("reference", ["2009/0289-1", "2007/0016-1", "2019/12364", "2019/21058"])
def test_trap_2_references_with_a_suffix_and_with_five_digits(reference: str) -> None:
    assert trusted(page_2022(ASKED, reference=reference)).reference == reference


def test_trap_3_the_suffix_of_an_address_makes_no_supplementary() -> None:
    page = page_of(lines_2014(["How many boats are bendy?"], title="Bendy Boats"))
    record = trusted(page, f"{SITE}/questions/2006/0427-0")
    assert (record.kind, record.supplementary_number, record.reference) == ("question", None, None)


# ------------------------------------------------------------------ 6-9: answers


def test_trap_6_a_holding_reply_and_then_the_answer_on_one_page() -> None:
    days = "Tuesday 20 December 2022", "Friday 6 January 2023"
    page = page_2022(ASKED, [(days[0], [HOLDING]), (days[1], ["<p>Nine.</p>"])])
    record = trusted(page)
    assert record.status == "answered"
    assert [answer.holding for answer in record.answers] == [True, False]
    assert trusted(page_2022(ASKED, [(days[0], [HOLDING])])).status == "holding"


def test_trap_7_an_answer_that_is_only_a_file() -> None:
    link = '<a href="/sites/default/files/MQ2026_19838%20-%20Piers%20(1).xlsx">Piers (1).xlsx</a>'
    url = f"{SITE}/sites/default/files/MQ2026_19838%20-%20Piers%20(1).xlsx"
    for page in (
        page_2022(ASKED, [("Tuesday 20 December 2022", [f"<p>{link}</p>"])]),
        page_2019(ASKED, [("22 July 2021", [])], files=link),
    ):
        record = trusted(page)
        assert record.status == "answered"
        (attached,) = record.answers[0].attachments
        assert (attached.title, attached.url) == ("Piers (1).xlsx", url)


def test_trap_8_no_answer_section_at_all() -> None:
    for page in (
        page_2022(ASKED),
        page_2019(ASKED),
        page_of(lines_2014(["How many piers are open?"])),
        page_of(lines_2000(["How many piers are open?"])),
    ):
        record = trusted(page)
        assert (record.status, record.answers) == ("unanswered", ())
        assert said(record.question) == ["How many piers are open?"]


def test_trap_9_two_answers_with_two_dates() -> None:
    new = page_2022(
        ASKED, [("Tuesday 20 December 2022", ["<p>9.</p>"]), ("6 January 2023", ["<p>10.</p>"])]
    )
    old = page_2019(
        ASKED, [("20 December 2022", ["<p>9.</p>"]), ("6 January 2023", ["<p>10.</p>"])]
    )
    for page in (new, old):
        record = trusted(page)
        assert [a.date for a in record.answers] == [date(2022, 12, 20), date(2023, 1, 6)]
        assert [said(a.speeches) for a in record.answers] == [["9."], ["10."]]


def test_an_answer_within_an_answer_is_read_once() -> None:
    inner = '<div class="u-space-y-5"><p>Nine.</p></div>'
    record = trusted(page_2022(ASKED, [("Tuesday 20 December 2022", [inner, "<p>Ten.</p>"])]))
    assert [said(answer.speeches) for answer in record.answers] == [["Nine.", "Ten."]]


# ------------------------------------------------------------------ 10-15: the text and its head


def test_trap_10_dialogue_in_the_body_of_the_question() -> None:
    dialogue = [
        "<p><strong>Ada Brook AM:</strong> Is the pier open?</p>",
        "<p><strong>Bo Reed (Mayor of London):</strong> Which of them?</p>",
        "<p><strong>Ada Brook AM:</strong> This one.</p>",
    ]
    for page in (page_2022(dialogue), page_2019(dialogue)):
        assert [(s.speaker, s.paragraphs) for s in trusted(page).question] == [
            ("Ada Brook AM", ("Is the pier open?",)),
            ("Bo Reed (Mayor of London)", ("Which of them?",)),
            ("Ada Brook AM", ("This one.",)),
        ]


def test_trap_13_five_shapes_of_a_date() -> None:
    american = page_of(lines_2014(["Why?"]))  # Session date: October 22, 2014
    linked = american.replace(
        "<div>Session date:", "<div>MQT on 2014-10-22</div><div>Session date:"
    )
    padded = page_2022(ASKED, meeting="MQT on 09 February 2023")
    slashes = page_of(lines_2000(["Why?"]))  # Meeting date 16/07/2008
    days = [record.meeting and record.meeting.date for record in map(trusted, (american, linked))]
    assert days == [date(2014, 10, 22)] * 2
    assert (meeting := trusted(padded).meeting) is not None
    assert meeting.date == date(2023, 2, 9)
    assert (meeting := trusted(slashes).meeting) is not None
    assert meeting.date == date(2008, 7, 16)
    answered = trusted(page_2022(ASKED, [("Tuesday 20 December 2022", ["<p>Nine.</p>"])]))
    assert answered.answers[0].date == date(2022, 12, 20)


def test_trap_13_a_day_that_contradicts_the_meeting_is_told() -> None:
    page = page_of(["MQT on 2014-10-23", *lines_2014(["Why?"])])
    (reason,) = read(page).suspect
    assert "session_date" in reason


def test_trap_15_supplementary_to_with_nothing_behind_it() -> None:
    lines = lines_2014(["And the boats?"], ["Seven boats."], "River Piers (Supplementary) [1]")
    lines.insert(lines.index("And the boats?") + 1, "Supplementary To:")
    record = trusted(page_of(lines))
    assert record.kind == "supplementary"
    assert said(record.question) == ["And the boats?"]
    assert said(record.answers[0].speeches) == ["Seven boats."]
    assert "Supplementary To" not in record.labels


# ------------------------------------------------------------------ 16-20: words


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
    ],
)
def test_trap_16_spaces_dashes_and_split_words(printed: str, expected: list[str]) -> None:
    for page in (
        page_2022([printed], [("Tuesday 20 December 2022", [printed])]),
        page_2019([printed], [("22 July 2021", [printed])]),
    ):
        record = trusted(page)
        assert said(record.question) == expected
        assert said(record.answers[0].speeches) == expected


def test_trap_16_a_no_break_space_within_a_name() -> None:
    record = trusted(
        page_2022(ASKED, question_by="Ada\N{NO-BREAK SPACE}Brook AM\N{NO-BREAK SPACE}")
    )
    assert record.asked_by is not None
    assert (record.asked_by.printed, record.asked_by.person) == ("Ada Brook AM", "ada-brook")


ROW = """<div><h3><a href="/find-an-answer/river-piers">River Piers</a></h3>
<p>Reference: 2026/0001</p><p>Question by: Ada Brook</p><p>Meeting date: 16 July 2026</p>
<p>How many piers are open and how many boats...</p></div>"""
ROW_TEXT = """River Piers
Reference: 2026/0001
Question by: Ada Brook
Meeting date: 16 July 2026
How many piers are open and how many boats..."""


@pytest.mark.parametrize(
    "listing",
    [
        f"<html><body><main><h1>Search questions</h1><h2>Category</h2>{ROW}</main></body></html>",
        f"<html><body><main>{ROW}{ROW}</main></body></html>",
        f"Search questions\nFilter results\nQuestion by\nAda Brook (3)\nMeeting\nMQT\n{ROW_TEXT}",
        f"Search questions\n{ROW_TEXT.replace('Meeting date:', 'Meeting: MQT on')}",
        ROW_TEXT,
        f"{ROW_TEXT}\n{ROW_TEXT}",
    ],
)
def test_trap_19_a_teaser_is_never_taken_for_the_text(listing: str) -> None:
    with pytest.raises(UnreadablePage):
        read(listing)


def test_trap_20_identical_text_is_two_questions() -> None:
    mayor = trusted(page_2022(ASKED, reference="2021/4339"), f"{FOUND}/river-piers")
    chair = page_2022(ASKED, reference="2021/4340", asked_of="Bo Reed (Chair, River Board)")
    other = trusted(chair, f"{FOUND}/river-piers-1")
    assert mayor.digest == other.digest
    assert (mayor.id, mayor.reference) != (other.id, other.reference)
    assert [a.printed for a in other.asked_of] == ["Bo Reed (Chair, River Board)"]


# ------------------------------------------------------------------ 22, 23: markup


def test_trap_22_tables_lists_links_and_what_acts() -> None:
    answer = """<style>p { color: red }</style><p onclick="act()">Nine<script>act()</script>.</p>
      <table><tr><th>Pier</th><th>Boats</th></tr><tr><td>North</td><td>7</td></tr></table>
      <ul><li>One</li><li>Two</li></ul><p><a href="/piers">Piers</a> and
      <a href="/sites/default/files/piers.pdf">the plan</a>.</p>"""
    for page in (
        page_2022(ASKED, [("Tuesday 20 December 2022", [answer])]),
        page_2019(ASKED, [("22 July 2021", [answer])]),
    ):
        (found,) = trusted(page).answers
        assert said(found.speeches) == [
            *("Nine.", "Pier | Boats", "North | 7", "One", "Two", "Piers and the plan.")
        ]
        html = found.html or ""
        for kept in ("<table>", "<td>North</td>", "<li>One</li>", f'href="{SITE}/piers"'):
            assert kept in html
        for gone in ("color", "act()", "<script", "<style", "onclick"):
            assert gone not in html


def test_trap_22_a_file_named_in_an_answer_gets_its_whole_address() -> None:
    link = '<p>See <a href="/sites/default/files/piers.pdf">the plan</a>.</p>'
    (found,) = trusted(page_2022(ASKED, [("Tuesday 20 December 2022", [link])])).answers
    assert [f.url for f in found.attachments] == [f"{SITE}/sites/default/files/piers.pdf"]


def same_head(record: Question) -> bool:
    return (
        record.title == "River Piers"
        and record.asked_by is not None
        and record.asked_by.printed == "Ada Brook AM"
        and record.asked_by.party == "Riverside Group"
        and [a.printed for a in record.asked_of] == ["The Mayor"]
        and record.meeting is not None
        and said(record.question) == ["How many piers are open?"]
        and [said(answer.speeches) for answer in record.answers] == [["Nine."]]
    )


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
def test_trap_23_today_s_page_with_a_mark_renamed(old: str, new: str) -> None:
    page = page_2022(ASKED, [("Tuesday 20 December 2022", ["<p>Nine.</p>"])])
    assert same_head(trusted(page))
    assert old in page
    assert same_head(trusted(page.replace(old, new)))


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
def test_trap_23_a_page_of_2019_with_a_mark_renamed(old: str, new: str) -> None:
    page = page_2019(ASKED, [("22 July 2021", ["<p>Nine.</p>"])])
    assert same_head(trusted(page))
    assert old in page
    assert same_head(trusted(page.replace(old, new)))


def test_trap_23_a_page_of_2019_without_labels_has_the_asker_and_the_words() -> None:
    page = page_2019(ASKED, [("22 July 2021", ["<p>Nine.</p>"])], labelled=False)
    record = trusted(page)
    assert record.asked_by is not None
    assert record.asked_by.printed == "Ada Brook AM"
    assert said(record.question) == ["How many piers are open?"]
    assert record.answers[0].answered_by == ("The Mayor",)


def test_trap_23_values_of_2014_without_labels_are_read_in_their_order() -> None:
    lines = lines_2014(["How many piers are open?"], ["Nine."])
    bare = [line for line in lines if not line.endswith(":")]
    record = trusted(page_of(bare))
    assert same_head(record)
    assert record.labels == {}
    untitled = read(page_of([line for line in bare if "River Piers" not in line]))
    assert untitled.suspect == ("no title",)


@pytest.mark.parametrize("unseen", ["<script>x</script>", "<i hidden>x</i>", "<!-- x -->"])
def test_what_no_reader_sees_is_in_no_title_and_no_html(unseen: str) -> None:
    day = "Tuesday 20 December 2022"
    page = page_2022(ASKED, [(day, [f"<p>Nine{unseen}.</p>"])]).replace(
        " Piers<", f" {unseen}Piers<"
    )
    record = trusted(page)
    assert same_head(record)
    assert record.answers[0].html == "<p>Nine.</p>"


def test_both_readings_of_a_page_of_2019_are_compared() -> None:
    page = page_2019(ASKED, [("22 July 2021", ["<p>Nine.</p>"])])
    item = read_page(Document(page))
    head = {"title", "asked_by", "party", "asked_of", "meeting"}
    assert set(item.agreed) == head | {
        *("question", "answers", "answer", "answer_date", "answered_by")
    }
    assert item.disagreements == ()


def test_a_date_that_is_none_begins_no_answer() -> None:
    words = ["<p>As agreed.</p>", "<p>Date: to be set</p>", "<p>Place: the pier</p>"]
    record = trusted(page_2022(words, [("Tuesday 20 December 2022", words)]))
    expected = ["As agreed.", "Date: to be set", "Place: the pier"]
    assert said(record.question) == expected
    assert [said(answer.speeches) for answer in record.answers] == [expected]


def test_words_of_a_question_that_begin_as_an_answer_s_label_does() -> None:
    record = trusted(page_of(lines_2000(["How many?", "Answer by return, please."], ["Nine."])))
    assert said(record.question) == ["How many?", "Answer by return, please."]
    assert [answer.answered_by for answer in record.answers] == [("Bo Reed",)]


# ------------------------------------------------------------------ pages saved as plain text


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
    record = trusted(text, None)
    assert (record.generation, record.reference) == ("2022", "2026/0001")
    assert same_head(record)
    assert record.answers[0].date == date(2022, 12, 20)


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
22 July 2021
Answered by
The Mayor
Nine.
"""
    record = trusted(text, None)
    assert record.generation == "2019"
    assert same_head(record)
    assert record.answers[0].date == date(2021, 7, 22)


# ------------------------------------------------------------------ no word lost

SPEAKERS = ("", "", "Ada Brook AM", "Bo Reed (Mayor of London)")
SCATTERED = "Piers boats. tide, T&C <b> £5 ‑ “so” [---] 2019 Question Answer Date: ferries"
WORD = st.sampled_from(SCATTERED.split())
CUT = ("{}", "<em>{}</em>", "<strong>{}</strong>", "<span>{}</span>", '<a href="/x">{}</a>')
BLOCKS = ("<p>{}</p>", "<div>{}</div>", "<p>{}</p><p>&nbsp;</p>", "<ul><li>{}</li></ul>")


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[str], list[str], str]:
    """A text: its lines as a reader sees them, as blocks of HTML, and its words but for labels."""
    lines, blocks, words_alone = [], [], ""
    for words in draw(st.lists(st.lists(WORD, min_size=2, max_size=8), min_size=1, max_size=6)):
        wrapped = [
            draw(st.sampled_from(CUT)).format(w.replace("&", "&amp;").replace("<", "&lt;"))
            for w in words
        ]
        speaker = draw(st.sampled_from(SPEAKERS))
        label, bold = (f"{speaker}: ", f"<b>{speaker}:</b> ") if speaker else ("", "")
        # The first word keeps a line from being a label, a heading or a date by accident.
        lines.append(label + " ".join(["So", *words]))
        blocks.append(draw(st.sampled_from(BLOCKS)).format(bold + " ".join(["So", *wrapped])))
        words_alone += " ".join(["So", *words])
    cells = draw(st.lists(WORD, max_size=3))
    if cells:
        row = ["So", *cells]
        lines.append(" | ".join(row))
        words_alone += " | ".join(row)
        tds = "".join(f"<td>{c.replace('&', '&amp;').replace('<', '&lt;')}</td>" for c in row)
        blocks.append(f"<table><tr>{tds}</tr></table>")
    return lines, blocks, same_words(words_alone)


@given(texts(), texts())
def test_no_word_is_lost_doubled_or_moved(
    question: tuple[list[str], list[str], str], answer: tuple[list[str], list[str], str]
) -> None:
    (asked, asked_html, question_words), (told, told_html, answer_words) = question, answer
    for page in (
        page_2022(asked_html, [("Tuesday 20 December 2022", told_html)]),
        page_2019(asked_html, [("22 July 2021", told_html)]),
        page_of(lines_2014(asked, told)),
        page_of(lines_2000(asked, told)),
        "\n".join(lines_2014(asked, told)),
        "\n".join(lines_2000(asked, told)),
    ):
        record = trusted(page)
        assert spoken(record.question) == question_words
        assert [spoken(a.speeches) for a in record.answers] == [answer_words]


def spoken(speeches: tuple[Speech, ...]) -> str:
    return same_words("".join(paragraphs(speeches)))
