"""What a correction changed, paragraph by paragraph."""

from __future__ import annotations

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
