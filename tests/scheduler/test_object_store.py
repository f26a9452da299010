"""A service whose files are in an object store: through the config and the command."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from alerts.web import create_app
from crawler.storage import parse_folder
from scheduler.config import load_config
from scheduler.service import open_service
from scheduler.web import build_web_context, serve
from tests.support.object_store import ObjectStore, run_object_store
from tests.support.service import (
    RunningReplica,
    ServiceFolder,
    build_config,
    count_sent_links,
    run_replica,
)

pytestmark = pytest.mark.process

FOLDERS = """
[archive]
path = "s3://service/captures"
[feeds]
path = "s3://service/feeds"
[ledger]
compiled = "s3://service/topics"
sent_log = "s3://service/sent"
"""


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with run_object_store("service") as running:
        yield running


@pytest.fixture
def replica() -> Iterator[RunningReplica]:
    with run_replica() as running:
        yield running


def assert_feed_is_served(config: Path) -> None:
    """The pages serve the file that is in the store."""
    feeds = parse_folder("s3://service/feeds")
    published = feeds.read("everything.atom.xml")
    assert published is not None
    assert b"<entry>" in published
    service = open_service(load_config(config))
    with serve(create_app(build_web_context(service))) as url:
        served = requests.get(f"{url}/feeds/everything.atom.xml", timeout=10)
        missing = requests.get(f"{url}/feeds/nothing-like-this.atom.xml", timeout=10)
    service.ledger.close()
    assert served.content == published
    assert missing.status_code == 404


def test_what_is_not_the_ledger_is_in_the_store(
    store: ObjectStore, replica: RunningReplica, tmp_path: Path
) -> None:
    service = ServiceFolder(tmp_path, build_config(replica.url, extra=FOLDERS), is_new=True)
    service.run("once")
    backup = tmp_path / "backup.sqlite3"
    shutil.copy(tmp_path / "var" / "ledger.sqlite3", backup)
    replica.go_to_stage(1)
    service.run("once")
    sent = count_sent_links(service.emails)
    assert sent
    assert not (tmp_path / "var" / "captures").exists()
    assert not (tmp_path / "var" / "sent").exists()
    assert not (tmp_path / "var" / "feeds").exists()
    assert_feed_is_served(tmp_path / "config.toml")
    captures = parse_folder("s3://service/captures")
    assert len(list(captures.list_files())) == 2

    questions = service.run_json("search", "benches OR VRU", "--json")["questions"]
    assert '"same"' in service.run("reparse", "--json").stdout
    done = service.run_json("takedown", questions[0]["id"], "--reason", "x", "--json")
    assert done["captures_erased"] >= 1
    assert '"same"' in service.run("reparse", "--json").stdout

    for end in ("", "-wal", "-shm"):
        (tmp_path / "var" / f"ledger.sqlite3{end}").unlink(missing_ok=True)
    shutil.copy(backup, tmp_path / "var" / "ledger.sqlite3")
    service.run("once")
    assert count_sent_links(service.emails) == sent


def test_a_store_that_cannot_be_reached_costs_the_captures_and_no_question(
    replica: RunningReplica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    archive = '[archive]\npath = "s3://service/captures"\n'
    service = ServiceFolder(tmp_path, build_config(replica.url, extra=archive))
    done = service.run("once", expect=1)
    assert 'a job failed: job="crawl london" reason=' in done.stderr
    assert "s3://service/captures" in done.stderr
    assert "30 questions" in service.run("status", expect=None).stdout


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://key:secret@service/captures", "archive.path: expected a URL without password"),
        ("xyz://service/captures", "archive.path: xyz:// is no store"),
    ],
)
def test_a_wrong_address_is_refused_with_its_key(url: str, reason: str, tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, f'[archive]\npath = "{url}"\n')
    done = service.run("config", expect=78)
    assert reason in done.stderr
    assert "secret" not in done.stderr
