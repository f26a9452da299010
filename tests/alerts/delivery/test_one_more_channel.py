"""One more channel is one file: found, validated, subscribed to, and delivered by."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from alerts.delivery import channels
from crawler.records import encode_record
from scheduler.cli import watchword
from tests.support.samples import make_answer, make_question

PIGEON = '''
"""Messages as files in a loft."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from alerts.delivery.channel import ChannelSettings
from alerts.model import Secret


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
