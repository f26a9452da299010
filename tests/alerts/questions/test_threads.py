"""A supplementary is linked to its parent if title, meeting and date identify it."""

from __future__ import annotations

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.questions import find_parent, make_thread_key, sort_thread
from alerts.questions.threads import strip_supplementary_mark
from crawler.records import Addressee, Meeting, Question, QuestionKind
from tests.support.processor_time import assert_takes_less_than
from tests.support.samples import make_question

DAY = date(2026, 7, 16)


def asked(
    number: int,
    title: str | None,
    day: date | None = DAY,
    of: tuple[str, ...] = ("The Mayor",),
    kind: QuestionKind | None = None,
    place: int | None = None,
) -> Question:
    """Return a question with the fields that threads depend on; its title decides its kind."""
    supplementary = bool(title and ("(Supplementary)" in title or title.endswith("]")))
    return make_question(
        number,
        title=title,
        meeting=Meeting(f"MQT on {day}", day),
        asked_of=tuple(Addressee(name, name) for name in of),
        kind=kind or ("supplementary" if supplementary else "question"),
        supplementary_number=place,
    )


MAIN = asked(1, "River Piers")
FIRST = asked(2, "River Piers (Supplementary) [1]", place=1)


@pytest.mark.parametrize(
    ("title", "base"),
    [
        # titles of real supplementaries
        ("Metroplitan Police Service (Supplementary) [1]", "Metroplitan Police Service"),
        (
            "Congestion Charge (Corporation of London) (Supplementary) [7]",
            "Congestion Charge (Corporation of London)",
        ),
        ("London Bomb Attacks (Supplementary) [43]", "London Bomb Attacks"),
        (
            (
                "Question & Answer Session: London's Long-Term Infrastructure Needs"
                " (Supplementary) [10]"
            ),
            "Question & Answer Session: London's Long-Term Infrastructure Needs",
        ),
        # other ways to print it
        ("Traffic [4]", "Traffic"),
        ("Traffic (Supplementary)", "Traffic"),
        ("Traffic (Supplementary) (2)", "Traffic"),
        ("Traffic (1) (Supplementary) [3]", "Traffic (1)"),
        ("Traffic (SUPPLEMENTARY)\u00a0 [12] ", "Traffic"),
        # no supplementaries
        ("Traffic (1)", "Traffic (1)"),
        ("Fire response times (3)", "Fire response times (3)"),
        ("Budget [2019]", "Budget [2019]"),
        ("[4] Traffic", "[4] Traffic"),
        ("(Supplementary) [1] in the middle", "(Supplementary) [1] in the middle"),
        ("(Supplementary) [1]", ""),
        ("", ""),
    ],
)
def test_the_title_that_a_thread_shares(title: str, base: str) -> None:
    assert strip_supplementary_mark(title) == base


@given(st.text(st.sampled_from("Ab []()19") | st.characters(), max_size=20), st.integers(1, 999))
def test_the_mark_of_a_supplementary_changes_no_title(title: str, number: int) -> None:
    base = strip_supplementary_mark(title)
    assert strip_supplementary_mark(base) == base
    assert strip_supplementary_mark(f"{base} (Supplementary) [{number}]") == base
    assert strip_supplementary_mark(f"{base} [{number}]") == base


@pytest.mark.slow
def test_a_hostile_title_takes_no_time() -> None:
    with assert_takes_less_than(5):
        assert strip_supplementary_mark("[1]" * 300_000) == ""
        assert len(strip_supplementary_mark("[1]" * 300_000 + "x")) == 900_001
        strip_supplementary_mark("(supplementary)" * 50_000 + " " * 500_000)


def test_a_thread_is_a_title_at_a_meeting() -> None:
    assert make_thread_key(MAIN) == make_thread_key(FIRST)
    assert make_thread_key(MAIN) == make_thread_key(asked(3, "river  piers"))
    assert make_thread_key(asked(4, "The Mayor’s Piers")) == make_thread_key(
        asked(5, "The Mayor's Piers")
    )
    assert make_thread_key(MAIN) != make_thread_key(asked(6, "River Piers", date(2026, 9, 17)))
    assert make_thread_key(MAIN) != make_thread_key(asked(7, "River Piers (1)"))
    assert make_thread_key(MAIN) != make_thread_key(
        make_question(8, title="River Piers", source="elsewhere")
    )


@pytest.mark.parametrize(
    "unknown",
    [
        asked(1, None),
        asked(1, "(Supplementary) [1]"),
        asked(1, "River Piers", None),
        make_question(1, title="River Piers", meeting=None),
    ],
)
def test_without_title_or_date_there_is_no_thread(unknown: Question) -> None:
    assert make_thread_key(unknown) is None
    assert find_parent(unknown, [MAIN, unknown]) is None
    assert find_parent(FIRST, [unknown]) is None


def test_the_one_main_question_is_the_parent() -> None:
    others = [
        asked(3, "River Piers (1)"),
        asked(4, "River Piers", date(2026, 9, 17)),
        asked(5, "River Piers (Supplementary) [2]", place=2),
        asked(6, "River Boats"),
    ]
    assert find_parent(FIRST, [*others, MAIN]) == MAIN
    assert find_parent(FIRST, others) is None
    assert find_parent(FIRST, []) is None
    assert find_parent(asked(7, "River Piers [4]", of=("Bo Reed",)), [MAIN]) == MAIN


def test_a_main_question_has_no_parent() -> None:
    assert find_parent(MAIN, [MAIN, asked(9, "River Piers")]) is None


def test_of_several_it_is_the_one_put_to_the_same_people() -> None:
    """Pitfall 20: real questions share title, meeting and text and differ in their addressee."""
    reed = asked(3, "River Piers", of=("Bo Reed", "The Mayor"))
    assert find_parent(FIRST, [MAIN, reed]) == MAIN
    follow_up = asked(4, "River Piers (Supplementary) [1]", of=("The Mayor", "bo  reed"))
    assert find_parent(follow_up, [MAIN, reed]) == reed


def test_no_parent_among_several_put_to_the_same_people() -> None:
    assert find_parent(FIRST, [MAIN, asked(3, "River Piers")]) is None
    assert (
        find_parent(asked(4, "River Piers [1]", of=("Bo Reed",)), [MAIN, asked(5, "River Piers")])
        is None
    )
    assert find_parent(asked(6, "River Piers [1]", of=()), [MAIN, asked(7, "River Piers")]) is None


@given(st.permutations([MAIN, asked(3, "River Boats"), asked(4, "River Piers (1)"), FIRST]))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Question]) -> None:
    assert find_parent(FIRST, candidates) == MAIN


@pytest.mark.slow
@given(st.lists(st.integers(1, 43), unique=True, max_size=12), st.randoms(use_true_random=False))
def test_a_thread_is_read_in_order(numbers: list[int], random: Random) -> None:
    """By number, not as text: the source lists 7, 11, 17, 25, 3."""
    thread = [MAIN, *(asked(10 + n, f"River Piers [{n}]", place=n) for n in sorted(numbers))]
    unnumbered = asked(99, "River Piers (Supplementary)")
    mixed = [*thread, unnumbered]
    random.shuffle(mixed)
    assert sort_thread(mixed) == (*thread, unnumbered)


def test_supplementaries_without_a_number_keep_their_order() -> None:
    loose = [asked(n, "River Piers (Supplementary)") for n in (5, 3, 4)]
    assert sort_thread([*loose, FIRST, MAIN]) == (MAIN, FIRST, *loose)
