"""The judged set: topics, texts, and which of them are meant."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alerts.queries import extract_fields, find_match, infer_changes, parse_query
from crawler.records import Addressee, Answer, Asker, Question, Speech

_HERE = Path(__file__).parent
_HEAD = re.compile(r"(\d{3}) \|(.*)")
_ASKER = "Ada Brook; Meadow Group"


class Topic(NamedTuple):
    """A query as a subscriber types it, and what they mean by it."""

    name: str
    query: str
    means: str


class Judged(NamedTuple):
    """A question, and the names of the topics that it is meant by."""

    number: str
    question: Question
    topics: frozenset[str]


class Score(NamedTuple):
    """The numbers of the questions that a topic found, wrongly found and missed."""

    topic: Topic
    right: list[str]
    wrong: list[str]
    missed: list[str]


def topics() -> list[Topic]:
    """All topics."""
    table = tomllib.loads((_HERE / "topics.toml").read_text(encoding="utf-8"))
    return [Topic(name, values["query"], values["means"]) for name, values in table.items()]


def judged() -> Iterator[Judged]:
    """All questions."""
    text = (_HERE / "questions.txt").read_text(encoding="utf-8")
    for block in text.split("\n\n")[1:]:
        head, title, *lines = block.strip().split("\n")
        found = _HEAD.fullmatch(head)
        assert found is not None, head
        about = [part.strip() for part in found[2].split("|")]
        yield Judged(
            found[1], _question(found[1], about, title, lines), frozenset(about[0].split())
        )


def _question(number: str, about: list[str], title: str, lines: list[str]) -> Question:
    name, _, party = ((about[1:2] or [""])[0] or _ASKER).partition("; ")
    asked_of = (about[2:3] or [""])[0] or "The Mayor"
    asked = tuple(line for line in lines if not line.startswith("> "))
    said = tuple(line.removeprefix("> ") for line in lines if line.startswith("> "))
    answer = Answer(("The Mayor",), speeches=(Speech("The Mayor", said),))
    return Question(
        id=f"judged:{number}",
        source="judged",
        url=None,
        reference=f"2026/0{number}",
        title=title,
        kind="supplementary" if "supplementary" in about else "question",
        asked_by=Asker(name, f"{name} AM", party, None),
        asked_of=(Addressee(asked_of, asked_of),),
        question=(Speech(name, asked),),
        status="answered" if said else "unanswered",
        answers=(answer,) if said else (),
        generation="2022",
        digest="",
    )


def scores() -> list[Score]:
    """What each topic finds."""
    texts = [(one, extract_fields(one.question, infer_changes(one.question))) for one in judged()]
    found = []
    for topic in topics():
        query = parse_query(topic.query)
        hits = {one.number for one, said in texts if find_match(query, said) is not None}
        meant = {one.number for one, _ in texts if topic.name in one.topics}
        found.append(Score(topic, sorted(hits & meant), sorted(hits - meant), sorted(meant - hits)))
    return found


def precision(some: list[Score]) -> float:
    """What part of the found is meant."""
    right = sum(len(score.right) for score in some)
    return right / max(1, right + sum(len(score.wrong) for score in some))


def recall(some: list[Score]) -> float:
    """What part of the meant is found."""
    right = sum(len(score.right) for score in some)
    return right / max(1, right + sum(len(score.missed) for score in some))
