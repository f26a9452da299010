"""Log lines name nobody."""

from __future__ import annotations

import json
import logging

import pytest

from scheduler import logs

ADA = "ada.lovelace+x@demo.example"


@pytest.mark.parametrize("as_json", [False, True])
def test_no_log_line_names_whom_an_address_belongs_to(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        logs.configure(logging.DEBUG, as_json=as_json)
        log = logging.getLogger("watchword.test")
        log.info("sent to %s and <%s>", ADA, ADA)
        try:
            raise ValueError(f"[parameters: ('{ADA}',)]")
        except ValueError:
            log.exception("a job failed")
    finally:
        root.handlers = handlers
        root.setLevel(level)
    shown = capsys.readouterr().err
    assert "ada" not in shown
    assert "sent to …@demo.example and <…@demo.example>" in shown.replace("\\u2026", "…")
    assert "ValueError: [parameters: ('…@demo.example',)]" in shown.replace("\\u2026", "…")
    if as_json:
        assert all(json.loads(line)["level"] for line in shown.splitlines())
