"""What a correction changed, paragraph by paragraph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.questions import ParagraphEdit, compare_versions, find_edits
from crawler.records import Question
from tests.support.samples import make_answer, make_question

WORDS = ("the", "ferry", "ferries", "is", "late", "early", "£1,204,000", "2023–24", "mended")
paragraphs = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join), max_size=5
)


def make_version(title: str, asked: list[str], answered: list[str]) -> Question:
    spoken = make_answer(*asked).speeches
    return make_question(1, make_answer(*answered), title=title, question=spoken)


def join(edits: list[ParagraphEdit], part: str, version: str) -> list[str]:
    """The words of one version of a part."""
    pieces = (
        piece.text
        for edit in edits
        if edit.part == part
        for piece in (edit.before if version == "before" else edit.after)
    )
    return " ".join(pieces).split()


@pytest.mark.slow
@given(st.sampled_from(WORDS), paragraphs, paragraphs, paragraphs, paragraphs)
def test_both_versions_can_be_read_from_the_pieces(
    title: str, asked: list[str], answered: list[str], asked_now: list[str], answered_now: list[str]
) -> None:
    before = make_version("Of ferries", asked, answered)
    after = make_version(title, asked_now, answered_now)
    edits = list(compare_versions(before, after))
    for version, texts in (
        ("before", {"title": ["Of ferries"], "question": asked, "answer": answered}),
        ("after", {"title": [title], "question": asked_now, "answer": answered_now}),
    ):
        for part, expected in texts.items():
            assert join(edits, part, version) == " ".join(expected).split()
    changed = [edit for edit in edits if edit.is_changed]
    assert len(changed) == len(list(find_edits(before, after)))


def test_punctuation_and_capitals_are_no_changes() -> None:
    before = make_version("Of ferries", ["Is the ferry late?"], ["It is."])
    after = make_version("OF FERRIES", ["Is the ferry late"], ["it is."])
    assert list(find_edits(before, after)) == []


def test_a_change_is_shown_among_the_words_around_it() -> None:
    many = [f"word{n}" for n in range(200)]
    now = [*many]
    now[100] = "changed"
    [edit] = find_edits(
        make_version("T", [], ["First.", " ".join(many)]),
        make_version("T", [], ["First.", " ".join(now)]),
    )
    assert (edit.part, edit.number, edit.is_row) == ("answer", 2, False)
    first, removed, added, last = edit.pieces
    assert (removed.text, added.text) == ("word100", "changed")
    assert first.text == " ".join(["…", *many[76:100]])
    assert last.text == " ".join([*many[101:125], "…"])


def test_rows_of_tables_are_not_counted_as_paragraphs() -> None:
    rows = ["Year | Groups", "2024–25 | 97", "2025–26 | 96"]
    edits = list(
        find_edits(
            make_version("T", [], ["These.", *rows, "Six pages."]),
            make_version("T", [], ["These.", *rows[:2], "2025–26 | 69", "Five pages."]),
        )
    )
    assert [(edit.is_row, edit.number) for edit in edits] == [(True, 1), (False, 2)]
    assert [piece.text for piece in edits[0].pieces] == ["2025–26 |", "96", "69"]


def test_texts_without_end_are_removed_and_added_as_wholes() -> None:
    long = " ".join(f"a{n}" for n in range(3000))
    other = " ".join(f"b{n}" for n in range(3000))
    [edit] = find_edits(make_version("T", [], [long]), make_version("T", [], [other]))
    assert [piece.kind for piece in edit.pieces] == ["removed", "added"]
    assert all(len(piece.text) < 700 for piece in edit.pieces)


def list_pieces(before: list[str], after: list[str]) -> list[list[tuple[str, str]]]:
    edits = find_edits(make_version("T", [], before), make_version("T", [], after))
    return [[(piece.kind, piece.text) for piece in edit.pieces] for edit in edits]


def name_words(count: int) -> str:
    return " ".join(f"w{number}" for number in range(count))


@pytest.mark.parametrize(("count", "is_cut"), [(59, False), (60, False), (61, True)])
def test_words_between_two_changes_are_cut_where_a_line_is_left_out(
    count: int, *, is_cut: bool
) -> None:
    same = name_words(count)
    words = same.split()
    shown = " ".join([*words[:24], "…", *words[-24:]]) if is_cut else same
    [pieces] = list_pieces([f"old {same} old"], [f"new {same} new"])
    change = [("removed", "old"), ("added", "new")]
    assert pieces == [*change, ("kept", shown), *change]


@pytest.mark.parametrize(("count", "is_cut"), [(35, False), (36, False), (37, True)])
def test_words_before_and_after_a_change_are_cut(count: int, *, is_cut: bool) -> None:
    same = name_words(count)
    words = same.split()
    [pieces] = list_pieces([f"{same} old {same}"], [f"{same} new {same}"])
    assert pieces == [
        ("kept", " ".join(["…", *words[-24:]]) if is_cut else same),
        *[("removed", "old"), ("added", "new")],
        ("kept", " ".join([*words[:24], "…"]) if is_cut else same),
    ]


@pytest.mark.parametrize(("size", "is_cut"), [(599, False), (600, False), (601, True)])
def test_long_texts_that_are_removed_are_cut_at_a_space(size: int, *, is_cut: bool) -> None:
    text = ("ab " * 300)[: size - 1] + "c"
    shown = text[:600].rpartition(" ")[0] + " …" if is_cut else text
    assert list_pieces(["Same.", text], ["Same."]) == [[("removed", shown)]]
    assert list_pieces(["Same."], ["Same.", text]) == [[("added", shown)]]


@pytest.mark.parametrize(("before", "after"), [(2000, 1999), (1999, 2000), (2001, 1), (1, 2001)])
def test_texts_of_up_to_2000_words_are_compared_word_by_word(before: int, after: int) -> None:
    old, new = name_words(before), name_words(after)
    [pieces] = list_pieces([old], [new])
    is_compared = max(before, after) <= 2000
    assert (pieces[0][0] == "kept") is is_compared


def test_paragraphs_are_compared_side_by_side_only_where_both_have_as_many() -> None:
    assert list_pieces(["A one.", "A two."], ["B one.", "B two."]) == [
        [("removed", "A"), ("added", "B"), ("kept", "one.")],
        [("removed", "A"), ("added", "B"), ("kept", "two.")],
    ]
    assert list_pieces(["A one.", "A two."], ["B one."]) == [
        [("removed", "A"), ("added", "B"), ("kept", "one."), ("removed", "A two.")]
    ]
    assert list_pieces(["A one."], ["B one.", "B two."]) == [
        [("removed", "A"), ("added", "B"), ("kept", "one."), ("added", "B two.")]
    ]


def test_paragraphs_are_numbered_in_their_part_as_the_later_version_has_them() -> None:
    before = make_question(
        1,
        make_answer("Soon.", holding=True),
        make_answer("Gone.", "One.", "Year | Groups", "Two."),
        title=None,
    )
    after = make_question(
        1,
        make_answer("Later.", holding=True),
        make_answer("One.", "Year | Groups", "Two.", "Three."),
        title=None,
    )
    found = [
        (edit.part, edit.number, edit.is_row, edit.is_changed, [p.text for p in edit.pieces])
        for edit in compare_versions(before, after)
    ]
    assert found == [
        ("title", 1, False, False, [""]),
        ("question", 1, False, False, ["What is being done?"]),
        ("answer", 1, False, True, ["Gone."]),
        ("answer", 1, False, False, ["One."]),
        ("answer", 1, True, False, ["Year | Groups"]),
        ("answer", 2, False, False, ["Two."]),
        ("answer", 3, False, True, ["Three."]),
    ]


def test_common_words_of_long_texts_are_kept() -> None:
    same = "the bus and " * 100
    [pieces] = list_pieces([f"red {same}"], [f"blue {same}"])
    assert [kind for kind, _ in pieces] == ["removed", "added", "kept"]
    many = ["As before."] * 250
    assert list_pieces(["Red.", *many], ["Blue.", "Green.", *many]) == [
        [("removed", "Red."), ("added", "Blue. Green.")]
    ]


def test_punctuation_of_a_long_paragraph_is_no_change() -> None:
    text = name_words(2001)
    assert list_pieces([text], [f"{text}."]) == []


def test_a_row_that_is_removed_is_a_row() -> None:
    rows = ["Year | Groups", "2024 | 97"]
    edits = list(find_edits(make_version("T", [], rows), make_version("T", [], rows[:1])))
    assert [(edit.is_row, edit.number) for edit in edits] == [(True, 1)]
