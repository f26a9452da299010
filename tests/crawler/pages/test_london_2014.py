"""Pages of 2014 to 2019: read by their labelled lines, as HTML and as plain text."""

from __future__ import annotations

from html import escape

import pytest

from crawler.pages import read_page
from crawler.reading import Document, UnreadablePage
from crawler.reading.items import QuestionItem

TITLE = "River Piers"
SUPPLEMENTARY = "River Piers (Supplementary) [2]"
SESSION = ["Session date:", "October 22, 2014"]
ASKER = ["Question By:", "Ada Brook AM", "Riverside Group"]
ASKED = ["Asked Of:", "The Mayor"]
HEAD = [*SESSION, *ASKER, *ASKED]
WORDS = ["How many piers are open?", "And how many are not?"]
BY = ["Answered By:", "The Mayor"]
REPLY = ["Nine piers are open.", "Ada Brook AM:  Thank you."]
ANSWER_FOR = f"Answer for {TITLE}"


def html(lines: list[str]) -> Document:
    """Return ``lines`` as a page with one block for each."""
    blocks = "".join(f"<div>{escape(line)}</div>\n" for line in lines)
    return Document(f"<!doctype html><title>Unseen</title><body><main>{blocks}</main></body>")


def read(*parts: list[str] | str) -> QuestionItem:
    """Return the item of a page made of ``parts``; plain text must give the same."""
    lines = [line for part in parts for line in ([part] if isinstance(part, str) else part)]
    item = read_page(html(lines))
    assert read_page(Document("\n\n".join(lines))) == item
    assert (item.source, item.generation) == ("london", "2014")
    return item


def words(item: QuestionItem) -> list[str]:
    return [paragraph.text for paragraph in item.body]


def replies(item: QuestionItem) -> list[list[str]]:
    return [[paragraph.text for paragraph in answer.body] for answer in item.answers]


def test_a_main_question() -> None:
    item = read(
        TITLE, "MQT on 2014-10-22", HEAD, WORDS, "Supplementary Questions:", ANSWER_FOR, ANSWER_FOR,
        BY, REPLY,
    )  # fmt: skip
    assert item.title == TITLE
    assert item.meeting == "MQT on 2014-10-22"
    assert item.session_date == "October 22, 2014"
    assert item.asked_by == "Ada Brook AM"
    assert item.party == "Riverside Group"
    assert item.asked_of == "The Mayor"
    assert item.reference is None
    assert not item.supplementary
    assert words(item) == WORDS
    assert item.answers[0].answered_by == "The Mayor"
    assert item.answers[0].date is None
    assert replies(item) == [["Nine piers are open.", "Ada Brook AM: Thank you."]]
    assert item.labels == {
        "Session date": "October 22, 2014",
        "Question By": "Ada Brook AM",
        "Asked Of": "The Mayor",
        "Answered By": "The Mayor",
    }


def test_a_supplementary() -> None:
    heading = f"Answer for {SUPPLEMENTARY}"
    item = read(SUPPLEMENTARY, HEAD, WORDS, "Supplementary To:", heading, heading, BY, REPLY)
    assert item.title == SUPPLEMENTARY
    assert item.meeting is None
    assert item.supplementary
    assert words(item) == WORDS
    assert len(item.answers) == 1


@pytest.mark.parametrize("link", ["MQT on 2014-10-22", "Plenary on 2014-10-22"])
def test_the_meeting_link_is_not_the_title(link: str) -> None:
    assert read(TITLE, link, HEAD, WORDS, BY, REPLY).title == TITLE
    above = read(link, TITLE, HEAD, WORDS, BY, REPLY)
    assert (above.title, above.meeting) == (TITLE, link)


@pytest.mark.parametrize(
    "headings",
    [
        [ANSWER_FOR, ANSWER_FOR],
        [ANSWER_FOR],
        [TITLE, TITLE],
        [TITLE],
        ["Answer"],
        [],
        ["Supplementary Questions:", ANSWER_FOR, ANSWER_FOR],
        ["Supplementary To:", TITLE, TITLE],
        ["answer for river  piers"],
    ],
)
def test_headings_between_question_and_answer(headings: list[str]) -> None:
    item = read(TITLE, HEAD, WORDS, headings, BY, REPLY)
    assert words(item) == WORDS
    assert replies(item) == [["Nine piers are open.", "Ada Brook AM: Thank you."]]


def test_quotes_may_differ_between_title_and_heading() -> None:
    item = read("The Mayor’s Piers", HEAD, WORDS, "The Mayor's Piers", BY, REPLY)
    assert words(item) == WORDS


def test_the_party_with_its_own_label_and_both_headings() -> None:
    party = ["Organisation:", "Riverside Group"]
    asker = ASKER[:2]
    for head in ([*SESSION, *asker, *party, *ASKED], [*SESSION, *party, *asker, *ASKED]):
        item = read(TITLE, head, "Question", WORDS, "Answer", BY, REPLY)
        assert item.asked_by == "Ada Brook AM"
        assert item.party == "Riverside Group"
        assert item.labels["Organisation"] == "Riverside Group"
        assert words(item) == WORDS
        assert len(item.answers) == 1


def test_an_asker_without_a_party() -> None:
    item = read(TITLE, SESSION, ASKER[:2], ASKED, WORDS, BY, REPLY)
    assert (item.asked_by, item.party, words(item)) == ("Ada Brook AM", None, WORDS)


def test_a_missing_title_is_taken_from_the_answer() -> None:
    item = read(HEAD, WORDS, ANSWER_FOR, ANSWER_FOR, BY, REPLY)
    assert item.title == TITLE
    assert words(item) == WORDS
    assert len(item.answers) == 1


def test_a_missing_title_below_the_meeting_link() -> None:
    item = read("MQT on 2014-10-22", HEAD, WORDS, ANSWER_FOR, BY, REPLY)
    assert (item.title, item.meeting) == (TITLE, "MQT on 2014-10-22")


def test_a_title_that_is_nowhere_is_none() -> None:
    assert read(HEAD, WORDS, BY, REPLY).title is None


def test_values_on_the_line_of_their_label() -> None:
    head = ["Session date: October 22, 2014", "Question By:  Ada Brook AM", "Riverside Group"]
    item = read(TITLE, head, "Asked Of: The Mayor", WORDS, "Answered By: The Mayor", REPLY)
    other = read(TITLE, HEAD, WORDS, BY, REPLY)
    assert item == other


def test_labels_in_any_case() -> None:
    head = [line.upper() if line.endswith(":") else line for line in HEAD]
    item = read(TITLE, head, WORDS, [BY[0].lower(), BY[1]], REPLY)
    assert item.asked_of == "The Mayor"
    assert len(item.answers) == 1


@pytest.mark.parametrize(
    "tail",
    [
        [],
        ["Supplementary To:"],
        ["Supplementary To:", f"Answer for {SUPPLEMENTARY}"],
        [f"Answer for {SUPPLEMENTARY}"],
        [f"Answer for {SUPPLEMENTARY}", "Answered By:"],
        [f"Answer for {SUPPLEMENTARY}", *BY],
        [f"Answer for {SUPPLEMENTARY}", *BY, "Answer not yet available."],
        [f"Answer for {SUPPLEMENTARY}", "Answer not yet available."],
    ],
)
def test_no_answer_yet(tail: list[str]) -> None:
    item = read(SUPPLEMENTARY, HEAD, WORDS, tail)
    assert words(item) == WORDS
    assert item.answers == ()


@pytest.mark.parametrize("inline", [False, True])
def test_the_parent_s_title_does_not_swallow_the_answer(inline: bool) -> None:
    parent = "Ferries at Night"
    link = [f"Supplementary To: {parent}"] if inline else ["Supplementary To:", parent]
    heading = f"Answer for {SUPPLEMENTARY}"
    item = read(SUPPLEMENTARY, HEAD, WORDS, link, heading, heading, BY, REPLY)
    assert words(item) == WORDS
    assert item.answers[0].answered_by == "The Mayor"
    assert replies(item) == [["Nine piers are open.", "Ada Brook AM: Thank you."]]
    assert item.labels["Supplementary To"] == parent


def test_several_supplementaries_that_are_named() -> None:
    named = ["Supplementary Questions:", f"{TITLE} (Supplementary) [1]", SUPPLEMENTARY]
    item = read(TITLE, HEAD, WORDS, named, ANSWER_FOR, BY, REPLY)
    assert replies(item) == [["Nine piers are open.", "Ada Brook AM: Thank you."]]
    assert item.labels["Supplementary Questions"] == "; ".join(named[1:])


def test_without_a_name_those_asked_are_left_to_the_normaliser() -> None:
    item = read(TITLE, HEAD, WORDS, ANSWER_FOR, REPLY)
    assert item.answers[0].answered_by is None
    assert len(item.answers[0].body) == 2


def test_labels_and_values_in_one_block_of_markup() -> None:
    page = """<body><h1>River Piers</h1>
      <div><span>Session date: </span><span>October 22, 2014</span></div>
      <div><span>Question By: </span><a href="/p/1">Ada Brook AM</a></div><div>Riverside Group</div>
      <div><b>Asked Of:</b> The Mayor</div>
      <p>How many piers are <em>op</em>en?<br>And how many are not?</p>
      <h2>Answer for River Piers</h2><div>Answered By: The Mayor</div><p>Nine.</p></body>"""
    item = read_page(Document(page))
    assert (item.title, item.asked_by, item.party) == (TITLE, "Ada Brook AM", "Riverside Group")
    assert words(item) == WORDS
    assert replies(item) == [["Nine."]]


@pytest.mark.parametrize(
    "lines",
    [
        [TITLE, *WORDS],
        [TITLE, *SESSION, *ASKED, *WORDS],
        [TITLE, *ASKER, *WORDS],
        ["Ada Brook AM", "Riverside Group", "The Mayor", *WORDS],
    ],
)
def test_a_page_without_the_labels_is_not_of_this_design(lines: list[str]) -> None:
    for document in (html(lines), Document("\n".join(lines))):
        with pytest.raises(UnreadablePage, match="no page design"):
            read_page(document)
