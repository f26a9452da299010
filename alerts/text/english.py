"""English: stop words, irregular plurals, and stems. Pure.

Stems are Snowball's for English (https://snowballstem.org/algorithms/english/stemmer.html), applied
until nothing changes, so that the stem of a stem is itself: a canonical query is written with stems
and must be read back to the same query.
"""

from __future__ import annotations

from functools import lru_cache

from Stemmer import Stemmer

#: Words in nearly every text. A query may have them beside other words, but not alone.
STOP_WORDS = frozenset(
    """
    a about also am an and any are as at be been but by can could did do does for from had has
    have he her here him his how i if in into is it its me my no not of on or our she should so
    some than that the their them then there these they this those to up us was we were what when
    where which who why will with would you your
    """.split()  # noqa: SIM905 (a hundred quoted words would be harder to read)
)

#: Stems of plurals that the stemmer keeps apart from their singular. Plurals that are verbs too
#: ("leaves", "lives") are left out: they would find what nobody meant.
_PLURALS = {
    "analyses": "analysi",
    "buses": "bus",
    "children": "child",
    "crises": "crisi",
    "gases": "gas",
    "halves": "half",
    "knives": "knife",
    "men": "man",
    "policemen": "policeman",
    "policewomen": "policewoman",
    "thieves": "thief",
    "wives": "wife",
    "women": "woman",
}

#: Words that the stemmer takes for a form of another ("housing" of "house", "officer" of "office"),
#: each with its plural: people who look for one of a pair do not mean the other.
_DISTINCT_WORDS = {
    form: word
    for word, *forms in (
        ("authority", "authorities"),
        ("business", "businesses"),
        ("crossing", "crossings"),
        ("hospital", "hospitals"),
        ("housing",),
        ("important",),
        ("lighting",),
        ("officer", "officers"),
        ("parking",),
        ("planning",),
        ("relative", "relatives"),
        ("several",),
        ("training",),
    )
    for form in (word, *forms)
}

#: Letters of a stem: a shorter one would stand for too many words.
_MIN_STEM_LENGTH = 3

#: Words whose stems are kept: 100,000 of 250 bytes each are 25 MB. The cache is in C and shared,
#: because stemming takes 2 µs and is done for each word of each text.
_MAX_STEMS = 100_000

_snowball = Stemmer("english")


@lru_cache(_MAX_STEMS)
def stem(word: str) -> str:
    """Return what a folded word has in common with its plural and other forms.

    ``stem("knives")`` and ``stem("knife")`` are ``"knife"``; ``stem(stem(w)) == stem(w)``. A word
    that is not plain English, is a stop word, or would become one, is returned unchanged.
    """
    if not has_forms(word):
        return word
    if word in _DISTINCT_WORDS:
        return _DISTINCT_WORDS[word]
    before, after = "", word
    while before != after:
        before, after = after, _snowball.stemWord(_PLURALS.get(after, after))
    return word if after in STOP_WORDS or len(after) < _MIN_STEM_LENGTH else after


def has_forms(word: str) -> bool:
    """Return whether a folded word can have other forms: three letters or more, no stop word."""
    return (
        len(word) >= _MIN_STEM_LENGTH
        and word.isascii()
        and word.isalpha()
        and word not in STOP_WORDS
    )
