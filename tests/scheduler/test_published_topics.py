"""What the operator publishes and hides: by config and by command, as files and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from alerts.ledger import matches, topics
from alerts.web import create_app
from scheduler.config import load_config
from scheduler.jobs import sync_config
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.scheduler.cli.test_subscribers import QUIET, ingest
from tests.support.samples import make_question
from tests.support.service import ServiceFolder
from tests.support.small_disk import mount_small_disk

READER = "quill@demo.example"


def configure(folder: Path, text: str = "") -> ServiceFolder:
    service = ServiceFolder(folder, QUIET + text)
    ingest(service, *(make_question(n, words="Benches and trees?") for n in (1, 2)))
    return service


def list_files(service: ServiceFolder) -> set[str]:
    """The names of the published feeds."""
    folder = service.folder / "var" / "feeds"
    return {path.name.partition(".")[0] for path in folder.glob("*.json")} - {"everything"}


def list_topics(service: ServiceFolder) -> dict[str, tuple[bool, str | None, int]]:
    """By title: whether a topic is public, what publishes it, and its subscriptions."""
    found = service.run_json("topics", "list", "--json")["topics"]
    return {t["title"]: (t["is_published"], t["publisher"], t["subscribers"]) for t in found}


@contextmanager
def serve_pages(service: ServiceFolder) -> Iterator[str]:
    opened = open_service(load_config(service.folder / "config.toml"))
    with serve(create_app(build_web_context(opened))) as url:
        yield url
    opened.ledger.engine.dispose()


def get_status(url: str) -> int:
    try:
        with urlopen(url) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry",
    [
        '[[topics]]\nquery = "benches"\n',
        f'[[subscriptions]]\nemail = "{READER}"\nquery = "benches"\n',
    ],
)
def test_what_the_config_names_is_public_unless_marked_private(tmp_path: Path, entry: str) -> None:
    service = configure(tmp_path / "public", entry)
    service.run("once", "--no-crawl")
    assert list_files(service) == {"benches"}
    assert list_topics(service)["benches"][:2] == (True, "config")
    private = configure(tmp_path / "private", f"{entry}private = true\n")
    private.run("once", "--no-crawl")
    assert list_files(private) == set()
    assert list_topics(private)["benches"][:2] == (False, None)
    with serve_pages(service) as one, serve_pages(private) as other:
        for path in ("/topic/benches", "/feeds/benches.rss.xml", "/api/v1/topics/benches"):
            assert (get_status(one + path), get_status(other + path)) == (200, 404)


@pytest.mark.slow
def test_what_is_marked_private_or_taken_out_later_is_gone(tmp_path: Path) -> None:
    service = configure(tmp_path, '[[topics]]\nquery = "benches"\n[[topics]]\nquery = "trees"\n')
    service.run("once", "--no-crawl")
    assert list_files(service) == {"benches", "trees"}
    config = service.folder / "config.toml"
    config.write_text(QUIET + '[[topics]]\nquery = "benches"\nprivate = true\n')
    service.run("once", "--no-crawl")
    assert list_files(service) == set()
    assert list_topics(service) == {"benches": (False, None, 0)}
    with serve_pages(service) as url:
        for slug in ("benches", "trees"):
            assert get_status(f"{url}/topic/{slug}") == 410
            assert get_status(f"{url}/feeds/{slug}.atom.xml") == 410
    config.write_text(QUIET + '[[topics]]\nquery = "benches"\n')
    service.run("once", "--no-crawl")
    assert list_files(service) == {"benches"}


@pytest.mark.slow
def test_subscribe_publishes_unless_it_is_told_not_to(tmp_path: Path) -> None:
    service = configure(tmp_path)
    service.run("subscribe", READER, "benches", "--as-typed")
    service.run("subscribe", READER, "trees", "--as-typed", "--private")
    service.run("follow", READER, "london:/questions/1")
    service.run("follow", READER, "london:/questions/2", "--private")
    service.run("once", "--no-crawl")
    states = list_topics(service)
    assert {title for title, (is_public, _, _) in states.items() if is_public} == {
        "benches",
        "Question 1",
    }
    assert len(states) == 4
    assert {name.split("-")[0] for name in list_files(service)} == {"benches", "question"}
    service.run("subscribe", READER, "benches", "--as-typed", "--private")
    service.run("once", "--no-crawl")
    assert "benches" not in list_files(service)


@pytest.mark.slow
def test_private_topics_send_digests(tmp_path: Path) -> None:
    service = configure(tmp_path)
    service.run("subscribe", READER, "benches", "--every", "immediate", "--private")
    ingest(service, make_question(3, words="Benches?"))
    service.run("once", "--no-crawl")
    assert [mail["To"] for mail in service.emails] == [READER]


@pytest.mark.slow
def test_publish_and_hide(tmp_path: Path) -> None:
    service = configure(tmp_path)
    service.run("subscribe", READER, "benches", "--as-typed", "--private")
    service.run("topics", "publish", "benches")
    done = service.run_json("topics", "publish", "trees", "--json")
    assert done == {"slug": "trees", "title": "trees", "published": True}
    service.run("once", "--no-crawl")
    assert list_files(service) == {"benches", "trees"}
    assert list_topics(service) == {
        "benches": (True, "operator", 1),
        "trees": (True, "operator", 0),
    }
    service.run("topics", "hide", "benches")
    assert list_files(service) == {"trees"}  # at once, not with the next round
    service.run("topics", "hide", "trees")
    assert list_topics(service) == {"benches": (False, None, 1)}
    service.run("subscribe", "other@demo.example", "benches", "--as-typed")
    service.run("once", "--no-crawl")
    assert list_files(service) == set()
    assert "private: hidden" in service.run("topics", "list").stdout


@pytest.mark.slow
def test_a_hidden_topic_of_the_config_stays_hidden(tmp_path: Path) -> None:
    service = configure(tmp_path, '[[topics]]\nquery = "benches"\n')
    service.run("once", "--no-crawl")
    service.run("topics", "hide", "benches")
    service.run("once", "--no-crawl")
    assert list_files(service) == set()


@pytest.mark.slow
def test_an_unknown_topic_is_one_line(tmp_path: Path) -> None:
    service = configure(tmp_path)
    done = service.run("topics", "hide", "benches", expect=65)
    assert "there is no topic benches" in done.stderr
    assert done.stderr.count("\n") == 1
    service.run("topics", "publish", '"half', expect=64)


@pytest.mark.slow
def test_a_topic_ends_with_its_last_subscriber(tmp_path: Path) -> None:
    """Its row, its matches, its files and its address."""
    service = configure(tmp_path)
    service.run("subscribe", READER, "benches", "--as-typed")
    service.run("once", "--no-crawl")
    assert list_files(service) == {"benches"}
    service.run("unsubscribe", READER, "benches")
    service.run("once", "--no-crawl")
    assert list_files(service) == set()
    assert list_topics(service) == {}
    with serve_pages(service) as url:
        assert get_status(f"{url}/topic/benches") == 410
        assert get_status(f"{url}/feeds/benches.json") == 410
        assert get_status(f"{url}/api/v1/changes?topic=benches") == 410


@pytest.mark.slow
def test_nothing_is_left_of_a_forgotten_subscriber(tmp_path: Path) -> None:
    service = configure(tmp_path)
    service.run("subscribe", READER, '"my own street" OR benches', "--as-typed", "--private")
    service.run("once", "--no-crawl")
    service.run("forget", READER)
    opened = open_service(load_config(service.folder / "config.toml"))
    with opened.ledger.reading() as connection:
        assert topics.list_all(connection) == []
        assert matches.count_questions(connection, 1) == 0
    opened.ledger.engine.dispose()
    assert b"own street" not in (service.folder / "var" / "ledger.sqlite3").read_bytes()


@pytest.mark.process
def test_files_of_private_topics_that_cannot_be_deleted_are_tried_again(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    with mount_small_disk(tmp_path / "var" / "feeds") as resize:
        resize("20m")
        service = configure(tmp_path, '[[topics]]\nquery = "benches"\n')
        service.run("once", "--no-crawl")
        assert list_files(service) == {"benches"}
        (service.folder / "config.toml").write_text(QUIET)
        resize("20m,ro")  # root may delete any file, but not there
        done = service.run("once", "--no-crawl", expect=1)
        assert "withdrawn feeds" in done.stderr
        resize("20m,rw")
        opened = open_service(load_config(service.folder / "config.toml"))
        sync_config(opened)
        opened.ledger.engine.dispose()
        assert list_files(service) == set()
