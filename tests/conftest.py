"""Fixtures that many tests share. Everything is real: files, sockets, databases."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from alerts.ledger import Ledger, open_ledger
from tests.support import tiers
from tests.support.compiled_statements import share_compiled_statements
from tests.support.compiled_templates import share_compiled_templates
from tests.support.empty_ledger import open_empty_ledger, place_empty_ledger
from tests.support.forked_programs import fork_programs
from tests.support.postgres import (
    EMPTY_LEDGER,
    create_database,
    find_memory_folder,
    find_server_programs,
    make_empty_ledger,
    share_server,
    use_shared_server,
)
from tests.support.seed_page import SEED_PAGE
from tests.support.tiers import TierCheck
from tests.support.web_client import WebClient, run_web_client

# A machine that is busy is no failure; what must be fast is measured, not timed in tests. The same
# examples are drawn each time, so that a red build is about the change and not about the draw;
# HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("watchword", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
# One failure is enough to know that a test notices an edit of the code: it is not made smaller.
settings.register_profile(
    "mutation", deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "watchword"))

#: Temporary folders are in memory where there is room: a ledger waits for its disk at each commit.
if folder := find_memory_folder():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))

_TIER_CHECK = TierCheck()

#: So many objects more than before let Python look for garbage. They take a few megabytes.
_OBJECTS_UNTIL_SEARCH = 20_000


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors: many tests wait for a process or a time limit.

    With ``-n logical`` as many as there are, for tests that wait for nothing.
    """
    processors = len(os.sched_getaffinity(0))
    return processors if config.getoption("numprocesses") == "logical" else processors + 1


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Fork programs, share what is compiled, and a PostgreSQL server among all processes."""
    with fork_programs(), share_compiled_statements(), share_compiled_templates():
        if hasattr(config, "workerinput"):  # the process that started this one shares its own
            return (yield)
        with share_server():
            return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests, and let the search for garbage pass over what is there by then.

    It went through all tests and libraries again and again: a seventh of the processor time. As it
    begins after 700 new objects, which a page makes many times over, it took another seventh.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS_UNTIL_SEARCH)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests, and let every worker begin with long ones."""
    tiers.add_markers(items)
    items[:] = tiers.order(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hold a test to its tier."""
    with _TIER_CHECK.run(item):
        yield


@pytest.fixture
def new_python() -> Iterator[None]:
    """Our programs start as their users start them: Python anew, which imports what they need."""
    with fork_programs(wanted=False):
        yield


@pytest.fixture
def now() -> datetime:
    """A moment: Thursday noon in summer, so London is an hour ahead of UTC."""
    return datetime(2026, 7, 16, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def seed() -> Path:
    """The project's first input, a real page's text; a page of our own where that is not there."""
    return SEED_PAGE.path


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """A PostgreSQL server of this test run, with an empty ledger of which copies are taken."""
    programs = find_server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    return use_shared_server(programs, make_empty_ledger)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, in a SQLite file and in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    else:
        with create_database(request.getfixturevalue("postgres_server"), "template1") as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty ledger, in a SQLite file and in PostgreSQL."""
    if request.param == "sqlite":
        yield place_empty_ledger(tmp_path / "ledger.sqlite3")
    else:
        server = request.getfixturevalue("postgres_server")
        with create_database(server, EMPTY_LEDGER) as url:
            yield url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger on each of the two databases."""
    opened = open_ledger(ledger_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    """A ledger on each of the two databases that the tests of a module fill once and share."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = place_empty_ledger(tmp_path_factory.mktemp("shared") / "ledger.sqlite3")
        else:
            server = request.getfixturevalue("postgres_server")
            url = stack.enter_context(create_database(server, EMPTY_LEDGER))
        opened = open_ledger(url)
        yield opened
        opened.engine.dispose()


@pytest.fixture
def pages(ledger: Ledger, now: datetime, tmp_path: Path) -> Iterator[WebClient]:
    """The web pages over an empty ledger, on each of the two databases."""
    with run_web_client(ledger, now, tmp_path / "feeds") as found:
        yield found


@pytest.fixture
def site(now: datetime, tmp_path: Path) -> Iterator[WebClient]:
    """The same on SQLite alone, where the database makes no difference."""
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    with run_web_client(opened, now, tmp_path / "feeds") as found:
        yield found
    opened.engine.dispose()
