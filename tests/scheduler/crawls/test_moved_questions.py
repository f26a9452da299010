"""Questions at new addresses: real crawls of a replica whose pages are renamed."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from alerts.ledger import Ledger, changes, held_changes, open_ledger, questions
from alerts.recording import CrawlOutcome, CrawlPolicy, plan_crawl
from alerts.rendering import find_shipped_templates
from crawler.plan import CrawlPlan, PolitenessSettings
from crawler.replica import ReplicaWorld, build_demo_world, create_site
from crawler.replica.world import LISTING_PATH, ReplicaQuestion
from scheduler.crawls import crawl_source
from scheduler.web import serve
from tests.support.empty_ledger import open_empty_ledger
from tests.support.service import ServiceFolder, build_config

pytestmark = pytest.mark.process

POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0.001, timeout_seconds=5)
POLICY = CrawlPolicy(days_back=90)
Rename = Callable[[ReplicaQuestion], list[ReplicaQuestion]]


class ChangingSite:
    """A replica whose pages can be renamed while it runs."""

    def __init__(self) -> None:
        self.world = build_demo_world(datetime.now(UTC))
        self.url = ""
        self.reset()

    def reset(self) -> None:
        """Show the world as it is at first."""
        self.now = self.world.start
        self.redirects = False
        self.show(self.world)

    def show(self, world: ReplicaWorld) -> None:
        self._app = create_site(world, lambda: self.now, find_shipped_templates())

    def rename(self, rename: Rename) -> None:
        """Show each question as ``rename`` has it."""
        shown = tuple(new for old in self.world.questions for new in rename(old))
        self.show(replace(self.world, questions=shown))

    def go_to(self, stage: int, hours: int = 0) -> None:
        self.now = self.world.start + (timedelta(), *self.world.stages)[stage]
        self.now += timedelta(hours=hours)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._app
        old = re.fullmatch(rf"{LISTING_PATH}/(.*)(?<!-v2)", scope.get("path", ""))
        if self.redirects and old:
            app = RedirectResponse(f"{LISTING_PATH}/{old[1]}-v2", 301)
        await app(scope, receive, send)


@pytest.fixture(scope="module")
def served_site() -> Iterator[ChangingSite]:
    made = ChangingSite()
    with serve(made) as made.url:
        yield made


@pytest.fixture
def site(served_site: ChangingSite) -> ChangingSite:
    """The site as it is at first."""
    served_site.reset()
    return served_site


@pytest.fixture(scope="module")
def file_of_all(served_site: ChangingSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger that has read everything, of which tests take copies."""
    path = tmp_path_factory.mktemp("read") / "ledger.sqlite3"
    opened = open_empty_ledger(path)
    served_site.reset()
    read_all(opened, served_site)
    opened.engine.dispose()
    return path


@pytest.fixture
def ledger_of_all(file_of_all: Path, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that has read everything there is to read."""
    shutil.copyfile(file_of_all, tmp_path / "ledger.sqlite3")
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.engine.dispose()


def crawl(ledger: Ledger, site: ChangingSite, url: str | None = None) -> CrawlOutcome:
    """Crawl as the service does, at the site's time."""
    target = CrawlPlan(
        source="london", base_url=url or site.url, politeness=POLITENESS, max_seconds=60
    )
    with ledger.reading() as connection:
        plan = plan_crawl(connection, target, POLICY, site.now)
    return crawl_source(ledger, plan, lambda: site.now, POLICY)


def read_state(ledger: Ledger) -> tuple[int, Counter[str], int]:
    """Return the questions, the changes by kind, and how many changes are held."""
    with ledger.reading() as connection:
        found = changes.list_between(connection, 0, 10**6, 10**5)
        held = sum(group.changes for group in held_changes.list_awaiting_approval(connection))
        return questions.count(connection), Counter(n.change.kind.value for n in found), held


def read_all(ledger: Ledger, site: ChangingSite) -> None:
    """Read everything until nothing new comes; answered questions are visited every week."""
    for stage, hours in ((0, 0), (3, 0), (3, 200)):
        site.go_to(stage, hours)
        crawl(ledger, site)


def to_new_address(question: ReplicaQuestion) -> list[ReplicaQuestion]:
    return [replace(question, slug=f"{question.slug}-v2")]


def to_both_addresses(question: ReplicaQuestion) -> list[ReplicaQuestion]:
    return [question, *to_new_address(question)]


@pytest.mark.parametrize("redirects", [False, True])
def test_questions_at_new_addresses_are_the_same(
    ledger_of_all: Ledger, site: ChangingSite, redirects: bool
) -> None:
    ledger = ledger_of_all
    before = read_state(ledger)
    assert before[0] == 41
    site.rename(to_new_address)
    site.redirects = redirects
    for hours in (201, 225, 250):  # the old addresses are gone for more than a day
        site.go_to(3, hours)
        crawl(ledger, site)
        assert read_state(ledger) == before
    with ledger.reading() as connection:
        old = next(q for q in site.world.questions if q.after)
        found = questions.find(connection, f"london:{old.path}-v2")
        assert found == questions.find(connection, f"london:{old.path}")
    assert found is not None
    assert found.record.id == f"london:{old.path}"
    assert found.record.url == f"{site.url}{old.path}-v2"


def test_two_addresses_at_a_time_are_one_question(ledger: Ledger, site: ChangingSite) -> None:
    site.rename(to_both_addresses)
    crawl(ledger, site)
    assert read_state(ledger)[0] == 30
    for stage, hours in ((1, 0), (2, 0), (3, 0), (3, 48)):
        site.go_to(stage, hours)
        crawl(ledger, site)
    with_both = read_state(ledger)
    site.rename(to_new_address)
    site.go_to(3, 96)
    crawl(ledger, site)
    assert read_state(ledger) == with_both


def test_what_was_told_with_one_address_is_told_alike_with_two(
    ledger: Ledger, site: ChangingSite, tmp_path: Path
) -> None:
    for stage in range(4):
        site.go_to(stage)
        crawl(ledger, site)
    undisturbed = open_empty_ledger(tmp_path / "other.sqlite3")
    site.rename(to_both_addresses)
    for stage in range(4):
        site.go_to(stage)
        crawl(undisturbed, site)
    assert read_state(undisturbed) == read_state(ledger)
    undisturbed.engine.dispose()


def test_another_host_is_no_change(ledger_of_all: Ledger, site: ChangingSite) -> None:
    ledger = ledger_of_all
    before = read_state(ledger)
    with serve(site) as other:
        site.go_to(3, 400)
        crawl(ledger, site, other)
        assert read_state(ledger) == before
        site.rename(to_new_address)
        site.go_to(3, 600)
        crawl(ledger, site, other)
    assert read_state(ledger) == before


def test_an_answer_that_comes_at_the_new_address_is_told_once(
    ledger: Ledger, site: ChangingSite
) -> None:
    crawl(ledger, site)
    site.rename(to_new_address)
    for stage in (1, 2, 3):
        site.go_to(stage)
        crawl(ledger, site)
    assert read_state(ledger)[0] == 41
    with ledger.reading() as connection:
        numbered = changes.list_between(connection, 0, 10**6, 10**5)
    seen = Counter((n.change.after.id, n.change.kind, n.change.content_hash) for n in numbered)
    assert set(seen.values()) == {1}


def test_a_new_question_with_a_used_reference_waits_for_the_operator(
    ledger: Ledger, site: ChangingSite
) -> None:
    crawl(ledger, site)
    before = read_state(ledger)
    first = next(q for q in site.world.questions if q.reference and _is_recent(q, site.now))
    other = replace(first, slug="something-else", html="<p>Why is the pond at Marl dry?</p>")
    site.rename(lambda question: [question, other] if question is first else [question])
    site.go_to(0, 1)
    crawl(ledger, site)
    number, told, _ = read_state(ledger)
    assert (number, told) == (before[0] + 1, before[1])
    with ledger.reading() as connection:
        groups = held_changes.list_awaiting_approval(connection)
    assert {group.reason for group in groups} == {"reference"}
    assert "asked" in {group.kind for group in groups}


def _is_recent(question: ReplicaQuestion, now: datetime) -> bool:
    return not question.after and (now.date() - question.meeting.date).days < 20


def test_subscribers_and_feeds_hear_nothing_of_a_move(site: ChangingSite, tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, build_config(site.url))
    service.run("once")
    site.go_to(1)
    service.run("once")
    mails, feed = len(service.emails), _list_feed_ids(service)
    assert mails
    site.rename(to_both_addresses)
    service.run("once")
    site.rename(to_new_address)
    service.run("once")
    assert len(service.emails) == mails
    assert _list_feed_ids(service) == feed


def _list_feed_ids(service: ServiceFolder) -> list[str]:
    return re.findall(r"<guid[^>]*>(.*?)</guid>", service.read_feed("everything.rss.xml"))
