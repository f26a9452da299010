"""What a reader would call a change of a text: other letters, other digits. Pure.

A capital, a full stop, a comma or a quote more or less is none. A sign that is part of a number is
one: 1.5 is not 15, 5% is not 5, £3 is not 3.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from crawler.records import Answer, Question, iter_paragraphs

#: Commas between thousands, which say nothing: "1,000".
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_DASHES = re.compile("[‐‑‒–—―−]")
#: Other characters that change what is said: between two digits, before a digit, after one.
_PARTS_OF_NUMBERS = re.compile(r"(?<=\d)[.,:/-](?=\d)|[£$€¥+<>=±](?=\s?\d)|(?<=\d)\s?[%‰°+]")


def differs_to_readers(before: Question, after: Question) -> bool:
    """Return whether a reader would say that the title, the question or an answer has changed."""
    return _list_meanings(before) != _list_meanings(after)


def _list_meanings(question: Question) -> list[object]:
    texts = [question.title or "", *iter_paragraphs(question.question)]
    return [_find_meaning(texts), *map(_find_answer_meaning, question.answers)]


def _find_answer_meaning(answer: Answer) -> object:
    # An address is compared as it is: one letter in it may lead to another file.
    files = sorted((_find_meaning([file.title]), file.url) for file in answer.attachments)
    return answer.holding, _find_meaning(iter_paragraphs(answer.speeches)), files


def _find_meaning(texts: Iterable[str]) -> str:
    """Return the letters and digits of texts, in lower case, and the signs that belong to them."""
    return "".join(_reduce(" ".join(text.split())) for text in texts)


def _reduce(text: str) -> str:
    folded = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text)).casefold()
    folded = _DASHES.sub("-", folded)
    kept = {place for found in _PARTS_OF_NUMBERS.finditer(folded) for place in range(*found.span())}
    return "".join(
        one
        for place, one in enumerate(folded)
        if unicodedata.category(one)[0] in "LMN" or (place in kept and not one.isspace())
    )
