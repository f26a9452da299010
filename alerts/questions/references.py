"""References from one question to another: ``Please see my response to 2026/0001``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from crawler.records import Question, iter_paragraphs

#: References that one question is searched for; an answer that lists more is an index.
_MAX_REFERENCES = 5

#: What stands before a reference, so that a number is taken for one: "Mayor's Question", "MQT",
#: "PQ", "UIN 12345", "Questions No. 12 and 13".
_WORD = (
    r"\b(?:[Qq]uestions?|MQT?s?|PQs?|WQs?|UINs?|[Rr]eferences?|[Rr]ef\.?)"
    r"(?:\s{1,3}(?:[Nn]os?\.?|[Nn]umbers?|UINs?|MQT?|[Rr]ef(?:erence)?\.?))?\s{0,3}:?\s{0,3}"
)
#: London's references have a year, before or after the number. The UK Parliament's are numbers:
#: "12345", "HL1234".
_YEAR_REFERENCE = r"(?:(?:19|20)[0-9]{2}/[0-9]{4,5}(?:-[0-9]{1,2})?|[0-9]{3,5}/(?:19|20)[0-9]{2})"
_REFERENCE = rf"(?:{_YEAR_REFERENCE}|HL ?[0-9]{{1,6}}|[0-9]{{2,7}}(?!/?[0-9]))"
_BETWEEN = r"(?:\s?,\s{0,3}|\s?,?\s{1,3}(?:and|or|&)\s{1,3})"
_LIST = re.compile(rf"{_WORD}({_REFERENCE}(?:{_BETWEEN}{_REFERENCE})*)")
_ONE = re.compile(_REFERENCE)
_YEAR_ONE = re.compile(rf"(?<![0-9/]){_YEAR_REFERENCE}(?![0-9/])")


def find_references(question: Question) -> tuple[str, ...]:
    """Return the references that the answers of ``question`` name, in order, without its own.

    ``2019/2020`` is a year of accounts unless the words before it say that it is a question.
    """
    found: dict[str, None] = {}
    speeches = chain.from_iterable(answer.speeches for answer in question.answers)
    for text in iter_paragraphs(speeches):
        found |= dict.fromkeys(_find_in_text(text))
    found.pop(question.reference or "", None)
    return tuple(found)[:_MAX_REFERENCES]


def _find_in_text(text: str) -> Iterator[str]:
    for found in _LIST.finditer(text):
        for reference in _ONE.findall(found[1]):
            yield reference.replace(" ", "")
    if "/" in text:
        for reference in _YEAR_ONE.findall(text):
            if not _is_year_of_accounts(reference):
                yield reference


def _is_year_of_accounts(reference: str) -> bool:
    year, _, rest = reference.partition("/")
    return rest.isdigit() and int(rest) == int(year) + 1
