"""What a button of the operator's pages asks for, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

#: The fields of a submitted form.
Form: TypeAlias = Mapping[str, str]
NOTHING_DONE = "Nothing was done."


class Outcome(msgspec.Struct, frozen=True):
    """What a button did."""

    message: str  #: for the page that comes next
    path: str | None = None  #: of that page; None for the page with the button


class Confirmation(msgspec.Struct, frozen=True):
    """What is asked before something is deleted or ended that no button brings back."""

    question: str  #: the heading
    lines: tuple[str, ...]  #: what will happen
    button: str  #: what the button says that does it


class Action(msgspec.Struct, frozen=True):
    """One kind of button."""

    apply: Callable[[Form], Outcome]
    #: What the log of actions says that it was about.
    name_subject: Callable[[Form], str | None] = lambda _form: None
    #: What to ask before; None where it can be undone by another button, or nothing is lost.
    ask: Callable[[Form], Confirmation | None] | None = None


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 message``, ``2,310 messages``, ``2 addresses``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def read_number(form: Form, name: str) -> int | None:
    """Return the number in a field; None where there is none that a row could have."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
