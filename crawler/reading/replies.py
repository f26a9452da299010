"""What a reply amounts to: an answer, a holding reply, or a set phrase in its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from crawler.reading.dates import read_date
from crawler.reading.items import Paragraph

ReplyMeaning = Literal["answered", "holding", "placeholder", "withdrawn"]

_WORDINGS = Path(__file__).with_name("reply_wordings.toml")
#: Letters of the longest set phrase that we know, with room: a longer reply is not compared.
_MAX_LENGTH = 200
_LAST_UPDATED = re.compile(r"Last updated:? (?P<day>.{8,30})", re.IGNORECASE)


class _Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    meaning: ReplyMeaning
    phrase: str


class _Wordings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wording: tuple[_Wording, ...]


@cache  # one entry: the file is part of the program
def _load_wordings() -> tuple[tuple[re.Pattern[str], ReplyMeaning], ...]:
    listed = msgspec.toml.decode(_WORDINGS.read_bytes(), type=_Wordings).wording
    return tuple((re.compile(each.phrase), each.meaning) for each in listed)


def find_meaning(reply: str) -> ReplyMeaning:
    """Return what a reply amounts to, by its words alone; they must be a set phrase as a whole."""
    letters = "".join(reply.lower().split()).rstrip(".")
    if len(letters) <= _MAX_LENGTH:
        for phrase, meaning in _load_wordings():
            if phrase.fullmatch(letters):
                return meaning
    return "answered"


def split_last_updated(
    body: Sequence[Paragraph],
) -> tuple[tuple[Paragraph, ...], date | None]:
    """Return a reply without the line "Last updated: 26 March, 2019" at its ends, and its date.

    The Assembly's papers print it since October 2018 above each reply.
    """
    for place in (0, -1) if body else ():
        match = _LAST_UPDATED.fullmatch(body[place].text)
        if match and (day := read_date(match["day"])):
            return tuple(body[1:] if place == 0 else body[:-1]), day
    return tuple(body), None
