"""Each sentence that refuses a query, in full, with its place, and what is just accepted."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import NullTranslations

import pytest

from alerts.language import set_language, use_translations
from alerts.queries import (
    FIELDS,
    QueryError,
    format_canonical,
    list_hints,
    parse_canonical,
    parse_query,
)

_FIELD_NAMES = ", ".join(FIELDS)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Write at least one word to look for (at character 1)."),
        (
            "x" * 501,
            "Shorten the query: it has 501 characters and may have 500 (at character 501).",
        ),
        (
            f"knife NOT ({' '.join(f'word{n}' for n in range(49))})",
            "Make the query simpler: written out in full, it is too long (at character 1).",
        ),
        ('a "b" "knife', "Close the double quotes that are opened here (at character 7)."),
        (
            'vru "knife* crim*"',
            "Take “*” out of the quotes: what is quoted is exact (at character 11).",
        ),
        ("vru " * 51, "Use fewer words: a query may have 50 (at character 201)."),
        ('"a b c" ' * 17, "Use fewer words: a query may have 50 (at character 129)."),
        ("(" * 21 + "x" + ")" * 21, "Use fewer brackets: they may be 20 deep (at character 21)."),
        ("(vru)) knife", "Take out this bracket: it closes nothing (at character 6)."),
        ("a (knife OR (crime)", "Close the bracket that is opened here (at character 3)."),
        ("a (knife OR (crime", "Close the bracket that is opened here (at character 13)."),
        (
            "vru Titel:knife",
            (
                "Put this in double quotes, or name a field that exists (not “titel”): did you mean"
                " title: (at character 5)?"
            ),
        ),
        (
            "https://london.gov.uk",
            (
                "Put this in double quotes, or name a field that exists (not “https”): there are"
                f" {_FIELD_NAMES} (at character 1)."
            ),
        ),
        ("YEAR:26", "Write year: with four digits, as in year:2026 (at character 6)."),
        (
            "year:(2026 OR 20267)",
            "Write year: with four digits, as in year:2026 (at character 15).",
        ),
        ("Kind:speech", "Write kind: with one of question, supplementary (at character 6)."),
        (
            'status:("answered" OR open)',
            "Write status: with one of unanswered, holding, answered (at character 23).",
        ),
        ('vru "…"', "Take out “…”: it has no letters or digits (at character 5)."),
        ("a " + "w" * 65, "Shorten this word: it may have 64 letters (at character 3)."),
        ("vru cy*", "Write 3 letters or more before “*” (at character 5)."),
        ("a NEAR/0 b", "Write a number from 1 to 50 in “NEAR/0” (at character 3)."),
        ("a NEAR/51 b", "Write a number from 1 to 50 in “NEAR/51” (at character 3)."),
        ('"a b"~0', "Write a number from 1 to 50 in “~0” (at character 6)."),
        ('"a b"~51', "Write a number from 1 to 50 in “~51” (at character 6)."),
        (
            "bus, tram",
            (
                "Write OR for each comma, or subscribe to the parts one by one: did you mean two"
                " topics, or any of these words (at character 4)?"
            ),
        ),
        (
            "a;b;c;d;e;f;g;h;i;j;k,",
            (
                "Write OR for each comma, or subscribe to the parts one by one: did you mean 11"
                " topics, or any of these words (at character 2)?"
            ),
        ),
        ('vru ("gun")~5', "Put words in double quotes before “~5” (at character 12)."),
        ("vru AND", "Write a word after “AND” (at character 5)."),
        ("a NOT NEAR/5 b", "Write a word after “NOT” (at character 3)."),
        ("a (OR vru)", "Write a word before “OR” (at character 4)."),
        ("NEAR/5 vru", "Write a word before “NEAR/5” (at character 1)."),
        ("vru ()", "Write a word between these brackets (at character 5)."),
        (
            "vru OR NOT knife",
            "Add a word to look for: NOT alone would match nearly everything (at character 8).",
        ),
        ("tram OR The", "Add a rarer word: “The” is in nearly every text (at character 9)."),
        (
            'tram OR "to-the"~5',
            "Add a rarer word: “to-the” is in nearly every text (at character 9).",
        ),
        ("vru a-b-c-d-f-g-h-i", "Use fewer hyphens: 6 at most (at character 5)."),
        ('"a-b-c-d f-g-h-i-j"', "Use fewer hyphens: 6 at most (at character 1)."),
        ('vru "gun"~5', "Put two words or more in the quotes before “~5” (at character 5)."),
        ('"gun"~5', "Put two words or more in the quotes before “~5” (at character 1)."),
        ("a NEAR/5 b NEAR/6 c", "Use the same number in each NEAR of a row (at character 3)."),
        ("title:a NEAR/5 b", "Name one field for both sides of NEAR (at character 9)."),
        (
            "a NEAR/5 b NEAR/5 (c d)",
            "Put words, phrases or a choice of them (a OR b) beside NEAR (at character 3).",
        ),
    ],
)
def test_a_refusal_says_what_to_do_and_where(typed: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(typed)
    assert str(caught.value) == says


def test_a_refusal_keeps_its_sentence_and_its_place() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query("vru AND")
    sentence = "Write a word after “AND”."
    assert (caught.value.message, caught.value.column) == (sentence, 4)
    assert caught.value.args == (sentence, 4)


def test_a_damaged_form_is_refused_with_what_its_subscriber_can_do() -> None:
    with pytest.raises(QueryError) as caught:
        parse_canonical("(knife")
    says = "Subscribe again: what was kept of this query is damaged (at character 1)."
    assert str(caught.value) == says


#: Fifty words in the order of the canonical form, of 500 characters together.
_LONGEST = " ".join(f"{first}{second}wwwwwww" for first in "abcde" for second in "bcdfghjklm") + "w"


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        (_LONGEST, _LONGEST),
        ('"b c" ' * 25, '"b c"'),
        ("w" * 64, "w" * 64),
        ("cyc*", "cyc*"),
        ("(" * 20 + "vru" + ")" * 20, "vru"),
        ("(" * 20 + "a" + " OR b) c" * 20, None),
        ("b-c-d-f-g-h-i", "b-c-d-f-g-h-i"),
        ('"b-c-d f-g-h-i-j"', '"b-c-d f-g-h-i-j"'),
        ("b NEAR/1 c", "b NEAR/1 c"),
        ('"b c"~50', "b NEAR/50 c"),
        ("b NEAR/50 c", "b NEAR/50 c"),
    ],
)
def test_a_query_at_a_limit_is_accepted(typed: str, form: str | None) -> None:
    written = format_canonical(parse_query(typed))
    assert form is None or written == form


class _WithoutPlurals(NullTranslations):
    """A language with one form for all numbers; its key in a catalogue is the singular."""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return msgid1


@pytest.fixture
def _without_plurals() -> Iterator[None]:
    use_translations(_WithoutPlurals())
    yield
    set_language("en_GB")


@pytest.mark.usefixtures("_without_plurals")
def test_sentences_with_numbers_are_looked_up_by_their_singular() -> None:
    with pytest.raises(QueryError) as caught:
        parse_query("bus, tram")
    assert caught.value.message == (
        "Write OR for each comma, or subscribe to the parts one by one: did you mean two topic, or"
        " any of these words?"
    )
    assert list_hints("the KNIFE CRIME in Sutton") == [
        "“the” and “in” is left out: it is in nearly every text.",
        "“KNIFE” and “CRIME” is read as a word in small letters, not as an acronym.",
    ]
