"""Log lines of real runs: each has its fields, and none names a subscriber."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from alerts.refusals import mask_addresses
from crawler.event_log import Redaction, build_formatter, get_logger
from tests.support.service import ServiceFolder, build_config, run_replica
from tests.support.smtp_server import run_smtp_server

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
PEOPLE = "".join(
    f'[[subscriptions]]\nemail = "{who}@x.example"\nquery = "VRU"\nevery = "immediate"\n'
    for who in ("ada", "bea")
)


def read_lines(text: str) -> list[dict[str, Any]]:
    """Each line as JSON, with what every line has."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        moment = datetime.fromisoformat(line["ts"])
        assert moment.utcoffset() is not None
        assert line["level"] in {"info", "warning", "error"}
        assert line["logger"]
        assert "=" not in line["event"], line  # facts are fields
    return found


@pytest.mark.process
@pytest.mark.parametrize("way", ["option", "config"])
def test_every_line_of_a_run_is_an_event_with_fields(way: str, tmp_path: Path) -> None:
    with run_replica() as replica, run_smtp_server() as server:
        server.script = {"RCPT": "450 <ada@x.example> is busy, ask bea@x.example"}
        mail = (
            '[mail]\nchannel = "smtp"\nfrom_address = "w@demo.example"\n[channels.smtp]\n'
            f'host = "127.0.0.1"\nport = {server.port}\nsecurity = "none"\n'
        )
        config = build_config(replica.url) + PEOPLE + mail
        options = ["-v", "--log-json"] if way == "option" else ["-v"]
        service = ServiceFolder(tmp_path, config + '[log]\nformat = "json"\n' * (way == "config"))
        lines = read_lines(service.run(*options, "once").stderr)
        replica.go_to_stage(1)
        replica.faults.maintenance = True
        lines += read_lines(service.run(*options, "once", expect=None).stderr)
        replica.faults.maintenance = False
        lines += read_lines(service.run(*options, "once", expect=None).stderr)
    events = {line["event"]: line for line in lines}
    assert events["crawl starts"]["source"] == "london"
    assert {"ok", "changed"} <= {x.get("verdict") for x in lines if x["event"] == "crawl ended"}
    assert events["a round ended"]["digests"] == 3
    assert events["a round ended"]["deliveries"] == {"retry": 3}
    assert not [line for line in lines if ADDRESS.search(json.dumps(line))]


@pytest.mark.process
def test_a_source_that_cannot_be_reached_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path, build_config("http://127.0.0.1:1"))
    lines = read_lines(service.run("-v", "--log-json", "once", expect=69).stderr)
    [ended] = [line for line in lines if line["event"] == "crawl ended"]
    assert ended["verdict"] == "unreachable"
    assert "Connection was refused" in ended["reason"]
    assert not [line for line in lines if "line" in line]  # that the crawl's process printed


def format_record(record: logging.LogRecord, log_format: Any) -> str:
    assert Redaction(mask_addresses).filter(record)
    return build_formatter(log_format).format(record)


def test_fields_are_redacted_and_keep_their_types(caplog: pytest.LogCaptureFixture) -> None:
    log = get_logger("watchword.test")
    with caplog.at_level(logging.INFO, "watchword.test"):
        log.info(
            "100% done",
            number=3,
            share=0.5,
            none=None,
            names=("ada@x.example", Path("/x")),
            table={"to": ["bea@x.example"]},
            level="of the event",
        )
        log.debug("not shown")
    [record] = caplog.records
    assert record.getMessage().startswith("100% done: number=3 share=0.5 ")
    line = json.loads(format_record(record, "json"))
    del line["ts"]
    assert line == {
        "level": "info",
        "event": "100% done",
        "logger": "watchword.test",
        "number": 3,
        "share": 0.5,
        "none": None,
        "names": ["…@x.example", "/x"],
        "table": {"to": ["…@x.example"]},
        "level_": "of the event",
    }


def test_lines_for_people_have_date_zone_level_and_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    get_logger("watchword.test").warning("a job failed", reason="no\nroom", job="match", empty="")
    try:
        raise ValueError("ada@x.example")
    except ValueError:
        logging.getLogger("scrapy.core").exception("cannot read %s", "a page")
    ours, theirs = (format_record(record, "console") for record in caplog.records)
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
    said = 'a job failed: reason="no room" job=match empty=""'
    assert re.fullmatch(rf"{moment} warning {re.escape(said)}", ours)
    first, *traceback = theirs.splitlines()
    assert re.fullmatch(rf"{moment} error   scrapy\.core: cannot read a page", first)
    assert traceback[-1] == "ValueError: …@x.example"
