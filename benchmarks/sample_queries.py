"""Question texts and subscriptions drawn at random, for the matcher's benchmarks.

The sizes are those measured for the design: about 370 words a record (log-normal, 60 to 1,500), and
subscriptions of 45 % words, 30 % phrases, 15 % boolean queries, 5 % prefixes and 5 % fields. They
repeat by the law of Zipf and Mandelbrot, so that a million have about 226,000 different topics. The
vocabulary is invented (syllables, with the frequencies of a natural language), because the words of
real questions are not ours to publish. The number of matches is therefore of the right order only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate

from alerts.queries import Query, ast, format_canonical
from alerts.text import STOP_WORDS

VOCABULARY = 14_000
#: Words that are in topics, and in no question.
UNUSED_WORDS = 12_000
_SYLLABLES = [c + v + e for c in "bcdfghlmnprstvw" for v in "aeiou" for e in ("", "n", "r", "st")]
_ENDINGS = ("",) * 20 + ("s",) * 7 + ("ing", "ed", "'s", "’s")


class SyntheticLanguage:
    """An invented vocabulary: words with their frequencies, set phrases and acronyms."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        common = sorted(STOP_WORDS)
        made: dict[str, None] = {}
        while len(made) < VOCABULARY + UNUSED_WORDS:
            parts = self.random.choices((1, 2, 3, 4), (1, 4, 4, 2))[0]
            made["".join(self.random.choices(_SYLLABLES, k=parts))] = None
        self.words = common + list(made)[: VOCABULARY - len(common)]
        self.word_weights = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        #: Words in topics are rarer than words in questions.
        self.topic_words = list(made)
        self.topic_weights = [
            list(accumulate(1 / (rank + flat) for rank in range(len(made)))) for flat in (300, 9000)
        ]
        self.acronyms = ["".join(self.random.choices("ABCDELMOPRSTUV", k=3)) for _ in range(300)]
        self.phrases = [
            " ".join([*self.draw_words(1), self.draw_topic_word(), *self.draw_words(n % 2)])
            for n in range(9000)
        ]

    def draw_words(self, count: int) -> list[str]:
        """Return words at the frequency at which they occur in texts."""
        return self.random.choices(self.words, cum_weights=self.word_weights, k=count)

    def draw_topic_word(self, *, popular: bool = False) -> str:
        """Return a word for a topic; popular ones are more frequent in texts too."""
        return self.random.choices(self.topic_words, cum_weights=self.topic_weights[not popular])[0]

    def draw_paragraph(self, size: int) -> str:
        """Return a paragraph of ``size`` words with punctuation, endings and acronyms."""
        parts = []
        for word in self.draw_words(size):
            gap = self.random.choices((" ", ", ", ". ", "-", " – "), (85, 6, 7, 1, 1))[0]
            parts += [self._vary_word(word), gap]
        return "".join(parts).strip()

    def _vary_word(self, word: str) -> str:
        chance = self.random.random()
        if chance < 0.02:
            return self.random.choice(self.acronyms)
        if chance < 0.05:
            return self.random.choice(self.phrases)
        if chance < 0.25 and word not in STOP_WORDS:
            return word + self.random.choice(_ENDINGS)
        return word.capitalize() if chance > 0.93 else word


def draw_records(language: SyntheticLanguage, count: int) -> list[dict[str, list[str]]]:
    """Return texts of ``count`` records, as :func:`alerts.queries.extract_fields` would."""
    found = []
    for number in range(count):
        size = int(min(1500, max(60, language.random.lognormvariate(5.7, 0.65))))
        asked = size // 4
        found.append(
            {
                "title": [language.draw_paragraph(6)],
                "question": [language.draw_paragraph(asked)],
                "answer": [language.draw_paragraph(60) for _ in range((size - asked) // 60 + 1)],
                "asked_by": [f"{language.draw_topic_word().capitalize()} AM"],
                "party": ["Riverside Group"],
                "asked_of": ["The Mayor"],
                "answered_by": ["The Mayor"],
                "ref": [f"2026/{number:04}"],
                "source": ["london"],
                "kind": ["question"],
                "change": ["answered"],
            }
        )
    return found


def draw_subscriptions(language: SyntheticLanguage, count: int) -> list[str]:
    """Return the canonical queries of ``count`` subscriptions; popular ones repeat."""
    popular = draw_queries(language, count // 25, popular=True)
    pool = list(dict.fromkeys([*popular, *draw_queries(language, count)]))
    weights = list(accumulate((rank + 2.7) ** -0.92 for rank in range(len(pool))))
    return language.random.choices(pool, cum_weights=weights, k=count)


def draw_queries(
    language: SyntheticLanguage, count: int, boolean: float = 0.15, *, popular: bool = False
) -> Iterator[str]:
    """Generate canonical queries in the proportions given at the head of this module.

    Args:
        language: The vocabulary.
        count: How many queries.
        boolean: The share of boolean queries, from 0 to 1.
        popular: Whether their words are frequent in texts too.
    """
    word = partial(language.draw_topic_word, popular=popular)
    for _ in range(count):
        yield format_canonical(_draw_query(language, word, boolean))


def _draw_query(language: SyntheticLanguage, word: Callable[[], str], boolean: float) -> Query:
    chance = language.random.random()
    if chance < boolean:
        return _draw_boolean(language, word)
    chance = (chance - boolean) / (1 - boolean)
    if chance < 0.53:
        if chance < 0.03:
            return ast.Word((language.random.choice(language.acronyms),), "capitals")
        return ast.Word((word(),), "stem" if chance < 0.45 else "exact")
    if chance < 0.88:
        return _draw_phrase(language, word)
    if chance < 0.94:
        return ast.Word((word()[:6],), "prefix")
    field = language.random.choice(("title", "question", "answer", "asked_by"))
    return ast.Word((word(),), "stem", field)


def _draw_phrase(language: SyntheticLanguage, word: Callable[[], str]) -> ast.Phrase:
    """Return a set phrase, or words that may never follow each other in a text."""
    words = [*language.draw_words(1), word()]
    if language.random.random() < 0.5:
        words = language.random.choice(language.phrases).split()
    return ast.Phrase(tuple(ast.Word((one,), "exact") for one in words))


def _draw_boolean(language: SyntheticLanguage, word: Callable[[], str]) -> Query:
    one, two, three = (ast.Word((word(),)) for _ in range(3))
    shapes: tuple[Query, ...] = (
        ast.And((one, two)),
        ast.Or((one, two)),
        ast.And((one, two, three)),
        ast.And((one, two, ast.Not(three))),
        ast.And((ast.Or((one, two)), three)),
        ast.Or((one, _draw_phrase(language, word))),
        ast.Or((one, two, three)),
        ast.Near((one, two), 5),
    )
    return language.random.choice(shapes)
