"""Real questions of which we have facts: printed in the markup of their design and read again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec
import pytest

from alerts.questions import find_changes
from crawler.pages import read_question
from crawler.reading import Document, UnreadablePage
from crawler.reading.names import is_known_person
from crawler.records import Answer, Question, Speech
from tests.support.addressees import ADDRESSEES
from tests.support.real_facts import (
    ARE_FACTS_REAL,
    FACTS_FILE,
    SITE_URL,
    PrintedAnswer,
    PrintedPage,
    RealQuestion,
    build_printed_page,
    choose_generation,
    put_year_first,
    read_facts,
)
from tests.support.real_pages import (
    render_lines_2000,
    render_lines_2014,
    render_page_2019,
    render_page_2022,
    render_page_of_lines,
)
from tests.support.real_quirks import (
    ANSWER_QUIRKS,
    QUESTION_QUIRKS,
    QUIRKS_IN_FACTS,
    QUIRKS_IN_LAYOUT,
    QUIRKS_OF_OTHER_SITES,
    PrintedLine,
)

FACTS = read_facts()
SHEETS = [(fact, build_printed_page(fact, number)) for number, fact in enumerate(FACTS, 1)]

#: Names of askers that are printed with more than the name.
NAMES = {
    "Ada Brook AM": "Ada Brook",
    "Gareth Bacon MP": "Gareth Bacon",
    "Florence Eshalomi MP": "Florence Eshalomi",
    "Jennette Arnold OBE": "Jennette Arnold",
    "Len Duvall OBE": "Len Duvall",
}

no_labels = [(f, s) for f, s in SHEETS if "no labels in the captured text" in f.features]
oldest = [(f, s) for f, s in SHEETS if s.generation == "2000"]
with_labels = [pair for pair in SHEETS if pair not in [*no_labels, *oldest]]


def ids(pairs: list[tuple[RealQuestion, PrintedPage]]) -> list[str]:
    """Return readable ids of tests: ``013-2014-opening-statement``."""
    numbers = [SHEETS.index(pair) + 1 for pair in pairs]
    slugs = [re.sub(r"[^a-z0-9]+", "-", page.title.lower()).strip("-")[:40] for _, page in pairs]
    designs = [page.generation for _, page in pairs]
    return [f"{n:03}-{d}-{s}" for n, d, s in zip(numbers, designs, slugs, strict=True)]


def documents(page: PrintedPage) -> Iterator[Document]:
    """Yield the page as HTML and, for designs whose markup is unknown, also as plain text."""
    if page.generation in {"2000", "2014"}:
        lines = render_lines_2014(page) if page.generation == "2014" else render_lines_2000(page)
        yield Document("\n\n".join(lines), page.address)
        yield Document(render_page_of_lines(lines), page.address)
    else:
        yield Document(
            {"2019": render_page_2019, "2022": render_page_2022}[page.generation](page),
            page.address,
        )


# ------------------------------------------------------------------ what must come out


def spoken(lines: tuple[PrintedLine, ...], opening: str | None) -> tuple[Speech, ...]:
    """Return paragraphs as speeches: a label starts a speech, others continue it."""
    speeches: list[tuple[str | None, list[str]]] = [(opening, [])]
    for line in lines:
        if line.speaker:
            speeches.append((line.speaker, []))
        speeches[-1][1].append(" ".join(line.words.split()))
    return tuple(Speech(speaker, tuple(words)) for speaker, words in speeches if words)


def check_head(record: Question, fact: RealQuestion, page: PrintedPage) -> None:
    """Check title, reference, people, meeting and number against the facts."""
    assert record.suspect == ()
    assert (record.source, record.generation) == ("london", page.generation)
    assert record.title == page.title
    check_reference(record, fact, page)
    assert record.asked_by is not None
    assert record.asked_by.printed == page.asked_by
    assert record.asked_by.name == NAMES.get(page.asked_by, page.asked_by)
    assert record.asked_by.party == page.party
    assert fact.question_by is None or is_known_person(record.asked_by.person) == ARE_FACTS_REAL
    asked_of = [(a.printed, a.name, a.role) for a in record.asked_of]
    assert asked_of == ADDRESSEES[page.asked_of]
    assert (record.meeting.name if record.meeting else None) == page.meeting
    assert (record.meeting.date if record.meeting else None) == fact.meeting_date_iso
    if fact.source_kind == "single_old_markup":
        assert record.labels["Session date"] == fact.meeting_date
    number = re.search(r" \[(\d+)\]$", page.title)
    assert fact.supplementary_number in {None, int(number[1]) if number else None}
    assert record.supplementary_number == (int(number[1]) if number else None)
    assert record.kind == ("supplementary" if number else "question")


def check_reference(record: Question, fact: RealQuestion, page: PrintedPage) -> None:
    """Check the reference: as printed, or from the address, but not from a suffix or a slug."""
    if page.address is None:
        assert record.id.startswith("london:sha256:")
    else:
        assert record.id == f"london:{urlsplit(page.address).path}"
    if page.generation == "2022" or "-" in urlsplit(page.address or "").path:
        assert record.reference == fact.reference
    else:
        known = fact.reference_from_url or fact.reference
        assert record.reference == (put_year_first(known) if known else None)


def check_words(record: Question, page: PrintedPage) -> None:
    """Check that each paragraph is there once, in order, with its speaker."""
    assert record.asked_by is not None
    assert record.question == spoken(page.question, record.asked_by.name)
    replies = [reply for reply in page.answers if reply.lines[0].words != "Oral response"]
    assert len(record.answers) == len(replies)
    for answer, reply in zip(record.answers, replies, strict=True):
        check_answer(answer, reply, page)
    holding = [reply for reply in replies if is_holding(reply)]
    substance = len(replies) - len(holding)
    expected = "answered" if substance else "holding" if holding else "unanswered"
    assert record.status == expected


def check_answer(answer: Answer, reply: PrintedAnswer, page: PrintedPage) -> None:
    by = reply.by or page.asked_of
    assert list(answer.answered_by) == [printed for printed, _, _ in ADDRESSEES[by]]
    assert answer.date == reply.date
    assert answer.holding == is_holding(reply)
    # Only the design of 2014 names several who answered; since 2022 they are those asked.
    opening = by if page.generation == "2014" else " & ".join(answer.answered_by)
    assert answer.speeches == spoken(reply.lines, opening)
    assert [a.title for a in answer.attachments] == ([reply.file] if reply.file else [])
    assert all(a.url.startswith(f"{SITE_URL}/") for a in answer.attachments)


def is_holding(reply: PrintedAnswer) -> bool:
    return reply.lines[0].words.startswith("Officers are drafting")


# ------------------------------------------------------------------ every line


def test_no_line_is_left_out() -> None:
    number, by_generation = (
        (143, {"2000": 1, "2014": 41, "2019": 6, "2022": 95})
        if ARE_FACTS_REAL
        else (29, {"2000": 1, "2014": 15, "2019": 2, "2022": 11})
    )
    assert len(FACTS) == len(FACTS_FILE.read_text().splitlines()) == number
    assert len(with_labels) + len(no_labels) + len(oldest) == number
    assert Counter(choose_generation(fact) for fact in FACTS) == by_generation
    addresses = [page.address for _, page in SHEETS if page.address]
    assert len(set(addresses)) == len(addresses) == number - 2


def test_no_quirk_is_left_out() -> None:
    places = [
        set(QUESTION_QUIRKS),
        set(ANSWER_QUIRKS),
        QUIRKS_IN_FACTS,
        QUIRKS_IN_LAYOUT,
        QUIRKS_OF_OTHER_SITES,
    ]
    features = {feature for fact in FACTS for feature in fact.features}
    if ARE_FACTS_REAL:
        assert set().union(*places) == features
    else:  # all that is in the words, and some that is in facts and layout
        assert {*QUESTION_QUIRKS, *ANSWER_QUIRKS} <= features
    assert sum(map(len, places)) == len(set().union(*places))


@pytest.mark.parametrize(("fact", "page"), with_labels, ids=ids(with_labels))
def test_a_real_question_is_read_back_to_its_facts(fact: RealQuestion, page: PrintedPage) -> None:
    for document in documents(page):
        record = read_question(document, "london")
        check_head(record, fact, page)
        check_words(record, page)


linked = [(f, s) for f, s in with_labels if f.meeting_name]


@pytest.mark.parametrize(("fact", "page"), linked, ids=ids(linked))
def test_the_link_to_a_meeting_dates_it_by_itself(fact: RealQuestion, page: PrintedPage) -> None:
    without = msgspec.structs.replace(page, day=None)
    for document in documents(without):
        record = read_question(document)
        assert record.meeting is not None
        assert record.meeting.date == fact.meeting_date_iso


@pytest.mark.parametrize(("fact", "page"), no_labels, ids=ids(no_labels))
def test_a_page_without_labels_is_unreadable(fact: RealQuestion, page: PrintedPage) -> None:
    for document in documents(page):
        with pytest.raises(UnreadablePage):
            read_question(document, "london")


@pytest.mark.parametrize(("fact", "page"), oldest, ids=ids(oldest))
def test_a_page_of_the_oldest_design(fact: RealQuestion, page: PrintedPage) -> None:
    for document in documents(page):
        record = read_question(document, "london")
        assert record.suspect == ()
        assert record.generation == "2000"
        assert record.title == page.title
        assert record.reference is not None
        assert put_year_first(record.reference) == put_year_first(fact.reference or "")
        assert record.asked_by is not None
        assert record.asked_by.person == ("valerie-shawcross" if ARE_FACTS_REAL else "ada-brook")
        assert record.meeting is not None
        assert record.meeting.date == fact.meeting_date_iso
        assert (record.kind, record.status) == ("question", "unanswered")


# ------------------------------------------------------------------ traps


def relabelled(page: PrintedPage) -> PrintedPage:
    """Return the page as the source prints it years later: other honours, parties and offices."""
    names = {"Shaun Bailey": "Lord Bailey of Paddington", "Caroline Pidgeon": "Baroness Pidgeon"}
    return msgspec.structs.replace(
        page,
        asked_by=names.get(page.asked_by, f"{page.asked_by} MP"),
        party="City Hall Conservatives" if page.party == "GLA Conservatives" else "Another Group",
        asked_of="Sadiq Khan (Mayor of London)" if page.asked_of == "The Mayor" else page.asked_of,
    )


@pytest.mark.parametrize(("fact", "page"), with_labels, ids=ids(with_labels))
def test_trap_12_relabelled_people_and_groups_are_no_change(
    fact: RealQuestion, page: PrintedPage
) -> None:
    before = read_question(next(documents(page)))
    after = read_question(next(documents(relabelled(page))))
    assert before.asked_by != after.asked_by
    assert before.digest == after.digest
    assert find_changes(before, after) == ()


def test_trap_11_a_party_is_kept_as_printed_and_says_nothing_of_the_asker() -> None:
    """On recent supplementaries it is the parent's, so an identity never depends on it."""
    wrong = {"Hina Bokhari": "Labour Group", "Zack Polanski": "City Hall Conservatives"}
    if not ARE_FACTS_REAL:
        wrong = {"Ben Cole": "Riverside Group", "Cora Dale": "Garden Suburbs Group"}
    found = 0
    for fact, page in with_labels:
        if fact.supplementary_number and wrong.get(page.asked_by) == page.party:
            asker = read_question(next(documents(page))).asked_by
            assert asker is not None
            assert asker.party == page.party
            own = msgspec.structs.replace(page, party="The asker's own group")
            other = read_question(next(documents(own))).asked_by
            assert other is not None
            assert other.person == asker.person
            found += 1
    assert found == 2
