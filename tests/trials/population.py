"""The subscribers of a trial, the questions of each wave, and the digests that are right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from alerts.ledger import Ledger, topics
from alerts.ledger.schema import subscriber, subscription
from alerts.queries import format_canonical, parse_query
from alerts.recording import QuestionReading, RecordingRules, record_readings
from tests.support.samples import make_answer, make_question

#: Two a wave; no other question has them.
_WORDS = (
    *("heron", "kestrel", "plover", "siskin", "dunnock", "osprey", "curlew", "avocet"),
    *("bittern", "goshawk", "jackdaw", "kittiwake", "lapwing", "nightjar", "ptarmigan", "redstart"),
    *("shrike", "turnstone", "whimbrel", "yellowhammer", "fieldfare", "pintail", "gadwall", "smew"),
)
MAX_WAVES = len(_WORDS) // 2
#: Of each wave: which of its two words each question has.
_QUESTIONS = ((0,), (0,), (1,), (0, 1))
#: The operator becomes a subscriber too, after those who were given numbers here.
_CONTINUE_NUMBERS = text(
    "select setval(pg_get_serial_sequence('subscriber', 'id'), max(id)) from subscriber"
)
#: Rows of one statement.
_BATCH = 5000


class Population:
    """Subscribers in as many groups as there are waves; each wave is about one group's topics."""

    def __init__(self, subscribers: int, waves: int) -> None:
        """Describe a population; :meth:`subscribe` puts it into a ledger."""
        assert waves <= MAX_WAVES
        self.subscribers, self.waves = subscribers, waves

    def count_readers(self, wave: int) -> int:
        """How many subscribers a wave concerns."""
        return len(range(wave, self.subscribers, self.waves))

    def find_wave(self, address: str) -> int | None:
        """The wave that concerns an address; None if it is nobody's here."""
        name = address.partition("@")[0]
        return int(name[1:]) % self.waves if name[1:].isdigit() else None

    def list_right_questions(self, wave: int) -> frozenset[int]:
        """The numbers of the questions that each subscriber of a wave is sent in one digest."""
        return frozenset(range(wave * 10 + 1, wave * 10 + 1 + len(_QUESTIONS)))

    def subscribe(self, ledger: Ledger) -> None:
        """Add all subscribers to an empty ledger."""
        now = datetime.now(UTC) - timedelta(days=2)
        with ledger.writing() as connection:
            words = [
                topics.ensure(connection, format_canonical(parse_query(word)), word, now).id
                for word in _WORDS
            ]
            base: dict[str, Any] = {"zone": "Europe/London", "hour": 7, "created_at": now}
            people = [
                {"id": n + 1, "email": f"p{n}@demo.example", "token": f"t{n:020d}x", **base}
                for n in range(self.subscribers)
            ]
            same: dict[str, Any] = {"query": "a bird", "frequency": "immediate", "updates": "all"}
            same |= {"origin": "command", "created_at": now, "sent_up_to": 0, "last_due_at": None}
            rows = [
                {"subscriber_id": n + 1, "topic_id": words[2 * (n % self.waves) + side], **same}
                for n in range(self.subscribers)
                for side in (0, 1)
            ]
            for table, values in ((subscriber, people), (subscription, rows)):
                for start in range(0, len(values), _BATCH):
                    connection.execute(insert(table), values[start : start + _BATCH])
            connection.execute(_CONTINUE_NUMBERS)

    def ask_questions(self, ledger: Ledger, wave: int) -> None:
        """Record the questions of a wave in one transaction, as the end of a crawl does."""
        pair = _WORDS[2 * wave : 2 * wave + 2]
        made = [
            make_question(
                number,
                make_answer(f"The Mayor has seen {' and '.join(pair[w] for w in words)}. " * 20),
                words=f"How many of {' and '.join(pair[w] for w in words)} are there?",
            )
            for number, words in zip(
                sorted(self.list_right_questions(wave)), _QUESTIONS, strict=True
            )
        ]
        with ledger.writing() as connection:
            record_readings(
                connection,
                [QuestionReading(question) for question in made],
                datetime.now(UTC),
                RecordingRules(as_new=True),
            )
