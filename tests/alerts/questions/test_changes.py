"""One change for each real change, none for a cosmetic one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Change, ChangeKind, SilenceReason
from alerts.questions import can_replace, find_changes, find_silence_reason
from crawler.records import (
    PLACEHOLDER_LABEL,
    Asker,
    Meeting,
    Question,
    hash_answer,
    hash_content,
    hash_question,
)
from tests.support.samples import HOLDING_TEXT, make_answer, make_question

NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
ASKED = make_question(1)
HELD = make_question(1, make_answer(HOLDING_TEXT, holding=True))
ANSWERED = make_question(1, make_answer("We do a lot.", "And more."))
BOTH = make_question(
    1, make_answer(HOLDING_TEXT, holding=True), make_answer("We do a lot.", "And more.")
)
CORRECTED = make_question(1, make_answer("We do a lot.", "And less."))
TWICE = make_question(1, make_answer("We do a lot.", "And more."), make_answer("A second answer."))
FILE_ONLY = make_question(1, make_answer(files=("figures.xlsx",)))


def kinds(stored: Question | None, read: Question) -> list[str]:
    return [change.kind for change in find_changes(stored, read)]


@pytest.mark.parametrize(
    ("stored", "read", "expected"),
    [
        (None, ASKED, ["asked"]),
        (None, HELD, ["asked", "holding"]),
        (None, ANSWERED, ["asked", "answered"]),
        (None, BOTH, ["asked", "answered"]),
        (ASKED, HELD, ["holding"]),
        (ASKED, ANSWERED, ["answered"]),
        (ASKED, FILE_ONLY, ["answered"]),
        (HELD, ANSWERED, ["answered"]),
        (HELD, BOTH, ["answered"]),
        (ANSWERED, CORRECTED, ["corrected"]),
        (ANSWERED, TWICE, ["answered"]),
        (
            ANSWERED,
            make_question(1, make_answer("We do a lot.", "And more.", files=("a.csv",))),
            ["corrected"],
        ),
        (ASKED, make_question(1, words="What else is being done?"), ["corrected"]),
        (
            ASKED,
            make_question(1, make_answer("Much."), words="What else?"),
            ["corrected", "answered"],
        ),
        (ASKED, ASKED, []),
        (HELD, HELD, []),
        (ANSWERED, ANSWERED, []),
        # A page half rendered: the answer that we have has vanished.
        (ANSWERED, ASKED, []),
        (ANSWERED, HELD, []),
        (HELD, ASKED, []),
    ],
)
def test_the_report_says_what_happened(
    stored: Question | None, read: Question, expected: list[str]
) -> None:
    assert kinds(stored, read) == expected


@pytest.mark.parametrize(
    "cosmetic",
    [
        {"asked_by": Asker("Lord Brook of Paddle", "Lord Brook of Paddle", "Other Group", "x")},
        {"labels": {"Organisation": "Another Group"}},
        {"meeting": Meeting("Mayor's Question Time", date(2026, 7, 16))},
        {"category": "Transport"},
        {"reference": "2026/0001-1"},
        {"url": "https://elsewhere.example/q"},
    ],
)
def test_trap_12_relabelling_is_no_change(cosmetic: dict[str, object]) -> None:
    relabelled = msgspec.structs.replace(ANSWERED, **cosmetic)
    again = msgspec.structs.replace(relabelled, digest=hash_content(relabelled))
    assert kinds(ANSWERED, again) == []


@given(st.sampled_from([" ", "  ", "\n", " "]), st.sampled_from(["'", "’", "‘"]))
def test_white_space_and_quotes_are_no_change(space: str, quote: str) -> None:
    first = make_question(1, make_answer("It's the council's - and the Mayor's - plan."))
    text = f"It{quote}s the{space}council{quote}s \u2011 and{space}the Mayor{quote}s \u2013 plan."
    assert kinds(first, make_question(1, make_answer(text))) == []


def test_a_suspect_reading_is_no_evidence() -> None:
    suspect = msgspec.structs.replace(ANSWERED, suspect=("no asker",))
    assert kinds(None, suspect) == []
    assert kinds(ASKED, suspect) == []
    assert not can_replace(ASKED, suspect)


def test_a_question_stored_as_suspect_counts_as_new() -> None:
    suspect = msgspec.structs.replace(ASKED, suspect=("no asker",))
    assert kinds(suspect, ANSWERED) == ["asked", "answered"]


@given(st.lists(st.sampled_from([ASKED, HELD, ANSWERED, BOTH, CORRECTED, TWICE]), max_size=8))
def test_reading_the_same_twice_changes_nothing(readings: list[Question]) -> None:
    """Reading the stored question again makes no change, whatever its history."""
    stored: Question | None = None
    for read in readings:
        if can_replace(stored, read):
            stored = read
        assert stored is not None
        assert find_changes(stored, stored) == ()


@pytest.mark.parametrize(
    ("stored", "meeting", "crawl", "expected"),
    [
        (None, date(2026, 7, 16), None, None),
        (None, date(2026, 7, 16), "baseline", "baseline"),
        (None, date(2026, 7, 16), "old", "old"),
        (None, date(2018, 12, 20), None, "old"),
        (None, date(2026, 6, 20), None, None),
        (None, date(2026, 6, 19), None, "old"),
        (None, None, None, None),
        # What happens to a question that we know is news, however old it is.
        (ASKED, date(2018, 12, 20), None, None),
        (ASKED, date(2018, 12, 20), "baseline", None),
    ],
)
def test_only_a_question_never_seen_can_be_silent(
    stored: Question | None, meeting: date | None, crawl: SilenceReason | None, expected: str | None
) -> None:
    read = make_question(1, make_answer("Yes."), meeting=Meeting(None, meeting))
    assert find_silence_reason(stored, read, NOW, crawl, max_age_days=30) == expected


def test_a_late_answer_to_an_old_question_alerts() -> None:
    late = make_question(
        1, make_answer("At last.", date=date(2026, 7, 18)), meeting=Meeting(None, date(2025, 1, 1))
    )
    assert find_silence_reason(None, late, NOW, None, max_age_days=30) is None


PHRASE = "Please see the answer to an earlier question."


@pytest.mark.parametrize(
    ("stored_answers", "printed_phrase", "replaced"),
    [
        ([PHRASE], PHRASE, True),
        ([PHRASE], "Another phrase.", False),
        ([PHRASE], None, False),
        ([PHRASE, "A real answer."], PHRASE, False),
        (["A real answer."], PHRASE, False),
    ],
)
def test_a_set_phrase_that_was_taken_for_an_answer_may_go(
    stored_answers: list[str], printed_phrase: str | None, *, replaced: bool
) -> None:
    stored = make_question(1, *(make_answer(text) for text in stored_answers))
    labels = {PLACEHOLDER_LABEL: printed_phrase} if printed_phrase else {}
    assert can_replace(stored, make_question(1, labels=labels)) is replaced


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (["A."], ["A.", "B."], "answered"),
        (["A.", "B."], ["A.", "B.", "C."], "answered"),
        (["A."], ["A.", "A."], "answered"),  # the same words again
        (["A."], ["B.", "C."], "corrected"),  # the first one is gone
        (["A.", "B."], ["A."], "corrected"),
        (["A."], ["B."], "corrected"),
    ],
)
def test_one_more_answer_is_no_correction_of_the_others(
    before: list[str], after: list[str], kind: str
) -> None:
    stored = make_question(1, *map(make_answer, before))
    assert kinds(stored, make_question(1, *map(make_answer, after))) == [kind]


def test_one_more_answer_and_another_question_are_a_correction() -> None:
    stored = make_question(1, make_answer("A."))
    read = make_question(1, make_answer("A."), make_answer("B."), words="Why?")
    assert kinds(stored, read) == ["corrected"]


REWORDED = make_question(1, words="What else?")
REWORDED_AND_ANSWERED = make_question(1, make_answer("Much."), words="What else?")
HELD_TWICE = make_question(1, *[make_answer(text, holding=True) for text in ("Soon.", "Later.")])
#: Each names what it is about by a digest, by which the ledger knows it again.
WHOLE_CHANGES: list[tuple[Question | None, Question, list[tuple[ChangeKind, str]]]] = [
    (None, ASKED, [(ChangeKind.ASKED, hash_question(ASKED))]),
    (
        None,
        BOTH,
        [
            (ChangeKind.ASKED, hash_question(BOTH)),
            (ChangeKind.ANSWERED, hash_answer(BOTH.answers[1])),
        ],
    ),
    (
        ASKED,
        HELD_TWICE,
        [(ChangeKind.HOLDING, "|".join(map(hash_answer, HELD_TWICE.answers)))],
    ),
    (HELD, HELD_TWICE, [(ChangeKind.HOLDING, "|".join(map(hash_answer, HELD_TWICE.answers)))]),
    (HELD, BOTH, [(ChangeKind.ANSWERED, hash_answer(BOTH.answers[1]))]),
    (ASKED, TWICE, [(ChangeKind.ANSWERED, "|".join(map(hash_answer, TWICE.answers)))]),
    (ANSWERED, TWICE, [(ChangeKind.ANSWERED, hash_content(TWICE))]),
    (ANSWERED, CORRECTED, [(ChangeKind.CORRECTED, hash_content(CORRECTED))]),
    (ASKED, REWORDED, [(ChangeKind.CORRECTED, hash_content(REWORDED))]),
    (
        ASKED,
        REWORDED_AND_ANSWERED,
        [
            (ChangeKind.CORRECTED, hash_question(REWORDED)),
            (ChangeKind.ANSWERED, hash_answer(REWORDED_AND_ANSWERED.answers[0])),
        ],
    ),
]


@pytest.mark.parametrize(("stored", "read", "expected"), WHOLE_CHANGES)
def test_a_change_has_its_digest_and_both_versions(
    stored: Question | None, read: Question, expected: list[tuple[ChangeKind, str]]
) -> None:
    changes = [Change(kind, digest, read, stored) for kind, digest in expected]
    assert list(find_changes(stored, read)) == changes


def test_a_question_that_was_suspect_is_asked_without_an_earlier_version() -> None:
    suspect = msgspec.structs.replace(ASKED, suspect=("no asker",))
    assert [change.before for change in find_changes(suspect, ANSWERED)] == [None, None]


def test_a_set_phrase_that_was_taken_for_an_answer_is_no_change_when_it_goes() -> None:
    stored = make_question(1, make_answer("Please see", "an earlier answer."))
    labels = {PLACEHOLDER_LABEL: "Please see an earlier answer."}
    assert find_changes(stored, make_question(1, labels=labels)) == ()
    [change] = find_changes(stored, make_question(1, make_answer("Ten."), labels=labels))
    assert (change.kind, change.content_hash) == (
        ChangeKind.ANSWERED,
        hash_answer(make_answer("Ten.")),
    )
    assert change.before is not None
    assert (change.before.answers, change.before.status) == ((), "unanswered")
