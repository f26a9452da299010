"""A service as its operator has it: a folder with a config, the real command, a replica to read."""

from __future__ import annotations

import io
import json
import logging
import mailbox
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from alerts.rendering import find_shipped_templates
from crawler.replica import ReplicaFaults, ReplicaWorld, build_demo_world, create_site
from scheduler import redaction
from scheduler.cli import main
from scheduler.web import serve
from tests.support.empty_ledger import place_empty_ledger
from tests.support.paths import WATCHWORD_COMMAND


class RunningReplica:
    """A running replica of the source whose clock the test sets."""

    def __init__(self, world: ReplicaWorld) -> None:
        self.world = world
        self.now = world.start
        self.site: Starlette = create_site(world, lambda: self.now, find_shipped_templates())
        self.url = ""

    def go_to_stage(self, stage: int) -> None:
        """Let the world be as it is from ``stage`` on; 0 is the baseline."""
        self.now = self.world.start + (timedelta(), *self.world.stages)[stage]

    @property
    def faults(self) -> ReplicaFaults:
        """The faults that the site shows."""
        shown: ReplicaFaults = self.site.state.faults
        return shown

    @property
    def requests(self) -> list[str]:
        """What was asked for since the last look."""
        seen: list[str] = list(self.site.state.requests)
        self.site.state.requests.clear()
        return seen


@contextmanager
def run_replica() -> Iterator[RunningReplica]:
    """The demo's world, from today on."""
    made = RunningReplica(build_demo_world(datetime.now(UTC)))
    with serve(made.site) as made.url:
        yield made


class ServiceFolder:
    """A folder with a config, and the command run in it.

    Its ledger is there, and empty, unless ``is_new``: then the first command makes it.
    """

    def __init__(self, folder: Path, config: str, *, is_new: bool = False) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        if "[digests]" not in config:  # a test does not wait for the next batch
            config += "\n[digests]\nbatch_minutes = 0\n"
        (folder / "config.toml").touch(mode=0o600)  # it may have a password
        (folder / "config.toml").write_text(config)
        if not is_new and not (folder / "var").exists() and "[ledger]" not in config:
            place_empty_ledger(folder / "var" / "ledger.sqlite3")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, running; its standard error can be read line by line."""
        return subprocess.Popen(
            [str(WATCHWORD_COMMAND), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the command in the background; kill it at the end if it still runs."""
        with self.start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """The command, run to its end, whose exit status must be ``expect`` unless that is None.

        It runs in this process, from the entry point on: starting Python and importing the
        libraries for each command took most of the time of these tests. :meth:`run_process` and
        :meth:`start` start a process, for what needs one.
        """
        done = _run_here(self.folder, arguments)
        assert expect in {None, done.returncode}, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run_process(self, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Like :meth:`run`, in a process of its own."""
        done = subprocess.run(
            [str(WATCHWORD_COMMAND), *arguments],
            cwd=self.folder,
            capture_output=True,
            check=False,
            text=True,
            timeout=100,
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def run_json(self, *arguments: str) -> Any:
        """What the command prints as JSON; with ``--json``, the data of its document."""
        printed = json.loads(self.run(*arguments).stdout)
        return printed["data"] if "--json" in arguments else printed

    @property
    def emails(self) -> list[EmailMessage]:
        """The emails in the service's Maildir."""
        return read_emails(self.folder / "var" / "mail")

    def read_feed(self, name: str) -> str:
        """A feed file's text."""
        return (self.folder / "var" / "feeds" / name).read_text()


#: Where commands that run in this process write. One pair for all, because click keeps every stream
#: that it has written to, with what is in it, for as long as the process lives.
_STREAMS = tuple(io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))


def _run_here(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run the command's entry point in ``folder`` with its output captured."""
    out, err = _STREAMS
    status = 0
    with (
        _logging_kept(),
        chdir(folder),
        redirect_stdout(out),
        redirect_stderr(err),
        _arguments(["watchword", *arguments]),
    ):
        try:
            main()
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        except Exception:  # noqa: BLE001  # reported as Python reports a defect at its end
            traceback.print_exc(file=err)
            status = 1
    return subprocess.CompletedProcess(list(arguments), status, *map(_take_text, _STREAMS))


def _take_text(stream: io.TextIOWrapper[io.BytesIO]) -> str:
    """Return what was written to a stream, and empty it."""
    stream.flush()
    text = stream.buffer.getvalue().decode()
    stream.seek(0)
    stream.truncate()
    return text


@contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    """Let ``sys.argv`` be the arguments of a command."""
    before = sys.argv
    sys.argv = arguments
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Undo what a command sets up for its log lines, and what is to be hidden in them."""
    root, ours = logging.getLogger(), logging.getLogger("watchword")
    handlers, levels = (root.handlers[:], ours.handlers[:]), (root.level, ours.level)
    root.handlers = []  # so that the command closes none of the test runner's handlers
    try:
        yield
    finally:
        redaction.hide([])
        root.handlers, ours.handlers = handlers
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


def read_emails(folder: Path) -> list[EmailMessage]:
    """The emails in a Maildir."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(folder, create=False)
    parser = BytesParser(policy=policy.default)
    return [parser.parsebytes(box.get_bytes(key)) for key in box.keys()]  # noqa: SIM118


def get_plain_text(mail: EmailMessage) -> str:
    """An email's plain text."""
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def count_sent_links(mails: list[EmailMessage]) -> Counter[tuple[str, str]]:
    """How often each person was sent each question, by the links to its source."""
    found: Counter[tuple[str, str]] = Counter()
    for mail in mails:
        for line in get_plain_text(mail).splitlines():
            is_source = line.startswith("http") and "/question/" not in line
            if is_source and "/find-an-answer/" in line:
                found[str(mail["To"]), line.rpartition("/")[2]] += 1
    return found


def build_config(source: str, *, people: int = 1, extra: str = "") -> str:
    """A config that reads ``source`` quickly, with some people who watch for VRU."""
    subscriptions = "".join(
        f"""
[[subscriptions]]
email = "reader{number}@demo.example"
query = 'VRU OR "violence reduction unit"'
every = "immediate"
"""
        for number in range(people)
    )
    return f"""
[sources.london]
url = "{source}"
delay_seconds = 0.01
days_back = 90
{extra}
{subscriptions}
"""
