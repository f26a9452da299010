"""A service with something to lose: alerts, questions, captures, secrets, and a mail server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from alerts.ledger import Ledger, open_ledger
from alerts.ledger.snapshots import LedgerState, read_state
from crawler.records import encode_record
from scheduler.backup.manifest import BackupManifest, decode_manifest
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import SmtpServer

PASSWORD = "the operator's own password"
IMAP_PASSWORD = "swordfish-of-the-mailbox"


class BackedUpService(ServiceFolder):
    """A service that sends to a mail server, and the commands of its operator."""

    def __init__(self, folder: Path, server: SmtpServer, ledger_url: str | None = None) -> None:
        ledger = f'[ledger]\nurl = "{ledger_url}"\n' if ledger_url else ""
        super().__init__(
            folder,
            f"""{ledger}
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[mail]
channel = "smtp"
from_address = "w@demo.example"
[channels.smtp]
host = "127.0.0.1"
port = {server.port}
security = "none"
[web]
operator_password_file = "secrets/operator"
[imap]
password = "{IMAP_PASSWORD}"
""",
        )
        (folder / "secrets").mkdir(mode=0o700)
        (folder / "secrets" / "operator").write_text(f"{PASSWORD}\n")
        (folder / "secrets" / "operator").chmod(0o600)
        self.add_capture("london-20260716T120000-7.warc.gz", b"one page")

    def add_capture(self, name: str, content: bytes) -> Path:
        """Put a file into the archive."""
        path = self.folder / "var" / "captures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def ask(self, *numbers: int, deliver: bool = True) -> None:
        """Let the source have questions, and send what is due unless it may not be delivered."""
        made = (make_question(n, make_answer("More benches.")) for n in numbers)
        (self.folder / "records.jsonl").write_bytes(b"\n".join(map(encode_record, made)))
        if deliver:
            self.run("ingest", "--as-new", "records.jsonl")
            self.run("once", "--no-crawl")
        else:
            self.run("ingest", "--as-new", "records.jsonl", expect=None)

    @property
    def ledger(self) -> Ledger:
        """The ledger, which the caller closes."""
        return open_ledger(f"sqlite:///{self.folder / 'var' / 'ledger.sqlite3'}")

    def read_state(self) -> LedgerState:
        """What the ledger holds."""
        opened = self.ledger
        with opened.reading() as connection:
            found = read_state(connection)
        opened.close()
        return found


def list_backups(folder: Path) -> list[Path]:
    """The backups in a folder, whole or not, and drafts of them."""
    return sorted(path for path in folder.iterdir() if "watchword-" in path.name)


def read_manifest(backup: Path) -> BackupManifest:
    """The manifest of a backup."""
    return decode_manifest((backup / "manifest.json").read_bytes(), str(backup))


def count_sent(server: SmtpServer) -> Counter[int]:
    """How often each question was sent."""
    sent: Counter[int] = Counter()
    for mail in server.parsed_messages:
        text = str(mail.get_payload(0)) if mail.is_multipart() else str(mail.get_payload())
        for line in text.splitlines():
            if line.startswith("https://replica.example/questions/"):
                sent[int(line.rpartition("/")[2])] += 1
    return sent
