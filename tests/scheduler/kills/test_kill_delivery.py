"""``kill -9`` at random moments of matching, composing and delivering.

However often the process is killed, everybody gets their digest. A digest arrives twice only if the
process died after the message was handed over and before the reply was recorded, and then with the
same bytes. If the policy is to hold such messages, none arrives twice. With the log of a local mail
server none arrives twice and none is held.

``WATCHWORD_KILLS=200 pytest -s tests/scheduler/kills/test_kill_delivery.py`` kills 200 times; the
default is a few. The counts are printed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from alerts.ledger import Ledger, open_ledger, topics
from alerts.ledger.schema import digest_item, message, subscriber, subscription
from alerts.recording import QuestionReading, RecordingRules, record_readings
from benchmarks.postfix import SKIP_REASON, PostfixStartError, run_postfix
from tests.support.paths import REPOSITORY
from tests.support.samples import make_answer, make_question
from tests.support.smtp_server import run_smtp_server

KILLS = int(os.environ.get("WATCHWORD_KILLS", "6"))
PEOPLE = 25 * KILLS
NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)
SENDER = REPOSITORY / "tests" / "support" / "delivery_process.py"


def fill_ledger(folder: Path) -> tuple[str, Ledger]:
    """Return a new ledger, and its URL, with subscribers and questions that they were not sent."""
    url = f"sqlite:///{folder}/ledger.sqlite3"
    ledger = open_ledger(url)
    with ledger.writing() as connection:
        topic = topics.ensure(connection, "bench", "benches", NOW)
        base = {"zone": "Europe/London", "hour": 7, "created_at": NOW}
        connection.execute(
            insert(subscriber),
            [
                {"id": n, "email": f"p{n}@demo.example", "token": f"t{n}", **base}
                for n in range(1, PEOPLE + 1)
            ],
        )
        wish = {"query": "benches", "frequency": "daily", "updates": "all", "origin": "command"}
        connection.execute(
            insert(subscription),
            [
                {
                    "subscriber_id": n,
                    "topic_id": topic.id,
                    "sent_up_to": 0,
                    "created_at": NOW,
                    **wish,
                }
                for n in range(1, PEOPLE + 1)
            ],
        )
        some = [QuestionReading(make_question(n, make_answer("Benches."))) for n in range(1, 6)]
        record_readings(connection, some, NOW, RecordingRules())
    return url, ledger


def run(arguments: list[str], step: str, delay: float | None) -> bool:
    """Run the sender, kill it ``delay`` seconds into a step, and return whether it was killed."""
    with subprocess.Popen(
        [sys.executable, str(SENDER), *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() not in {step, ""}:
            pass
        if delay is None:
            assert process.wait(timeout=100) == 0
            return False
        time.sleep(delay)
        process.kill()
        return process.wait() == -9


def kill_often(ledger: Ledger, arguments: list[str]) -> tuple[int, int]:
    """Kill the sender at random moments; return the numbers of kills and of doubtful messages."""
    chance = random.Random(11)  # noqa: S311  # moments, not secrets
    killed = doubtful = 0
    while killed < KILLS:
        step = chance.choice(("composing", "delivering", "delivering"))
        if not run(arguments, step, chance.uniform(0, 0.4 if step == "composing" else 0.12)):
            break
        killed += 1
        doubtful += count_phases(ledger)["handing_over"]
    run(arguments, "delivering", None)
    return killed, doubtful


def count_phases(ledger: Ledger) -> Counter[str]:
    with ledger.reading() as connection:
        rows = connection.execute(select(message.c.phase, func.count()).group_by(message.c.phase))
        return Counter({phase: number for phase, number in rows})  # noqa: C416


@pytest.mark.timeout(900)
@pytest.mark.parametrize("doubt", ["resend", "hold"])
def test_everybody_gets_a_digest_and_duplicates_are_bounded(tmp_path: Path, doubt: str) -> None:
    url, ledger = fill_ledger(tmp_path)
    with run_smtp_server() as server:
        server.on_dot = lambda: time.sleep(0.01)
        killed, doubtful = kill_often(ledger, [url, str(server.port), doubt])
    copies: dict[str, set[bytes]] = {}
    for body in server.messages:
        name = body.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
        copies.setdefault(name, set()).add(body)
    doubled = len(server.messages) - len(copies)
    phases = count_phases(ledger)
    print(  # noqa: T201
        f"{doubt}: {killed} kills, {PEOPLE} digests, {len(copies)} arrived, {doubled} twice, "
        f"{doubtful} found in doubt, left: {dict(phases)}"
    )
    with ledger.reading() as connection:
        every = connection.execute(select(func.count()).select_from(digest_item)).scalar()
        assert every == 2 * 5 * PEOPLE  # each question, to each person, once
        names = set(connection.execute(select(message.c.message_id)).scalars())
    assert len(names) == PEOPLE
    assert killed
    assert all(len(bodies) == 1 for bodies in copies.values())
    if doubt == "hold":
        assert doubled == 0
        assert phases.keys() <= {"sent", "in_doubt"}
        assert len(copies) + phases["in_doubt"] >= PEOPLE
    else:
        assert doubled <= doubtful
        assert copies.keys() == names
        assert phases == {"sent": PEOPLE}


@pytest.mark.timeout(900)
@pytest.mark.skipif(SKIP_REASON is not None, reason=SKIP_REASON or "")
def test_with_the_log_of_a_local_postfix_nothing_comes_twice(tmp_path: Path) -> None:
    url, ledger = fill_ledger(tmp_path)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(run_postfix())
        except PostfixStartError as error:
            pytest.skip(str(error))
        killed, doubtful = kill_often(ledger, [url, str(server.port), "hold", str(server.log)])
        phases = count_phases(ledger)
        deadline = time.monotonic() + 20
        while len(server.count_accepted()) < phases["sent"] and time.monotonic() < deadline:
            time.sleep(0.1)  # its log follows a moment later
        queued = server.count_accepted()
    print(  # noqa: T201
        f"Postfix and its log: {killed} kills, {PEOPLE} digests, {len(queued)} queued, "
        f"{sum(queued.values()) - len(queued)} twice, {doubtful} found in doubt, "
        f"left: {dict(phases)}"
    )
    with ledger.reading() as connection:
        names = set(connection.execute(select(message.c.message_id)).scalars())
        in_doubt = message.c.phase == "in_doubt"
        held = set(connection.execute(select(message.c.message_id).where(in_doubt)).scalars())
    assert set(queued) | held == names
    assert set(queued.values()) == {1}
