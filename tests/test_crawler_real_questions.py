"""Every known fact of a real question, rendered in the markup of its time, is read back as it is.

The facts stay outside the repository (``../shared/source/data``); the prose is filler.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from crawler.documents import Document
from crawler.items import UnreadablePage
from crawler.names import clean_name
from crawler.normalise import read_question
from crawler.records import Question

from real_pages import (
    FILLER,
    LISTING,
    Fact,
    facts,
    page_2014,
    page_2019,
    page_2022,
    text_2000,
    unlabelled,
)

FACTS = Path(__file__).parents[2] / "shared" / "source" / "data" / "real_questions.jsonl"
ALL = facts(FACTS) if FACTS.exists() else []
pytestmark = pytest.mark.skipif(
    not ALL, reason="the facts are not here: ../shared/source is no part of the repository"
)
HOST = "https://www.london.gov.uk"
#: As the facts call what was seen, and the design that it is rendered in.
OLD = {"single_old_markup", "seed", "order_paper", "written_answers_doc", "commitments_doc"}
NEW = {"listing_row", "node_listing_row"}


def design(fact: Fact) -> str:
    """The design of a fact: by where it was seen, and by its date where that says nothing."""
    if fact.source_kind == "blog_of_pre2014_site":
        return "2000"
    if "no labels in the captured text" in fact.has:
        return "unlabelled"
    if fact.source_kind in NEW or "find-an-answer" in fact.source_url:
        return "2022"
    later = fact.source_kind in {"twfy_page", "repo_citation"}
    recent = (fact.meeting_date_iso or "") >= "2019-07"
    return "2019" if later or recent else "2014"


RENDER = {"2014": page_2014, "2019": page_2019, "2022": page_2022, "2000": text_2000}


def address(fact: Fact, generation: str) -> str | None:
    if fact.reference_from_url:
        return f"{HOST}/questions/{fact.reference_from_url}"
    return f"{HOST}{LISTING}/a-slug-7" if generation == "2022" else None


def name_of(fact: Fact) -> str:
    return f"{design(fact)}-{(fact.title or 'no title')[:40]}"


READABLE = [fact for fact in ALL if design(fact) != "unlabelled"]


@pytest.fixture(scope="module", params=READABLE, ids=name_of)
def pair(request: pytest.FixtureRequest) -> tuple[Fact, Question]:
    fact: Fact = request.param
    generation = design(fact)
    question = read_question(Document(RENDER[generation](fact), address(fact, generation)))
    assert question.generation == generation
    return fact, question


def test_no_line_is_left_out() -> None:
    assert len(ALL) == 143
    assert len(READABLE) == 142


def test_title_and_number(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    assert question.title == (" ".join(fact.title.split()) if fact.title else None)
    # One fact leaves the number out that its title carries.
    number = fact.supplementary_number or (2 if fact.source_kind == "commitments_doc" else None)
    assert question.supplementary_number == number
    if number is not None:
        assert question.kind == "supplementary"
    elif "(supplementary)" not in (fact.title or "").lower():
        assert question.kind == "question"


def test_reference(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    if design(fact) == "2014":  # none is printed; the address has it, but for a suffix
        number = fact.reference_from_url
        assert question.reference == (number if number and "-" not in number else None)
    else:
        numbered = fact.reference_from_url if design(fact) == "2019" else None
        assert question.reference == (fact.reference or numbered)


def test_asker_and_party_as_printed(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    if fact.question_by is None:
        assert question.asked_by is None
        assert "no asker" in question.suspect
        return
    assert question.asked_by is not None
    assert question.asked_by.printed == fact.question_by
    assert question.asked_by.name == clean_name(fact.question_by)
    assert question.asked_by.person
    assert question.asked_by.party == (fact.party if design(fact) != "2000" else None)


def test_whom_it_was_put_to(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    if fact.asked_of is None or design(fact) == "2000":
        assert question.asked_of == ()
        return
    printed = [addressee.printed for addressee in question.asked_of]
    assert len(printed) == 1 + fact.asked_of.count(") and ")
    assert " and ".join(printed) == fact.asked_of
    for addressee in question.asked_of:
        role = addressee.printed.partition(" (")[2].removesuffix(")")
        assert addressee.role == (role or None)


def test_meeting(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    if fact.meeting_date is None:
        assert question.meeting is None
        return
    assert question.meeting is not None
    assert question.meeting.date == date.fromisoformat(fact.meeting_date_iso or "")
    if design(fact) == "2014":
        assert question.meeting.name == fact.meeting_name


def test_words_and_state(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    said = " ".join(p for speech in question.question for p in speech.paragraphs)
    assert FILLER in said
    if "T hank" in fact.has:
        assert "Thank you." in said
    if "then NOTHING" in fact.has:
        assert question.status == "unanswered"
    elif "Officers are drafting" in fact.has or "holding then" in fact.has:
        assert question.status == "holding"
    elif fact.source_kind != "blog_of_pre2014_site":
        assert question.status == "answered"
    if "attachment file name" in fact.has:
        [file] = question.answers[0].attachments
        assert file.title == "MQ2019_19838 - Tube Capacity (1).xlsx"
        assert file.url.startswith(f"{HOST}/sites/default/files/MQ2019_19838")


def test_nothing_else_is_suspect(pair: tuple[Fact, Question]) -> None:
    fact, question = pair
    lacking = {"no asker": fact.question_by, "no title": fact.title}
    assert set(question.suspect) == {what for what, value in lacking.items() if value is None}


def test_a_page_without_labels_is_not_guessed_at() -> None:
    [fact] = [fact for fact in ALL if design(fact) == "unlabelled"]
    with pytest.raises(UnreadablePage):
        read_question(Document(unlabelled(fact), address(fact, "2014")))
