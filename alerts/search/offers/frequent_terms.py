"""What the titles of questions are about: words, phrases and acronyms that many have. Pure.

They are offered where no topic is published yet: as examples on the home page, and as what is asked
most about. Titles are short and are written to be found by, so counting is enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from alerts.text import STOP_WORDS

#: Letters of the shortest word that says something by itself; acronyms may be shorter.
_MIN_WORD_LENGTH = 5
#: A phrase replaces its words if it has at least this share of their titles.
_PHRASE_SHARE = 0.6
#: Words that the index finds and that say nothing by themselves: "Plans after this winter".
_SAYS_NOTHING = STOP_WORDS | frozenset(
    """
    about after against along among around because before behind below beneath beside between
    beyond during every further might other since through throughout towards under until upon
    while within without
    """.split()  # noqa: SIM905 (thirty quoted words would be harder to read)
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def find_frequent_terms(titles: Iterable[str], limit: int, least: int = 3) -> list[str]:
    """Return queries for what most titles are about, what says most first.

    A phrase or an acronym counts as much as a word that twice as many titles have.

    Args:
        titles: Of questions.
        limit: How many queries to return at most.
        least: In how many titles each occurs at least.

    Returns:
        Queries as somebody would type them: ``VRU``, ``"night buses"``, ``housing``.
    """
    words: Counter[str] = Counter()
    phrases: Counter[tuple[str, str]] = Counter()
    for title in titles:
        runs = [_read_word(word) for word in _WORD.findall(title)]
        words.update({word for word in runs if word})
        pairs = pairwise(runs)
        phrases.update({(first, second) for first, second in pairs if first and second})
    terms: Counter[str] = Counter()
    for (first, second), number in phrases.items():
        if number >= max(least, _PHRASE_SHARE * min(words[first], words[second])):
            terms[f'"{first} {second}"'] = number
            for word in (first, second):
                words[word] -= number
    terms.update({word: number for word, number in words.items() if _stands_alone(word)})
    ranked = sorted(terms.items(), key=lambda item: (-item[1] * _weigh(item[0]), item[0]))
    frequent = [term for term, number in ranked if number >= least]
    return list(_drop_overlapping(frequent))[:limit]


def _drop_overlapping(terms: Iterable[str]) -> Iterator[str]:
    """Yield the terms that have no word of an earlier one: of three words, two are a phrase."""
    seen: set[str] = set()
    for term in terms:
        words = set(term.strip('"').split())
        if not words & seen:
            seen |= words
            yield term


def _read_word(word: str) -> str | None:
    """Return a word as it is counted, an acronym in capitals; None for one that says nothing."""
    if word.isupper() and 2 <= len(word) <= 6:
        return word
    small = word.lower().replace("’", "'").removesuffix("'s")
    return None if small in _SAYS_NOTHING or len(small) < 3 else small


def _stands_alone(word: str) -> bool:
    return word.isupper() or len(word) >= _MIN_WORD_LENGTH


def _weigh(term: str) -> int:
    """Return how much a term says beside a single word: ``service`` may be anything."""
    return 2 if term.startswith('"') or term.isupper() else 1
