"""The demo, headless, as ``watchword demo --once`` plays it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import feedparser
import pytest

from alerts.errors import ExitStatus
from tests.support.service import ServiceFolder, count_sent_links, read_emails

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo leaves."""
    folder = tmp_path_factory.mktemp("demo")
    printed = ServiceFolder(folder, "").run_json("demo", "--once", "--out", "shown", "--json")
    (folder / "printed.json").write_text(json.dumps(printed))
    return folder / "shown"


@pytest.fixture
def summary(shown: Path) -> Any:
    return json.loads((shown / "summary.json").read_text())


def test_the_summary_is_printed_as_json(shown: Path, summary: Any) -> None:
    assert json.loads((shown.parent / "printed.json").read_text()) == summary


def test_the_baseline_is_silent(summary: Any) -> None:
    first = summary["steps"][0]
    assert first["stage"] == "baseline"
    assert first["crawl"]["silent"] == first["crawl"]["asked"] + first["crawl"]["answered"] + 1
    assert first["pipeline"]["digests"] == 0


def test_then_everything_that_can_happen_happens(summary: Any) -> None:
    total = summary["total"]
    assert all(total[kind] for kind in ("asked", "holding", "answered", "corrected"))
    assert all(step["verdict"] == "ok" for step in summary["steps"])


def test_each_person_gets_each_piece_of_news_once(shown: Path, summary: Any) -> None:
    mails = read_emails(shown / "mail")
    assert len(mails) == summary["total"]["sent"] == summary["total"]["digests"]
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)
    # 1301 was asked, held and answered: three digests; nothing else comes more often.
    vera = {slug: n for (who, slug), n in count_sent_links(mails).items() if who.startswith("vera")}
    assert vera["violence-reduction-unit-and-youth-clubs-holidays"] == 3
    assert max(vera.values()) == 3
    assert not any("approval" in slug or "vruum" in slug for slug in vera)


def test_the_feeds_say_the_same(shown: Path) -> None:
    files = sorted((shown / "feeds").glob("*.xml"))
    assert files
    for file in files:
        feed = feedparser.parse(file.read_bytes())
        assert not feed.bozo, feed.get("bozo_exception")
        assert len({entry.id for entry in feed.entries}) == len(feed.entries) > 0


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear diary")
    done = ServiceFolder(tmp_path, "").run("demo", "--once", "--out", "mine", expect=65)
    assert "not from an earlier demo" in done.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_without_its_mail_server_the_demo_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['aiosmtpd'] = None; sys.argv = ['watchword', 'demo', '--once']; "
        "import scheduler.cli; scheduler.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == ExitStatus.CONFIG
    assert done.stderr == (
        "watchword: the demo needs aiosmtpd, which is not installed: "
        "pip install 'watchword[demo]'\n"
    )
