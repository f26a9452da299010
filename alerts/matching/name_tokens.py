"""Which tokens of a batch are words of people's names. Pure.

The rules are those of :mod:`alerts.text.person_names`. They are asked only about runs of
capitalised words that have a title or a given name, a hundredth of all words,
which are found by comparing arrays.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from alerts.matching.bulk_tokenizer import PLAIN, TokenArrays
from alerts.matching.hashing import Bits, Hashes, Numbers, SmallNumbers, hash_words
from alerts.text import find_person_names, list_name_signs, list_runs

#: Spaces of ASCII (``str.isspace``); the others have been folded to one of them.
_SPACES = np.array([chr(code).isspace() for code in range(256)]) & (np.arange(256) < 128)


def find_name_tokens(text: bytes, tokens: TokenArrays, hashes: Hashes, is_running: Bits) -> Bits:
    """Return whether each token is a word of a person's name in a running text.

    Args:
        text: Folded, with its capitals.
        tokens: The tokens of the text.
        hashes: Of the words of the tokens, in small letters.
        is_running: Whether each paragraph is a running text; in the others nothing is found.
    """
    is_linked = np.zeros(tokens.starts.size, bool)
    is_linked[tokens.linked] = True
    joined = _find_joined(np.frombuffer(text, np.uint8), tokens, is_linked)
    joined = joined[is_running[tokens.paragraph[joined]]]
    found: list[int] = []
    for run in list_runs(_select_runs(joined, hashes).tolist()):
        names = find_person_names(
            [_read_word(text, tokens, at) for at in run],
            is_linked[run.start : run.stop].tolist(),
        )
        found += [run[place] for place in names]
    is_name = np.zeros(tokens.starts.size, bool)
    is_name[found] = True
    is_name &= tokens.print_forms == PLAIN
    return is_name


def _find_joined(chars: SmallNumbers, tokens: TokenArrays, is_linked: Bits) -> Numbers:
    """Return the tokens that begin with a capital and are joined to another that does."""
    first = chars[tokens.starts]
    is_capital = (first >= ord("A")) & (first <= ord("Z"))
    joined = np.flatnonzero(is_capital[:-1] & is_capital[1:])
    ends = tokens.ends[joined]
    is_spaced = (tokens.starts[joined + 1] - ends == 1) & _SPACES[chars[ends]]
    found: Numbers = joined[is_spaced | is_linked[joined]]
    return found


def _select_runs(joined: Numbers, hashes: Hashes) -> Numbers:
    """Return those of joined tokens that are in a run which has a title or a given name.

    It comes before another word of its run, so it is joined itself.
    """
    run = np.cumsum(np.diff(joined, prepend=-1) != 1)
    may_be_sign = np.flatnonzero(_mark_signs()[_shorten(hashes[joined])])
    signs = may_be_sign[np.isin(hashes[joined[may_be_sign]], _hash_signs())]
    has_sign = np.zeros(joined.size + 1, bool)
    has_sign[run[signs]] = True
    found: Numbers = joined[has_sign[run]]
    return found


@cache
def _hash_signs() -> Hashes:
    return hash_words(sorted(list_name_signs()))


@cache
def _mark_signs() -> Bits:
    """Return whether a sign's hash begins with some bits: 16, of which 2,000 signs take a 30th."""
    marks = np.zeros(1 << 16, bool)
    marks[_shorten(_hash_signs())] = True
    return marks


def _shorten(hashes: Hashes) -> Numbers:
    return (hashes >> np.uint64(48)).astype(np.int64)


def _read_word(text: bytes, tokens: TokenArrays, at: int) -> str:
    irregular = tokens.irregular_words.get(at)
    return (irregular or text[tokens.starts[at] : tokens.ends[at]].lower()).decode()
