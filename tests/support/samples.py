"""Records for tests: invented people, invented words."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from crawler.records import (
    Addressee,
    Answer,
    Asker,
    Attachment,
    Meeting,
    Question,
    Speech,
    hash_content,
)

HOLDING_TEXT = "Officers are drafting a response which will be sent shortly."


def make_speech(*paragraphs: str, speaker: str | None = None) -> tuple[Speech, ...]:
    """One speech."""
    return (Speech(speaker, paragraphs),)


def make_answer(*paragraphs: str, files: tuple[str, ...] = (), **fields: Any) -> Answer:
    """An answer of a few paragraphs."""
    attachments = tuple(Attachment(f, f"https://replica.example/files/{f}") for f in files)
    spoken = make_speech(*paragraphs, speaker="The Mayor") if paragraphs else ()
    return Answer(("The Mayor",), speeches=spoken, attachments=attachments, **fields)


def make_question(
    number: int = 1, *answers: Answer, words: str = "What is being done?", **fields: Any
) -> Question:
    """A question with its status and digest worked out from its answers."""
    real = [a for a in answers if not a.holding]
    base = Question(
        id=f"london:/questions/{number}",
        source="london",
        url=f"https://replica.example/questions/{number}",
        reference=f"2026/{number:04}",
        title=f"Question {number}",
        asked_by=Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
        asked_of=(Addressee("The Mayor", "The Mayor"),),
        meeting=Meeting("MQT on 2026-07-16", date(2026, 7, 16)),
        question=make_speech(words, speaker="Ada Brook"),
        status="answered" if real else "holding" if answers else "unanswered",
        answers=answers,
        generation="2022",
        digest="",
    )
    made = msgspec.structs.replace(base, **fields)
    return msgspec.structs.replace(made, digest=hash_content(made))
