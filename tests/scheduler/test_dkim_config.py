"""DKIM set up by the operator: keys, the DNS records to publish, and signatures that verify."""

from __future__ import annotations

import re
from pathlib import Path

import dkim
import pytest

from crawler.records import encode_record
from tests.support.private_keys import write_key
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder
from tests.support.smtp_server import run_smtp_server

pytestmark = pytest.mark.process

QUIET = '[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
DKIM = '[[mail.dkim]]\nselector = "{0}"\nkey = "{0}.pem"\n'


def test_messages_verify_with_the_published_keys(tmp_path: Path) -> None:
    with run_smtp_server() as server:
        config = (
            f'{QUIET}[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n'
            f"{DKIM.format('one')}{DKIM.format('two')}"
            f'[channels.smtp]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
        )
        write_key(tmp_path / "one.pem", "rsa")
        write_key(tmp_path / "two.pem", "ed25519")
        service = ServiceFolder(tmp_path, config)
        service.run("subscribe", "vera@demo.example", "benches", "--every", "immediate")
        record = make_question(1, make_answer("More benches.\n.\n. A line with a dot in front."))
        (tmp_path / "records.jsonl").write_bytes(encode_record(record))
        service.run("ingest", "--as-new", "records.jsonl")
        (message,) = server.messages
        zone = service.run("dns", "--offline").stdout
    records = {
        name.encode(): "".join(re.findall('"([^"]*)"', text)).encode()
        for name, text in re.findall(r"^(\S+\.) TXT (.*)$", zone, re.MULTILINE)
    }
    assert set(records) == {
        *(b"one._domainkey.demo.example.", b"two._domainkey.demo.example."),
        *(b"demo.example.", b"_dmarc.demo.example."),
    }
    for place in range(2):
        verifier = dkim.DKIM(message)
        assert verifier.verify(idx=place, dnsfunc=lambda name, **_: records.get(name))
    assert max(len(text) for text in re.findall('"([^"]*)"', zone)) <= 255


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (DKIM.format("one"), "mail.dkim[0].key: "),
        ('[[mail.dkim]]\nselector = "a b"\nkey = "x"\n', "mail.dkim[0].selector: expected"),
        ('[[mail.dkim]]\nselector = "a"\n', "mail.dkim[0]"),
    ],
)
def test_the_error_names_an_unusable_key(tmp_path: Path, section: str, says: str) -> None:
    done = ServiceFolder(tmp_path, QUIET + section).run("config", expect=78)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_key_the_records_say_so(tmp_path: Path) -> None:
    shown = ServiceFolder(tmp_path, QUIET).run("dns", "--offline").stdout
    assert "messages are not signed" in shown
