"""The judged set: topics, questions, and which questions the topics mean."""

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


class JudgedTopic(NamedTuple):
    """A query as a subscriber types it, and what they mean by it."""

    name: str
    query: str
    means: str
    kind: str = ""  #: what is tried with it, in the long set


class JudgedQuestion(NamedTuple):
    """A question, and the names of the topics whose subscribers mean it."""

    number: str
    question: Question
    topics: frozenset[str]


class TopicScore(NamedTuple):
    """The numbers of the questions that a topic found, wrongly found and missed."""

    topic: JudgedTopic
    right: list[str]
    wrong: list[str]
    missed: list[str]


def load_topics(file: str = "topics.toml") -> list[JudgedTopic]:
    """Return all topics of a file."""
    table = tomllib.loads((_HERE / file).read_text(encoding="utf-8"))
    return [JudgedTopic(name, **values) for name, values in table.items()]


def iter_questions(file: str = "questions.txt", source: str = "judged") -> Iterator[JudgedQuestion]:
    """Generate all questions of a file with the topics that they were judged to belong to."""
    text = (_HERE / file).read_text(encoding="utf-8")
    for block in text.split("\n\n")[1:]:
        head, title, *lines = block.strip().split("\n")
        found = _HEAD.fullmatch(head)
        assert found is not None, head
        about = [part.strip() for part in found[2].split("|")]
        yield JudgedQuestion(
            found[1], _question(found[1], about, title, lines, source), frozenset(about[0].split())
        )


def _question(number: str, about: list[str], title: str, lines: list[str], source: str) -> Question:
    name, _, party = ((about[1:2] or [""])[0] or _ASKER).partition("; ")
    asked_of = (about[2:3] or [""])[0] or "The Mayor"
    asked = tuple(line for line in lines if not line.startswith("> "))
    answered = tuple(line.removeprefix("> ") for line in lines if line.startswith("> "))
    answer = Answer(("The Mayor",), speeches=(Speech("The Mayor", answered),))
    return Question(
        id=f"{source}:{number}",
        source=source,
        url=None,
        reference=f"2026/0{number}",
        title=title,
        kind="supplementary" if "supplementary" in about else "question",
        asked_by=Asker(name, f"{name} AM", party, None),
        asked_of=(Addressee(asked_of, asked_of),),
        question=(Speech(name, asked),),
        status="answered" if answered else "unanswered",
        answers=(answer,) if answered else (),
        generation="2022",
        digest="",
    )


def score_topics() -> list[TopicScore]:
    """Return what each topic finds, compared with what it means."""
    texts = [
        (one, extract_fields(one.question, infer_changes(one.question))) for one in iter_questions()
    ]
    found = []
    for topic in load_topics():
        query = parse_query(topic.query)
        hits = {one.number for one, fields in texts if find_match(query, fields) is not None}
        meant = {one.number for one, _ in texts if topic.name in one.topics}
        found.append(
            TopicScore(topic, sorted(hits & meant), sorted(hits - meant), sorted(meant - hits))
        )
    return found


def compute_precision(scores: list[TopicScore]) -> float:
    """Return the share of what was found that was meant."""
    right = sum(len(score.right) for score in scores)
    return right / max(1, right + sum(len(score.wrong) for score in scores))


def compute_recall(scores: list[TopicScore]) -> float:
    """Return the share of what was meant that was found."""
    right = sum(len(score.right) for score in scores)
    return right / max(1, right + sum(len(score.missed) for score in scores))
