"""One more channel, frequency, kind of change or config key is one edit, and is found everywhere.

A channel is a file that is added. The others are lines that are added to a copy of their table; the
program is run with it in a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from alerts.delivery import channels
from alerts.recording import QuestionReading, RecordingRules, record_readings
from alerts.rendering import question_path
from alerts.web import create_app
from crawler.records import Question, encode_record
from scheduler.cli import watchword
from scheduler.config import load_config
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import Service, open_service
from scheduler.web import build_web_context, serve
from tests.support.edited_program import EditedProgram
from tests.support.paths import REPOSITORY
from tests.support.samples import make_answer, make_question
from tests.support.service import read_emails
from tools.docs import build_documents

PIGEON = '''
"""Messages as files in a loft."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from alerts.delivery.channel import ChannelSettings
from alerts.secret import Secret


class PigeonSettings(ChannelSettings, frozen=True):
    schemes: ClassVar[frozenset[str]] = frozenset({"pigeon"})

    ring: Secret
    loft: Path = Path("loft")
    height: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100

    @contextmanager
    def open(self) -> Iterator["Pigeon"]:
        yield Pigeon(self)


class Pigeon:
    def __init__(self, settings):
        self.settings = settings

    def deliver(self, envelope, before_handover):
        before_handover()
        name = envelope.recipient.rpartition("/")[2]
        head = f"{self.settings.ring.reveal()} {self.settings.height}\\n".encode()
        (self.settings.loft / name).write_bytes(head + envelope.body)
        return "flown"
'''

CONFIG = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[digests]
batch_minutes = 0
[channels.pigeon]
{settings}
"""


@pytest.fixture
def pigeon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service whose channels have one module more."""
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin" / "pigeon.py").write_text(PIGEON)
    paths = [*channels.__path__, str(tmp_path / "plugin")]
    monkeypatch.setattr(channels, "__path__", paths)
    monkeypatch.delitem(sys.modules, "alerts.delivery.channels.pigeon", raising=False)
    monkeypatch.setenv("WATCHWORD_CHANNELS_PIGEON_RING", "GB 2026")
    return tmp_path


def run(folder: Path, *arguments: str, settings: str = "") -> tuple[int, str]:
    """Run a command in this process, in which the new module can be found."""
    (folder / "config.toml").write_text(CONFIG.format(settings=settings))
    command = ["--config", str(folder / "config.toml"), *arguments]
    result = CliRunner().invoke(watchword, command, standalone_mode=False)
    status = result.return_value if result.exception is None else 1
    return status, f"{result.output}{result.exception or ''}"


@pytest.mark.slow
def test_one_file_is_a_channel(pigeon: Path) -> None:
    (pigeon / "loft").mkdir()
    (pigeon / "records.jsonl").write_bytes(
        encode_record(make_question(1, make_answer("More benches.")))
    )
    subscribed = run(pigeon, "subscribe", "pigeon://roof/ada", "benches", "--every", "immediate")
    assert subscribed[0] == 0, subscribed[1]
    ingested = run(pigeon, "ingest", "--as-new", str(pigeon / "records.jsonl"), settings="height=9")
    assert ingested[0] == 0, ingested[1]
    text = (pigeon / "loft" / "ada").read_text()
    assert text.startswith("GB 2026 9\n{")
    assert "/questions/1" in text


@pytest.mark.slow
def test_the_channel_of_the_documentation_delivers(pigeon: Path) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "add-a-channel.md").read_text()
    (pigeon / "plugin" / "drop.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    settings = page.partition("```toml\n")[2].partition("```")[0]
    (pigeon / "drop").mkdir()
    (pigeon / "records.jsonl").write_bytes(
        encode_record(make_question(1, make_answer("More benches.")))
    )
    subscribed = run(
        pigeon, "subscribe", "drop://here/ada", "benches", "--every", "immediate", settings=settings
    )
    assert subscribed[0] == 0, subscribed[1]
    ingested = run(pigeon, "ingest", "--as-new", str(pigeon / "records.jsonl"), settings=settings)
    assert ingested[0] == 0, ingested[1]
    assert "/questions/1" in (pigeon / "drop" / "ada").read_text()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("height = 501", "channels.pigeon.height: expected 1 to 500, got 501"),
        ("hight = 3", "unknown key channels.pigeon.hight (did you mean height?)"),
        ("[channels.pidgeon]", "unknown section channels.pidgeon (did you mean pigeon?)"),
        ('[mail]\nchannel = "pigeon"', "there is no channel 'pigeon'; there are: maildir, smtp"),
    ],
)
def test_its_section_is_validated(pigeon: Path, settings: str, says: str) -> None:
    assert says in run(pigeon, "config", settings=settings)[1]


def test_a_scheme_has_one_channel(pigeon: Path) -> None:
    """Otherwise it would depend on the order of the sections which one delivers."""
    owl = PIGEON.replace("Pigeon", "Owl").replace("ring: Secret", 'ring: Secret = Secret("x")')
    (pigeon / "plugin" / "owl.py").write_text(owl)
    shown = run(pigeon, "config", settings="[channels.owl]")[1]
    assert "channels.owl: pigeon:// is carried by channels.pigeon already" in shown


@pytest.mark.slow
def test_it_is_documented(pigeon: Path) -> None:
    """The reference and the example get its section, the example its keys as comments."""
    documents = build_named_documents(pigeon)
    assert "### `[channels.pigeon]`" in documents["configuration.md"]
    assert "| `height` | 1 to 500; `100` |" in documents["configuration.md"]
    assert "# [channels.pigeon]\n" in documents["config.example.toml"]
    assert "# height = 100\n" in documents["config.example.toml"]


def build_named_documents(_folder: Path) -> dict[str, str]:
    """Return what `make docs` would write, by the name of the file."""
    return {path.name: text for path, text in build_documents().items()}


BASE = """
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[digests]
batch_minutes = 0
[site]
public_url = "https://watch.example"
{site}
[web]
sign_up = true
[[subscriptions]]
email = "ada@demo.example"
query = "benches"
every = "{every}"
"""


@pytest.fixture
def program(tmp_path: Path) -> EditedProgram:
    return EditedProgram(tmp_path)


def write_config(folder: Path, every: str = "immediate", site: str = "") -> None:
    (folder / "config.toml").write_text(BASE.format(every=every, site=site))


class Clock:
    """A clock that the test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def open_clocked_service(folder: Path, now: datetime) -> tuple[Service, Clock]:
    clock = Clock(now)
    service = open_service(load_config(folder / "config.toml"), clock)
    sync_config(service)
    return service, clock


def process(service: Service, *questions: Question) -> None:
    """Record questions as new, and do all that follows, up to the delivery."""
    with service.ledger.writing() as connection:
        readings = [QuestionReading(question) for question in questions]
        record_readings(connection, readings, service.clock(), RecordingRules())
    run_pipeline(service)


@contextmanager
def serve_pages(service: Service) -> Iterator[str]:
    with serve(create_app(build_web_context(service))) as url:
        yield url


def read_page(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
        return text


QUARTERLY = """
    QUARTERLY = (
        "quarterly",
        FrequencyInfo(
            "Every quarter, on the first day",
            CalendarDay(lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)),
        ),
    )
"""


def use_quarterly(folder: Path) -> dict[str, Any]:
    """Send the first digest on 16 July, and the next one when the quarter begins."""
    service, clock = open_clocked_service(folder, datetime(2026, 7, 16, 12, tzinfo=UTC))
    process(service, make_question(1, make_answer("More benches.")))
    due = datetime(2026, 10, 1, 6, tzinfo=UTC)  # 07:00 in London
    sent = []
    for now in (clock.now + timedelta(hours=1), due - timedelta(minutes=1), due):
        clock.now = now
        process(service, make_question(2, make_answer("Other benches.")))
        sent.append(len(read_emails(folder / "var" / "mail")))
    with serve_pages(service) as url:
        form = read_page(f"{url}/search?q=benches")
    return {"sent": sent, "form": form}


@pytest.mark.process
def test_a_frequency_is_one_member(program: EditedProgram) -> None:
    program.edit("alerts.model", "    MEETING = ", QUARTERLY)
    write_config(program.folder, "quarterly")
    command = ("subscribe", "bea@demo.example", "ferry", "--every")
    program.run(*command, "quarterly")
    assert "quarterly" in program.run("subscriptions")
    assert "|quarterly|" in program.run("subscribe", "--help")
    assert "'monthly', 'quarterly'" in program.run(*command, "yearly", expect=64)
    used = program.call(use_quarterly)
    assert used["sent"] == [1, 1, 2]
    assert '<option value="quarterly">Every quarter, on the first day</option>' in used["form"]
    documents = program.call(build_named_documents)
    assert '"quarterly" or "meeting"' in documents["configuration.md"]
    assert "| `quarterly` | Every quarter, on the first day |" in documents["delivery.md"]


RETITLED = """
    RETITLED = (
        "retitled",
        ChangeKindInfo(
            rank=45,
            label="New title",
            counted=("%(number)s new title", "%(number)s new titles"),
            snippet_fields=_QUESTION_FIRST,
            updates="asked",
        ),
    )
"""
FIND_RETITLED = """
    if stored.title != reading.title:
        return (Change(ChangeKind.RETITLED, hash_content(reading), reading, stored),)
"""


def use_retitled(folder: Path) -> dict[str, Any]:
    """Record a question, then the same with another title."""
    service, clock = open_clocked_service(folder, datetime(2026, 7, 16, 12, tzinfo=UTC))
    process(service, make_question(1, make_answer("More benches.")))
    clock.now += timedelta(hours=1)
    process(service, make_question(1, make_answer("More benches."), title="Better benches"))
    with serve_pages(service) as url:
        return {
            "subjects": [mail["Subject"] for mail in read_emails(folder / "var" / "mail")],
            "text": read_emails(folder / "var" / "mail")[-1].as_string(),
            "feed": (folder / "var" / "feeds" / "benches.rss.xml").read_text(),
            "new questions": read_page(f"{url}/feeds/benches.rss.xml?only=asked"),
            "page": read_page(url + question_path("london:/questions/1")),
            "changes": json.loads(read_page(f"{url}/api/v1/changes")),
            "openapi": read_page(f"{url}/api/openapi.json"),
        }


@pytest.mark.process
def test_a_kind_of_change_is_one_member(program: EditedProgram) -> None:
    """And the rule that finds it, which is what is new about it."""
    program.edit("alerts.model", "    WITHDRAWN = ", RETITLED)
    program.edit("alerts.questions.changes", "    if _has_more_answers(", FIND_RETITLED)
    write_config(program.folder)
    used = program.call(use_retitled)
    assert sorted(used["subjects"]) == ["benches: 1 answer", "benches: 1 new title"]
    assert "New title: Better benches" in used["feed"]
    assert "New title: Better benches" in used["new questions"]
    assert "<b>New title</b>" in used["page"]
    assert [change["kind"] for change in used["changes"]["changes"]][-1] == "retitled"
    assert "retitled" in used["openapi"]
    assert "Better benches" in program.run("search", "change:retitled")
    documents = program.call(build_named_documents)
    assert "| New title | `change:retitled` |" in documents["queries.md"]


MOTTO = """
    #: shown below the name
    motto: Annotated[str, msgspec.Meta(max_length=40)] = "Asked and answered"
"""


@pytest.mark.process
def test_a_config_key_is_one_field(program: EditedProgram) -> None:
    program.edit("scheduler.config.sections", "    #: where the web pages", MOTTO)
    write_config(program.folder)
    assert json.loads(program.run("config"))["site"]["motto"] == "Asked and answered"
    write_config(program.folder, site='motto = "Who asked?"')
    assert json.loads(program.run("config"))["site"]["motto"] == "Who asked?"
    write_config(program.folder, site="motto = 3")
    assert "site.motto: expected text, got a whole number" in program.run("config", expect=78)
    write_config(program.folder, site='moto = "Who asked?"')
    assert "did you mean motto?" in program.run("config", expect=78)
    documents = program.call(build_named_documents)
    row = '| `motto` | text; `"Asked and answered"` | shown below the name |'
    assert row in documents["configuration.md"]
    site = documents["config.example.toml"].partition("[site]")[2].partition("\n[")[0]
    assert '# shown below the name\n# motto = "Asked and answered"\n' in site
