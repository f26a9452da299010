"""Many subscribers, the questions of a day, and their digests, for the benchmark of digests."""

from __future__ import annotations

import os
import random
import resource
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import func, insert, select

from alerts.digests import DigestSettings, compose_due_digests
from alerts.ledger import Ledger, open_ledger, topics
from alerts.ledger.schema import digest_item, subscriber, subscription
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.queries import format_canonical, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import Templates
from alerts.text import STOP_WORDS
from benchmarks.memory import read_peak_megabytes
from benchmarks.sample_queries import SyntheticLanguage
from crawler.records import Addressee, Answer, Asker, Meeting, Question, Speech, hash_content

NOW = datetime(2026, 7, 16, 7, tzinfo=UTC)
LANGUAGE = SyntheticLanguage(11)
#: Words that are rare in texts, so that three of them match about ten questions a day.
TOPICS = tuple(w for w in dict.fromkeys(LANGUAGE.words[3000:4000]) if w not in STOP_WORDS)


def build_questions(number: int) -> list[Question]:
    """Return questions with answers, of the length that real ones have: about 370 words."""
    return [_question(n) for n in range(1, number + 1)]


def _question(number: int) -> Question:
    def speak(speaker: str, size: int) -> tuple[Speech, ...]:
        return (Speech(speaker, tuple(LANGUAGE.draw_paragraph(60) for _ in range(size))),)

    made = Question(
        id=f"london:/questions/2026/{number:04}",
        source="london",
        url=f"https://replica.example/questions/2026/{number:04}",
        reference=f"2026/{number:04}",
        title=LANGUAGE.draw_paragraph(6).strip(),
        asked_by=Asker("Ada Brook", "Ada Brook AM", "Riverside Group", "ada-brook"),
        asked_of=(Addressee("The Mayor", "The Mayor"),),
        meeting=Meeting("MQT on 2026-07-16", NOW.date()),
        question=speak("Ada Brook", 2),
        status="answered",
        answers=(Answer(("The Mayor",), speeches=speak("The Mayor", 4)),),
        generation="2022",
        digest="",
    )
    return msgspec.structs.replace(made, digest=hash_content(made))


def measure_digests(size: int, identity: MailIdentity, folder: Path) -> None:
    """Print what the daily digests of ``size`` subscribers cost, from matches to the outbox.

    They are composed by this process alone, and with two that write them ahead.
    """
    ledger = open_ledger(f"sqlite:///{folder}/ledger{size}.sqlite3")
    _fill_ledger(ledger, size)
    TopicMatcher(ledger).match_new_changes()
    ledger.close()
    for processes in (1, 2):
        path = Path(shutil.copy(f"{folder}/ledger{size}.sqlite3", f"{folder}/copy.sqlite3"))
        copied = open_ledger(f"sqlite:///{path}")
        _measure_once(copied, DigestSettings(Templates(), identity, processes=processes), size)
        copied.close()
        path.unlink()


def _measure_once(ledger: Ledger, settings: DigestSettings, size: int) -> None:
    began, used, of_others = time.perf_counter(), time.process_time(), _read_time_of_children()
    made = compose_due_digests(ledger, settings, NOW + timedelta(days=1))
    took, worked = time.perf_counter() - began, time.process_time() - used
    written = _read_time_of_children() - of_others
    peak = read_peak_megabytes()
    with ledger.reading() as connection:
        items = connection.execute(select(func.count()).select_from(digest_item)).scalar_one()
    print(
        f"{size:7d} subscribers, {settings.processes} processes: {made} digests in {took:.1f} s "
        f"({worked:.1f} s of processor here, {written:.1f} s in others), "
        f"{took / made * 1e3:.2f} ms each, {made / took:.0f} a second, "
        f"{items / made:.1f} questions each, peak {peak} MB, load {os.getloadavg()[0]:.1f}"
    )


def _read_time_of_children() -> float:
    """Return the seconds of processor time of the processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fill_ledger(ledger: Ledger, size: int) -> None:
    """Add subscribers with three topics each, popular ones more often, then a day's questions."""
    chance = random.Random(5)
    with ledger.writing() as connection:
        made = [
            topics.ensure(connection, format_canonical(parse_query(word)), word, NOW).id
            for word in TOPICS
        ]
    TopicMatcher(ledger).match_new_changes()
    with ledger.writing() as connection:
        people = [
            {
                "id": n,
                "email": f"p{n}@demo.example",
                "token": f"t{n:020d}x",
                "zone": "Europe/London",
                "hour": 7,
                "created_at": NOW,
            }
            for n in range(1, size + 1)
        ]
        connection.execute(insert(subscriber), people)
        weights = [1 / (rank + 1) for rank in range(len(made))]
        rows = [
            {
                "subscriber_id": n,
                "topic_id": topic,
                "query": "benches",
                "frequency": "daily",
                "updates": "all",
                "origin": "command",
                "created_at": NOW,
                "sent_up_to": 0,
                "last_due_at": NOW - timedelta(days=1),
            }
            for n in range(1, size + 1)
            for topic in set(chance.choices(made, weights, k=3))
        ]
        for start in range(0, len(rows), 10_000):
            connection.execute(insert(subscription), rows[start : start + 10_000])
    with ledger.writing() as connection:
        record_readings(
            connection, [QuestionReading(q) for q in build_questions(120)], NOW, RecordingRules()
        )
