"""What a correction shows: the words removed and added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.questions import find_corrections, find_first_correction
from alerts.text import Segment
from tests.support.samples import make_answer, make_question, make_speech


def compared(old: str, new: str) -> tuple[str, str] | None:
    found = find_first_correction(
        make_question(1, make_answer(old)), make_question(1, make_answer(new))
    )
    return (shown(found.old), shown(found.new)) if found else None


def shown(segments: tuple[Segment, ...]) -> str:
    return "".join(f"[{s.text}]" if s.is_marked else s.text for s in segments)


@pytest.mark.parametrize(
    ("old", "new", "old_shown", "new_shown"),
    [
        ("Ten benches.", "Twelve benches.", "[Ten] benches.", "[Twelve] benches."),
        ("Ten benches.", "Ten new benches.", "Ten benches.", "Ten [new] benches."),
        ("Ten old benches.", "Ten benches.", "Ten [old] benches.", "Ten benches."),
        ("Ten benches and six bins.", "Two benches and no bins.",
         "[Ten] benches and [six] bins.", "[Two] benches and [no] bins."),
    ],
)  # fmt: skip
def test_words_are_marked(old: str, new: str, old_shown: str, new_shown: str) -> None:
    assert compared(old, new) == (old_shown, new_shown)


@pytest.mark.parametrize(("old", "new"), [("It’s so.", "It's so"), ("So it is", "so  it‑is.")])
def test_signs_and_spaces_are_no_correction(old: str, new: str) -> None:
    assert compared(old, new) is None


def test_the_first_paragraph_that_differs_is_shown() -> None:
    same, long = "The first stays.", "word " * 300
    found = find_first_correction(
        make_question(1, make_answer(same, long + "old", "and more")),
        make_question(1, make_answer(same, long + "new", "and another")),
    )
    assert found is not None
    old = shown(found.old)
    assert "[old" in old
    assert old.startswith("… ")
    assert len(old) < 500
    added = find_first_correction(
        make_question(1, make_answer(same)), make_question(1, make_answer(same, "Added."))
    )
    assert added is not None
    assert (shown(added.old), shown(added.new)) == ("", "[Added.]")


def test_very_long_texts_are_shown_from_their_beginning() -> None:
    found = find_first_correction(
        make_question(1, make_answer("a " * 3000)), make_question(1, make_answer("b " * 3000))
    )
    assert found is not None
    assert shown(found.old).startswith("a a a")


WORDS = st.lists(st.sampled_from(["ten", "benches", "and", "bins", "six"]), max_size=12)


@pytest.mark.slow
@given(WORDS, WORDS)
def test_without_marked_words_both_are_equal(old: list[str], new: list[str]) -> None:
    found = find_first_correction(
        make_question(1, make_answer(" ".join(old))), make_question(1, make_answer(" ".join(new)))
    )
    assert (found is None) == (old == new)
    if found:
        kept = [
            "".join(s.text for s in segments if not s.is_marked).split()
            for segments in (found.old, found.new)
        ]
        assert kept[0] == kept[1]


def test_a_word_that_is_frequent_in_a_long_text_is_no_difference() -> None:
    words = "the bus and " * 100
    old, new = compared(f"red {words}", f"blue {words}") or ("", "")
    assert old.startswith("[red] the bus")
    assert new.startswith("[blue] the bus")


def test_a_paragraph_that_is_printed_many_times_is_no_difference() -> None:
    same = ["As before."] * 250
    stored = make_question(1, make_answer("Ten benches.", *same))
    found = list(find_corrections(stored, make_question(1, make_answer("Six benches.", *same))))
    assert [(shown(one.old), shown(one.new)) for one in found] == [
        ("[Ten] benches.", "[Six] benches.")
    ]


def test_a_question_without_a_title_has_no_words_there() -> None:
    [found] = find_corrections(make_question(1, title=None), make_question(1, title="Benches"))
    assert (found.field, shown(found.old), shown(found.new)) == ("title", "", "[Benches]")


def test_each_correction_names_the_part_that_it_is_in() -> None:
    stored = make_question(
        1,
        make_answer("Soon.", holding=True),
        make_answer("Six.", "Kept."),
        title="Benches",
        question=make_speech("First.", "And when?", "Why so?"),
    )
    read = make_question(
        1,
        make_answer("Later.", holding=True),
        make_answer("Ten.", "Kept.", "More."),
        title="Bins",
        question=make_speech("First.", "And where?", "Why so?"),
    )
    assert [
        (one.field, shown(one.old), shown(one.new)) for one in find_corrections(stored, read)
    ] == [
        ("title", "[Benches]", "[Bins]"),
        ("question", "And [when?]", "And [where?]"),
        ("answer", "[Six.]", "[Ten.]"),
        ("answer", "", "[More.]"),
    ]


def test_several_paragraphs_that_differ_are_one_passage() -> None:
    assert [
        (shown(one.old), shown(one.new))
        for one in find_corrections(
            make_question(1, make_answer("One old.", "Two old.", "Kept.")),
            make_question(1, make_answer("One new.", "Kept.")),
        )
    ] == [("One [old. Two old.]", "One [new.]")]


@pytest.mark.parametrize(
    ("old", "new", "old_shown", "new_shown"),
    [
        ("A b.", "A b. C d.", "A b.", "A b. [C d.]"),
        ("A b. C d.", "C d.", "[A b.] C d.", "C d."),
        ("C d.", "A b. C d.", "C d.", "[A b.] C d."),
        ("A  b c", "A x c", "A  [b] c", "A [x] c"),
    ],
)
def test_words_are_marked_at_both_ends(old: str, new: str, old_shown: str, new_shown: str) -> None:
    assert compared(old, new) == (old_shown, new_shown)


@pytest.mark.parametrize("count", [2000, 2001])
def test_texts_of_up_to_2000_words_are_compared_word_by_word(count: int) -> None:
    words = [f"w{number}" for number in range(count)]
    for old, new in ((["x", *words[1:]], words[:9]), (words[:9], ["x", *words[1:]])):
        before, after = compared(" ".join(old), " ".join(new)) or ("", "")
        assert ("[" in before + after) is (count == 2000)


@pytest.mark.parametrize(("before", "after"), [("", " more"), (" more", "")])
def test_the_place_of_an_added_or_removed_word_is_shown_in_a_long_text(
    before: str, after: str
) -> None:
    words = [f"w{number}" for number in range(400)]
    texts = [" ".join([*words[:200], *more.split(), *words[200:]]) for more in (before, after)]
    for passage, more in zip(compared(*texts) or (), (before, after), strict=True):
        assert passage.startswith("… ")
        assert passage.endswith(" …")
        shown_before, _, shown_after = passage.partition(" [more] " if more else " w200 ")
        assert shown_before.endswith(" w199")
        assert len(shown_before) > 20
        assert len(shown_after) > 20
