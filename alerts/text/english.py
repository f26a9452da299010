"""What we know of English: words too common to look for, odd plurals, and stems. Pure.

Stems are Snowball's for English (https://snowballstem.org/algorithms/english/stemmer.html), taken
until nothing changes, so that the stem of a stem is itself: a canonical query is written with
stems and must read back to the same.
"""

from __future__ import annotations

from functools import cache

from Stemmer import Stemmer

#: Words in nearly every text: they may stand beside others but find nothing worth telling.
STOP_WORDS = frozenset(
    """
    a about also am an and any are as at be been but by can could did do does for from had has
    have he her here him his how i if in into is it its me my no not of on or our she should so
    some than that the their them then there these they this those to up us was we were what when
    where which who why will with would you your
    """.split()  # noqa: SIM905 (a list of a hundred quoted words is no easier to read)
)

#: Plurals that the stemmer does not bring together with their singular. None that is a verb too
#: ("leaves", "lives"): a stem must not find what nobody meant.
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
#: each with its plural: people who watch one of a pair do not mean the other.
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

#: A shorter stem would stand for too many words.
_MIN_STEM_LENGTH = 3

_snowball = Stemmer("english")


@cache
def stem(word: str) -> str:
    """What a folded word shares with its plural and its verb's forms; ``stem(stem(w)) == stem(w)``.

    Itself for a word that is no plain English one, is in :data:`STOP_WORDS`, or would become so.
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
    """Whether a folded word may have a plural or the like: letters of English, and not too few."""
    return (
        len(word) >= _MIN_STEM_LENGTH
        and word.isascii()
        and word.isalpha()
        and word not in STOP_WORDS
    )
