"""From a page to the canonical record: the seed page, and rules for every page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import zip_longest

import pytest
from jsonschema import Draft202012Validator

from crawler.pages import read_question
from crawler.reading import Document, UnreadablePage, decode_document
from crawler.reading.items import QuestionItem
from crawler.reading.normalise import normalise_item
from crawler.records import (
    Asker,
    Question,
    Speech,
    build_json_schema,
    decode_question,
    encode_record,
    iter_paragraphs,
)
from tests.support.seed_page import SEED_PAGES, SeedPage

ADDRESS = "https://replica.example/questions/2018/5425"
HEAD = """Session date:
December 20, 2018
Question By:
Ada Brook AM
Riverside Group
Asked Of:
The Mayor
"""
PAGE = f"""River Piers
{HEAD}
How many of the “river piers” are open?

And how many - I ask again - are not?
Answer for River Piers
Answered By:
The Mayor
It’s nine.
"""


@pytest.fixture(params=SEED_PAGES, ids=lambda page: page.person)
def seed_page(request: pytest.FixtureRequest) -> SeedPage:
    """The seed page, and the page of our own in its shape."""
    page: SeedPage = request.param
    return page


@pytest.fixture
def record(seed_page: SeedPage) -> Question:
    """The seed page's record."""
    return read_question(decode_document(seed_page.path.read_bytes()))


def read(text: str, url: str | None = None) -> Question:
    return read_question(Document(text, url))


def spoken(speeches: tuple[Speech, ...]) -> list[tuple[str | None, int]]:
    return [(speech.speaker, len(speech.paragraphs)) for speech in speeches]


# ------------------------------------------------------------------------------ the seed page


def test_the_seed_s_head(record: Question, seed_page: SeedPage) -> None:
    assert record.title == seed_page.title
    assert record.kind == "supplementary"
    assert record.supplementary_number == 2
    assert record.asked_by == Asker(
        seed_page.asker, seed_page.asker, seed_page.party, seed_page.person
    )
    assert [a.name for a in record.asked_of] == ["The Mayor"]
    assert record.meeting is not None
    assert record.meeting.date == date(2018, 12, 20)
    assert record.reference is None
    assert record.url is None
    assert record.generation == "2014"
    assert record.suspect == ()


def test_the_seed_s_speeches(record: Question, seed_page: SeedPage) -> None:
    assert spoken(record.question) == [(seed_page.asker, 2)]
    assert record.status == "answered"
    (answer,) = record.answers
    assert answer.answered_by == ("The Mayor",)
    assert (answer.date, answer.holding, answer.attachments) == (None, False, ())
    assert spoken(answer.speeches) == list(zip(seed_page.speakers, (3, 1, 3), strict=True))


def printed_again(record: Question) -> Iterator[str]:
    """Yield the text of a page of 2014 with one answer, made from its record."""
    assert record.asked_by is not None
    yield record.title or ""
    for label, value in record.labels.items():
        if label == "Answered By":
            yield from iter_paragraphs(record.question)
            yield from (record.title or "", record.title or "")
        yield from (f"{label}:", value)
        if label == "Question By":
            yield record.asked_by.party or ""
    first, *others = record.answers[0].speeches
    yield from first.paragraphs
    for speech in others:
        yield f"{speech.speaker}:"
        yield from speech.paragraphs


def test_no_word_of_the_seed_is_lost_doubled_or_moved(
    record: Question, seed_page: SeedPage
) -> None:
    again = " ".join(printed_again(record)).split()
    for place, (ours, theirs) in enumerate(zip_longest(again, seed_page.path.read_text().split())):
        assert ours == theirs, f"word {place}"


def test_the_seed_in_html_gives_the_same_content(record: Question, seed_page: SeedPage) -> None:
    lines = "".join(f"<p>{line}</p>" for line in seed_page.path.read_text().splitlines())
    page = read(f"<!doctype html><html><body><main>{lines}</main></body></html>")
    assert (page.digest, page.id) == (record.digest, record.id)


def test_the_seed_goes_to_json_and_back(record: Question) -> None:
    Draft202012Validator.check_schema(build_json_schema())
    Draft202012Validator(build_json_schema()).validate(json.loads(encode_record(record)))
    assert decode_question(encode_record(record)) == record


# ------------------------------------------------------------------------------------ identity


def test_identity_is_the_address() -> None:
    there = read(PAGE, ADDRESS)
    assert there.id == "london:/questions/2018/5425"
    assert there.reference == "2018/5425"
    assert read(PAGE.replace("nine", "ten"), f"{ADDRESS}/?page=2").id == there.id


def test_without_an_address_identity_is_the_content() -> None:
    first = read(PAGE)
    assert first.url is None
    assert first.id == f"london:{first.digest[:23]}"
    assert read(PAGE).id == first.id
    assert read(PAGE.replace("nine", "ten")).id != first.id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\n\n"),
        (" ", "\N{NO-BREAK SPACE} "),
        ("’", "'"),
        ("“", '"'),
        (" - ", " \N{NON-BREAKING HYPHEN} "),
        ("It’s", "I t’s"),
        ("?\n\nAnd", "? And"),
        ("Riverside Group", "Hilltop Group"),
        ("Ada Brook AM", "Ada Brook OBE AM"),
        ("December 20, 2018", "December 21, 2018"),
    ],
)
def test_the_digest_is_the_same_for(old: str, new: str) -> None:
    assert old in PAGE
    assert read(PAGE.replace(old, new)).digest == read(PAGE).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [("nine", "ten"), ("River Piers", "River Boats"), ("again", "once"), ("It’s nine.", "")],
)
def test_the_digest_changes_with_the_words(old: str, new: str) -> None:
    assert read(PAGE.replace(old, new)).digest != read(PAGE).digest


# ------------------------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    ("title", "kind", "number"),
    [
        ("River Piers", "question", None),
        ("River Piers (Supplementary) [2]", "supplementary", 2),
        ("River Piers (supplementary)", "supplementary", None),
        ("River Piers [12]", "supplementary", 12),
        ("River Piers [2] again", "question", None),
        ("Budget for River Piers [2019]", "question", None),
        (f"River Piers [{'9' * 5000}]", "question", None),
    ],
)
def test_a_supplementary_by_its_title(title: str, kind: str, number: int | None) -> None:
    record = read(PAGE.replace("River Piers", title))
    assert (record.kind, record.supplementary_number) == (kind, number)
    assert decode_question(encode_record(record)) == record


def test_a_supplementary_by_its_label() -> None:
    assert read(PAGE.replace("Answer for", "Supplementary To:\nAnswer for")).kind == "supplementary"


def test_the_meeting_s_date_from_its_name_where_no_session_is_printed() -> None:
    item = QuestionItem(source="london", generation="2022", meeting="MQT on 16 July 2026")
    record = normalise_item(item, Document(""))
    assert record.meeting is not None
    assert record.meeting.date == date(2026, 7, 16)
    assert normalise_item(QuestionItem(source="a", generation="b"), Document("")).meeting is None


def test_a_long_answer_that_quotes_the_holding_words_is_an_answer() -> None:
    holding = "Officers are drafting a response which will be sent shortly."
    assert read(PAGE.replace("It’s nine.", holding)).status == "holding"
    long = f"I said that officers are drafting a response. {'It has come. ' * 40}"
    assert read(PAGE.replace("It’s nine.", long)).status == "answered"


def test_dialogue_within_the_question() -> None:
    words = "Ada Brook AM: Is it open?\nBo Reed (Mayor of London): Which?\nAda Brook: This."
    record = read(f"River Piers\n{HEAD}\n{words}\n")
    speakers = [("Ada Brook AM", 1), ("Bo Reed (Mayor of London)", 1), ("Ada Brook", 1)]
    assert spoken(record.question) == speakers


# ------------------------------------------------------------------- what is not to be believed


@pytest.mark.parametrize(
    ("text", "suspect"),
    [
        (f"River Piers\n{HEAD}", ("no question",)),
        (f"{HEAD}\nHow many?", ("no title",)),
        (
            f"River Piers\n{HEAD}Answer for River Piers\nAnswered By:\nBo Reed\nNine.",
            ("no question",),
        ),
        (HEAD, ("no title", "no question")),
    ],
)
def test_a_page_that_lacks_something_is_suspect(text: str, suspect: tuple[str, ...]) -> None:
    assert read(text).suspect == suspect


@pytest.mark.parametrize(
    "text",
    ["", "Of boats.", "<body><h1>Access denied</h1><p>Sorry.</p></body>", "<html>", "<div>"],
)
def test_other_pages_are_unreadable(text: str) -> None:
    with pytest.raises(UnreadablePage):
        read(text)


def test_another_source_s_designs_are_not_tried() -> None:
    with pytest.raises(UnreadablePage):
        read_question(Document(PAGE), "elsewhere")
    assert read_question(Document(PAGE), "london").title == "River Piers"
