"""Two readings of one page, compared."""

from __future__ import annotations

from crawler.reading.comparison import (
    compare_answers,
    compare_fields,
    compare_words,
    drop_disagreements,
    merge_comparisons,
)
from crawler.reading.items import AnswerItem, Paragraph
from crawler.records import Disagreement


def text(*lines: str) -> tuple[Paragraph, ...]:
    return tuple(map(Paragraph, lines))


def answer(words: str, date: str | None = None, by: str | None = None) -> AnswerItem:
    return AnswerItem(body=text(words), date=date, answered_by=by)


def test_case_quotes_and_spaces_are_no_difference() -> None:
    found = compare_fields({"title": "The ‘Pier’"}, {"title": "the  'pier'"})
    assert (found.fields, found.agreed, found.disagreements) == (
        {"title": "The ‘Pier’"},
        ("title",),
        (),
    )


def test_a_field_of_one_reading_is_taken_and_neither_agrees_nor_differs() -> None:
    found = compare_fields({"title": "Piers"}, {"party": "Riverside Group"})
    assert found.fields == {"title": "Piers", "party": "Riverside Group"}
    assert (found.agreed, found.disagreements) == ((), ())


def test_a_difference_names_both_sides_cut_short() -> None:
    found = compare_fields({"title": "a" * 200}, {"title": "b" * 200})
    assert found.fields == {"title": "a" * 200}
    assert found.disagreements == (Disagreement("title", "a" * 159 + "…", "b" * 159 + "…"),)


def test_furniture_may_follow_a_text_whose_end_is_not_known() -> None:
    ours, seen = text("One.", "Two."), text("One.", "Two.", "Share this page")
    assert compare_words("question", ours, seen, is_end_known=False).agreed == ("question",)
    assert compare_words("question", ours, seen, is_end_known=True).disagreements
    assert compare_words("question", seen, ours, is_end_known=False).disagreements


def test_texts_that_differ_are_shown_from_shortly_before_the_difference() -> None:
    same = "word " * 300
    ours = text(same, "of the answer that the Mayor gave in June", "North | 7")
    seen = text(f"{same}of the ans", "wer that the Mayor gave in July North 7")
    [said] = compare_words("answer", ours, seen, is_end_known=True).disagreements
    assert said == Disagreement(
        "answer",
        "… that the Mayor gave in June North | 7",
        "… that the Mayor gave in July North 7",
    )


def test_a_text_that_goes_on_is_shown_from_its_end() -> None:
    shorter, longer = text("one two three four five six"), text("one two three four five six", "7")
    [said] = compare_words("question", longer, shorter, is_end_known=True).disagreements
    assert said == Disagreement(
        "question", "… two three four five six 7", "… two three four five six"
    )


def test_the_same_words_in_other_blocks_are_the_same() -> None:
    ours, seen = text("One. Two.", "North | 7"), text("One.", "Two.", "North", "7")
    assert compare_words("question", ours, seen, is_end_known=True).agreed == ("question",)


def test_answers_agree_where_each_of_them_does() -> None:
    ours = [answer("One.", "6 May 2026", "Bo Reed"), answer("Two.", "7 May 2026", "Bo Reed")]
    seen = [answer("One.", "6 May 2026", "Bo Reed"), answer("2.", "8 May 2026", "Bo Reed")]
    assert set(compare_answers(ours, ours).agreed) == {
        *("answers", "answer", "answer_date", "answered_by")
    }
    found = compare_answers(ours, seen)
    assert set(found.agreed) == {"answers", "answered_by"}
    assert [disagreement.field for disagreement in found.disagreements] == ["answer_date", "answer"]


def test_one_answer_more_is_a_difference() -> None:
    found = compare_answers([answer("One.")], [answer("One."), answer("Two.")])
    assert found.disagreements == (Disagreement("answers", "1", "2"),)
    assert str(found.disagreements[0]) == "answers: '1' by structure, '2' by label"


def test_dropped_disagreements_leave_the_agreements() -> None:
    found = drop_disagreements(compare_fields({"a": "1", "b": "2"}, {"a": "1", "b": "3"}))
    assert (found.agreed, found.disagreements) == (("a",), ())


def test_comparisons_together() -> None:
    one, two = compare_fields({"a": "1"}, {"a": "1"}), compare_fields({"a": "1"}, {"a": "2"})
    found = merge_comparisons({"a": "1"}, (one, one, two))
    assert (found.fields, found.agreed, len(found.disagreements)) == ({"a": "1"}, (), 1)
