"""Counts are shared by processes, outlast them, and hold whatever the clock shows."""

from __future__ import annotations

import itertools
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.ledger import Ledger, LedgerUnavailable, alarms, open_ledger
from alerts.ledger.rate_counts import CountKey, RateCounts, name_count_file
from alerts.limits import Limit, Limiter, Scope, allow_email_to_unconfirmed, find_client
from alerts.limits.limiter import LimitReport
from alerts.operator import update_limit_alarm

HOUR = timedelta(hours=1)
OFFICE = find_client("192.0.2.7")
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_NUMBERS = itertools.count()
NETWORK = CountKey(Scope.NETWORK, OFFICE.network)


@dataclass
class Processes:
    """Limiters over one ledger, each as in a process of its own, and their clock."""

    ledger: Ledger
    now: datetime
    started: list[Limiter] = field(default_factory=list)

    def start(self, confirmations: int | None = None) -> Limiter:
        limiter = Limiter(RateCounts(self.ledger), b"key", lambda: self.now, confirmations)
        self.started.append(limiter)
        return limiter


@contextmanager
def run_processes(ledger: Ledger, now: datetime) -> Iterator[Processes]:
    found = Processes(ledger, now)
    yield found
    for limiter in found.started:
        limiter.close()


@pytest.fixture(scope="module")
def shared_counts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RateCounts]:
    """One for all examples of a property: opening a ledger takes longer than they do."""
    ledger = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('counts') / 'ledger.sqlite3'}")
    with closing(RateCounts(ledger)) as counts:
        yield counts
    ledger.engine.dispose()


@pytest.fixture
def processes(ledger: Ledger, now: datetime) -> Iterator[Processes]:
    """On each of the two databases."""
    with run_processes(ledger, now) as found:
        yield found


@pytest.fixture
def embedded(now: datetime, tmp_path: Path) -> Iterator[Processes]:
    """On SQLite alone."""
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with run_processes(ledger, now) as found:
        yield found
    ledger.engine.dispose()


def count_allowed(count: Callable[[], object], tries: int) -> int:
    return sum(count() is None for _ in range(tries))


#: Counts seven sign-ups from the office, as a server would, and is killed.
_COUNT_AND_DIE = """
import os, signal, sys
from datetime import datetime
from alerts.ledger import open_ledger
from alerts.ledger.rate_counts import RateCounts
from alerts.limits import Limit, Limiter, find_client
now = datetime.fromisoformat(sys.argv[2])
limiter = Limiter(RateCounts(open_ledger(sys.argv[1])), b"key", lambda: now)
for _ in range(7):
    assert limiter.count(Limit.SIGN_UPS, find_client("192.0.2.9")) is None
os.kill(os.getpid(), signal.SIGKILL)
"""


class TestSharing:
    def test_two_processes_share_a_limit(self, processes: Processes) -> None:
        one, other = processes.start(), processes.start()
        allowed = [
            limiter.count(Limit.SIGN_UPS, OFFICE) is None
            for _ in range(6)
            for limiter in (one, other)
        ]
        assert allowed == [True] * 10 + [False] * 2

    def test_a_restart_keeps_the_counts(self, processes: Processes) -> None:
        first = processes.start()
        assert count_allowed(lambda: first.count(Limit.SIGN_UPS, OFFICE), 10) == 10
        assert count_allowed(lambda: first.count_soon(Limit.SEARCHES, OFFICE), 1199) == 1199
        first.close()
        second = processes.start()
        assert second.count(Limit.SIGN_UPS, OFFICE) is not None
        assert count_allowed(lambda: second.count_soon(Limit.SEARCHES, OFFICE), 5) == 1

    @pytest.mark.process
    def test_a_killed_process_leaves_its_counts(self, embedded: Processes) -> None:
        limiter = embedded.start()
        assert limiter.count(Limit.SIGN_UPS, OFFICE) is None
        url = embedded.ledger.engine.url.render_as_string(hide_password=False)
        arguments = [sys.executable, "-c", _COUNT_AND_DIE, url, embedded.now.isoformat()]
        killed = subprocess.run(arguments, capture_output=True, check=False, text=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert count_allowed(lambda: limiter.count(Limit.SIGN_UPS, OFFICE), 5) == 2

    def test_counting_is_exact_among_threads_and_processes(self, processes: Processes) -> None:
        limiters = [processes.start() for _ in range(3)]
        with ThreadPoolExecutor(6) as pool:
            allowed = pool.map(
                lambda n: limiters[n % 3].count(Limit.SIGN_UPS, OFFICE) is None, range(30)
            )
        assert sum(allowed) == 10

    def test_what_is_counted_soon_is_shared_within_a_second(self, processes: Processes) -> None:
        one, other = processes.start(), processes.start()
        assert count_allowed(lambda: one.count_soon(Limit.SEARCHES, OFFICE), 1300) == 1200
        processes.now += timedelta(seconds=2)
        assert one.count_soon(Limit.SEARCHES, OFFICE) is not None
        assert other.count_soon(Limit.SEARCHES, OFFICE) is not None

    def test_counting_waits_for_no_transaction_of_the_ledger(self, processes: Processes) -> None:
        limiter = processes.start()
        with processes.ledger.writing():
            assert limiter.count(Limit.SIGN_UPS, OFFICE) is None
            assert limiter.count_soon(Limit.SEARCHES, OFFICE) is None


class TestWindow:
    def test_a_refusal_says_when_to_come_back_and_is_not_counted(
        self, processes: Processes
    ) -> None:
        limiter = processes.start()
        assert count_allowed(lambda: limiter.count(Limit.SIGN_UPS, OFFICE), 10) == 10
        processes.now += timedelta(minutes=50)
        refusals = [limiter.count(Limit.SIGN_UPS, OFFICE) for _ in range(20)]
        refused = refusals[-1]
        assert refused is not None
        assert 600 <= refused.seconds <= 660
        assert refused.sentence.startswith("Too many requests from your network. Try again in 1")
        processes.now += timedelta(seconds=refused.seconds)
        assert limiter.count(Limit.SIGN_UPS, OFFICE) is None

    @pytest.mark.slow
    @given(st.lists(st.integers(0, 900), max_size=60))
    def test_no_hour_holds_more_than_is_allowed(
        self, shared_counts: RateCounts, pauses: list[int]
    ) -> None:
        number = next(_NUMBERS)
        moment = _BEGIN + number * timedelta(days=2)  # after all others: none is in the future
        allowed: list[datetime] = []
        for pause in pauses:
            moment += timedelta(seconds=pause)
            if shared_counts.hit("x", HOUR, {NETWORK: 3}, moment) is None:
                allowed.append(moment)
        for first, fourth in zip(allowed, allowed[3:], strict=False):
            assert fourth - first >= HOUR

    def test_a_clock_that_was_ahead_locks_nobody_out_and_loses_no_count(
        self, processes: Processes
    ) -> None:
        right, limiter = processes.now, processes.start()
        processes.now = right + timedelta(days=3650)
        assert count_allowed(lambda: limiter.count(Limit.SIGN_UPS, OFFICE), 10) == 10
        assert count_allowed(lambda: limiter.count_soon(Limit.SEARCHES, OFFICE), 1200) == 1200
        limiter.share_all()
        processes.now = right
        refused = limiter.count(Limit.SIGN_UPS, OFFICE)
        assert refused is not None
        assert refused.seconds <= 3660
        assert limiter.count_soon(Limit.SEARCHES, OFFICE) is not None
        processes.now = right + timedelta(seconds=3660)
        assert limiter.count(Limit.SIGN_UPS, OFFICE) is None
        assert limiter.count_soon(Limit.SEARCHES, OFFICE) is None

    @pytest.mark.slow
    def test_what_has_expired_is_deleted(self, embedded: Processes) -> None:
        limiter = embedded.start()
        limiter.count(Limit.SIGN_UPS, OFFICE)
        embedded.now += timedelta(days=2)
        limiter.count(Limit.EXPORTS, OFFICE)
        file = name_count_file(Path(str(embedded.ledger.engine.url.database)))
        with closing(sqlite3.connect(file)) as connection:
            kinds = connection.execute("SELECT DISTINCT kind FROM rate_count").fetchall()
        assert kinds == [("exports",)]


class TestNetworks:
    @pytest.mark.slow
    def test_a_48_is_limited_too(self, embedded: Processes) -> None:
        limiter = embedded.start()
        clients = [find_client(f"2001:db8:1:{n:x}::1") for n in range(150)]
        assert sum(limiter.count(Limit.SIGN_UPS, one) is None for one in clients) == 30
        assert limiter.count(Limit.SIGN_UPS, find_client("2001:db8:2::1")) is None

    @pytest.mark.slow
    def test_a_24_is_one_network(self, embedded: Processes) -> None:
        limiter = embedded.start()
        clients = [find_client(f"198.51.100.{n}") for n in range(256)]
        assert sum(limiter.count(Limit.SIGN_UPS, one) is None for one in clients) == 10
        assert limiter.count(Limit.SIGN_UPS, find_client("198.51.101.1")) is None


class TestCeilings:
    @pytest.mark.slow
    def test_a_few_networks_shut_nobody_out(self, embedded: Processes) -> None:
        limiter = embedded.start()
        for limit in (Limit.SEARCHES, Limit.EXPORTS):
            rule = limit.rule
            everybody = {CountKey(Scope.ALL, "all"): rule.most[Scope.ALL]}
            with closing(RateCounts(embedded.ledger)) as counts:
                counts.add(limit, rule.period, everybody, {}, embedded.now)
        assert count_allowed(lambda: limiter.count_soon(Limit.SEARCHES, OFFICE), 70) == 60
        assert count_allowed(lambda: limiter.count(Limit.EXPORTS, OFFICE), 5) == 3
        refused = limiter.count_soon(Limit.SEARCHES, OFFICE)
        assert refused is not None
        assert refused.sentence.startswith("This service has more requests than it can answer. Try")
        another = find_client("198.51.100.1")
        assert limiter.count_soon(Limit.SEARCHES, another) is None
        assert limiter.count(Limit.EXPORTS, another) is None


class TestEmails:
    @pytest.mark.slow
    def test_150_aliases_of_two_mailboxes_are_forty_emails(self, processes: Processes) -> None:
        limiter = processes.start()
        aliases = [
            *(f"victim+{n}@gmail.example" for n in range(50)),
            *(f"v.ictim+{n}@gmail.com" for n in range(50)),
            *(f"VICTIM{'.' * (n % 2)}+{n}@GoogleMail.com" for n in range(50)),
        ]
        sent = [
            one
            for n, one in enumerate(aliases)
            if allow_email_to_unconfirmed(limiter, one, find_client(f"2001:db8:{n:x}::1"))
        ]
        assert len(sent) == 40  # three each, if nobody answers: see alerts.subscribers
        processes.now += timedelta(days=1, hours=1)
        assert allow_email_to_unconfirmed(limiter, aliases[0], OFFICE)

    @pytest.mark.slow
    def test_200_in_an_hour_and_then_an_alarm(self, embedded: Processes) -> None:
        limiter = embedded.start()
        sent = [
            allow_email_to_unconfirmed(
                limiter, f"p{n}@demo.example", find_client(f"10.{n % 250}.{n}.1")
            )
            for n in range(210)
        ]
        assert sent == [True] * 200 + [False] * 10
        limiter.share_all()
        [reason] = list_alarms(embedded, limiter)
        assert "200 emails to unconfirmed people in an hour (10 more were refused)" in reason
        embedded.now += timedelta(minutes=61)
        assert list_alarms(embedded, limiter) == []

    @pytest.mark.slow
    def test_the_operator_can_allow_more(self, embedded: Processes) -> None:
        limiter = embedded.start(confirmations=2)
        sent = [allow_email_to_unconfirmed(limiter, f"p{n}@demo.example", OFFICE) for n in range(3)]
        assert sent == [True, True, False]

    @pytest.mark.slow
    def test_no_address_is_kept(self, embedded: Processes) -> None:
        limiter = embedded.start()
        allow_email_to_unconfirmed(limiter, "ada.brook@demo.example", OFFICE)
        limiter.close()
        file = name_count_file(Path(str(embedded.ledger.engine.url.database)))
        for part in file.parent.glob(f"{file.name}*"):
            assert b"ada" not in part.read_bytes()


def list_alarms(processes: Processes, limiter: Limiter) -> list[str]:
    with processes.ledger.writing() as connection:
        update_limit_alarm(connection, limiter.report(), processes.now)
        return [one.reason for one in alarms.list_open(connection)]


class TestReport:
    @pytest.mark.slow
    def test_the_operator_sees_who_is_near_a_limit(self, embedded: Processes) -> None:
        limiter = embedded.start()
        assert limiter.report() == LimitReport()  # and nothing was created
        assert not list(Path(str(embedded.ledger.engine.url.database)).parent.glob("*.limits"))
        for _ in range(12):
            limiter.count(Limit.SIGN_UPS, OFFICE)
        limiter.count(Limit.CHANGES, address="ada@demo.example")
        use = {(one.limit, one.scope): one for one in embedded.start().report().use}
        office = use[Limit.SIGN_UPS, Scope.NETWORK]
        assert (office.highest, office.most, office.who) == (10, 10, "192.0.2.0/24")
        mailbox = use[Limit.CHANGES, Scope.MAILBOX]
        assert (mailbox.highest, mailbox.who) == (1, None)
        limiter.share_all()
        [notable] = embedded.start().report().notable
        assert (notable.scope, notable.refused) == (Scope.NETWORK, 2)

    @pytest.mark.slow
    def test_an_untrusted_proxy_is_named_for_a_day(
        self, embedded: Processes, caplog: pytest.LogCaptureFixture
    ) -> None:
        limiter = embedded.start()
        for _ in range(100):
            limiter.note_untrusted_proxy("10.0.0.2")
        [warning] = embedded.start().report().warnings
        assert "10.0.0.2" in warning
        assert "web.trusted_proxies" in warning
        assert len(caplog.records) == 1
        embedded.now += timedelta(days=1, hours=1)
        assert embedded.start().report().warnings == ()


class TestFaults:
    @pytest.mark.slow
    def test_a_damaged_file_begins_anew(self, embedded: Processes) -> None:
        embedded.start().count(Limit.SIGN_UPS, OFFICE)
        embedded.started.pop().close()
        file = name_count_file(Path(str(embedded.ledger.engine.url.database)))
        file.write_bytes(b"this is no database" * 1000)
        assert embedded.start().count(Limit.SIGN_UPS, OFFICE) is None

    @pytest.mark.slow
    def test_without_a_place_for_counts_sign_ups_wait_and_searches_go_on(
        self, embedded: Processes
    ) -> None:
        file = name_count_file(Path(str(embedded.ledger.engine.url.database)))
        file.mkdir()
        limiter = embedded.start()
        with pytest.raises(LedgerUnavailable):
            limiter.count(Limit.SIGN_UPS, OFFICE)
        assert count_allowed(lambda: limiter.count_soon(Limit.SEARCHES, OFFICE), 1300) == 1200
        (file / "now").mkdir()  # so that it is no file
        [warning] = limiter.report().warnings or ("",)
        assert "cannot be" in warning or not warning
