"""The senses of words, looked up for all distinct words of a batch at once.

Beside itself a word stands for its stem and, printed as an acronym, for its capitals
(:func:`alerts.text.build_word_keys`). Working these out takes a microsecond or more a word, and
nearly all words of a batch have been in an earlier one, so :class:`WordSenses` keeps them.
"""

from __future__ import annotations

from itertools import chain
from threading import Lock
from typing import NamedTuple

import numpy as np
from cachetools import FIFOCache

from alerts.matching.bulk_tokenizer import ACRONYM_PLURAL, PLAIN
from alerts.matching.hashing import Hashes, Numbers, SmallNumbers, hash_words, rehash_as_sense
from alerts.text import find_spoken_acronym, stem

#: Senses of a word beside itself, for :func:`alerts.matching.hashing.rehash_as_sense`.
STEM, CAPITALS, NAME = 1, 2, 3
#: What the hashes of words in names are rehashed with, so that they are words of their own.
IN_NAME = 16
#: Words whose senses are kept: 200,000 of 320 bytes each (measured) are 64 MB.
_MAX_WORDS = 200_000


class WordSpans(NamedTuple):
    """Words by where they are in a text."""

    text: bytes  #: folded, in small letters, padded by :data:`alerts.matching.hashing.PADDING`
    starts: Numbers
    lengths: Numbers
    print_forms: SmallNumbers  #: as a plain word, an acronym or its plural

    def select(self, places: Numbers) -> WordSpans:
        """Return the words at ``places``."""
        return WordSpans(
            self.text, self.starts[places], self.lengths[places], self.print_forms[places]
        )


class WordSenses:
    """Stems and capitals of words, as hashes; the oldest are forgotten when it is full.

    Several matchers, in several threads, may share one.

    The first in is the first out, because to look a word up takes 34 ns, and 97 ns in a cache
    that notes which word was used last.
    """

    def __init__(self, max_words: int = _MAX_WORDS) -> None:
        self._known: FIFOCache[int, tuple[int, int]] = FIFOCache(max_words)
        self._lock = Lock()

    def look_up(self, shapes: Hashes, words: WordSpans) -> tuple[Hashes, Hashes]:
        """Return the stems of distinct words, and the capitals of those that are acronyms (or 0).

        Args:
            shapes: The hash of each word; an acronym has another than the same word in small
                letters.
            words: Where each is.
        """
        keys = shapes.tolist()
        with self._lock:
            try:
                found = list(map(self._known.__getitem__, keys))
            except KeyError:
                found = self._look_up_with_new(keys, shapes, words)
        senses = np.fromiter(chain.from_iterable(found), np.uint64, 2 * len(keys))
        return senses[0::2], senses[1::2]

    def _look_up_with_new(
        self, keys: list[int], shapes: Hashes, words: WordSpans
    ) -> list[tuple[int, int]]:
        new = np.array([at for at, key in enumerate(keys) if key not in self._known], np.int64)
        senses = dict(zip(shapes[new].tolist(), _find_senses(words.select(new)), strict=True))
        found = [senses[key] if key in senses else self._known[key] for key in keys]
        self._known.update(senses)
        return found


#: The senses that matchers share unless they are given their own. What a word means is the same for
#: all of them, and a search in the web server, whose matcher lives for one request, decides its
#: first 20 questions in 4 ms instead of 7.
SHARED_SENSES = WordSenses()


def _find_senses(words: WordSpans) -> list[tuple[int, int]]:
    """Return the stem and the capitals of each word."""
    ends = (words.starts + words.lengths - (words.print_forms == ACRONYM_PLURAL)).tolist()
    spans = zip(words.starts.tolist(), ends, strict=True)
    texts = [words.text[start:end].decode() for start, end in spans]
    spoken = [find_spoken_acronym(text) for text in texts]
    acronyms = [known or text.upper() for known, text in zip(spoken, texts, strict=True)]
    roots = [
        stem(known.lower() if known else text) for known, text in zip(spoken, texts, strict=True)
    ]
    stems = rehash_as_sense(hash_words(roots), STEM)
    capitals = rehash_as_sense(hash_words(acronyms), CAPITALS)
    is_plain = np.array([known is None for known in spoken]) & (words.print_forms == PLAIN)
    capitals[is_plain] = 0
    return list(zip(stems.tolist(), capitals.tolist(), strict=True))
