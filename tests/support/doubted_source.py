"""A replica with faults, and a ledger that its crawls are recorded in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from alerts.ledger import Ledger, alarms, changes, crawl_runs, held_changes
from alerts.ledger.held_changes import APPROVAL_REASONS
from alerts.recording import CrawlOutcome, CrawlPolicy, plan_crawl, update_source_alarms
from crawler.plan import CrawlPlan, PolitenessSettings
from crawler.replica import FAULTS_PATH
from scheduler.crawls import crawl_source
from tests.support.service import RunningReplica

_POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0.001, timeout_seconds=5)
_POLICY = CrawlPolicy(days_back=90)


class DoubtedSource:
    """A source that is crawled as the service does it, at moments that the test chooses."""

    def __init__(self, replica: RunningReplica, ledger: Ledger) -> None:
        self.replica = replica
        self.ledger = ledger

    def show(self, **faults: object) -> None:
        """Let the site have these faults and no others, by its own HTTP interface."""
        address = f"{self.replica.url}{FAULTS_PATH}?{urlencode(faults)}"
        with urlopen(Request(address, method="POST")) as response:
            response.read()

    def crawl(self, hours: float = 0) -> CrawlOutcome:
        """Crawl so many hours after the site's clock, which stands."""
        now = self.replica.now + timedelta(hours=hours)
        target = CrawlPlan(
            source="london", base_url=self.replica.url, politeness=_POLITENESS, max_seconds=60
        )
        with self.ledger.reading() as connection:
            plan = plan_crawl(connection, target, _POLICY, now)
        outcome = crawl_source(self.ledger, plan, lambda: now, _POLICY)
        with self.ledger.writing() as connection:
            update_source_alarms(connection, "london", "www.demo.example", 36, now)
        return outcome

    def decide(self, *, approve: bool) -> int:
        """Approve or reject what waits for the operator; return how many changes that were."""
        with self.ledger.writing() as connection:
            return held_changes.promote(
                connection, "london", APPROVAL_REASONS, is_silent=not approve
            )

    @property
    def alarms(self) -> dict[str, str]:
        """The open alarms with their reasons."""
        with self.ledger.reading() as connection:
            return {alarm.kind: alarm.reason for alarm in alarms.list_open(connection)}

    @property
    def told(self) -> Counter[str]:
        """How many changes of each kind alert somebody."""
        with self.ledger.reading() as connection:
            found = changes.list_between(connection, 0, 10**6, 10**4)
        return Counter(n.change.kind.value for n in found if n.silence_reason is None)

    @property
    def held(self) -> Counter[str]:
        """How many changes of each kind wait for the operator."""
        with self.ledger.reading() as connection:
            groups = held_changes.list_awaiting_approval(connection)
        found: Counter[str] = Counter()
        for group in groups:
            found[group.kind] += group.changes
        return found

    @property
    def hours_since_good_crawl(self) -> float:
        """How long before the site's clock the last complete crawl ended; negative: after it."""
        with self.ledger.reading() as connection:
            last = crawl_runs.get_last_complete_finish(connection, "london")
        assert last is not None
        return (self.replica.now - last) / timedelta(hours=1)


@contextmanager
def doubt_source(replica: RunningReplica, ledger: Ledger) -> Iterator[DoubtedSource]:
    """The replica as it was at first, and a ledger; which is closed afterwards."""
    replica.go_to_stage(0)
    made = DoubtedSource(replica, ledger)
    made.show()
    yield made
    ledger.engine.dispose()
