"""Log lines name nobody."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from scheduler import logs

ADA = "ada.lovelace+x@demo.example"


@pytest.fixture
def unconfigured() -> Iterator[None]:
    """Logging as it was before, afterwards; without the test runner's handlers meanwhile."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("unconfigured")
@pytest.mark.parametrize("as_json", [False, True])
def test_no_log_line_names_whom_an_address_belongs_to(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    logs.configure(logging.DEBUG, as_json=as_json)
    log = logging.getLogger("watchword.test")
    log.info("sent to %s and <%s>", ADA, ADA)
    try:
        raise ValueError(f"[parameters: ('{ADA}',)]")
    except ValueError:
        log.exception("a job failed")
    shown = capsys.readouterr().err
    assert "ada" not in shown
    assert "sent to …@demo.example and <…@demo.example>" in shown.replace("\\u2026", "…")
    assert "ValueError: [parameters: ('…@demo.example',)]" in shown.replace("\\u2026", "…")
    if as_json:
        assert all(json.loads(line)["level"] for line in shown.splitlines())


@pytest.mark.usefixtures("unconfigured")
def test_an_error_of_the_engine_takes_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It logs the stack of each of its connections when the database is restarted."""
    logs.configure()
    log = logging.getLogger("procrastinate.worker")
    try:
        raise ValueError("\n    Database error.\n") from OSError("shutting down")
    except ValueError as error:
        log.exception("listener error: %r", error)
    assert (
        capsys.readouterr()
        .err.rstrip()
        .endswith("listener error: ValueError('\\n Database error.\\n'): shutting down")
    )
