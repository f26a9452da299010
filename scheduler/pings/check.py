"""A check of a dead man's switch, and the pings of one run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit, urlunsplit

import requests

from alerts.delivery import BoundedSession
from alerts.recording import CrawlOutcome
from alerts.secret import SecretAddress, show_address
from crawler.event_log import get_logger
from scheduler.pings.recent_lines import RECENT_LINES
from scheduler.pings.settings import PingSettings

log = get_logger("watchword.pings")

#: Seconds to wait for an answer. Rounds and crawls wait meanwhile, every few minutes at most.
_TIMEOUT = 5.0
_GOOD_VERDICTS = frozenset(("ok", "empty"))


class RunPing:
    """The pings of one run; all of them bear its id."""

    def __init__(self, address: SecretAddress | None, section: PingSettings) -> None:
        """Prepare; send nothing.

        Args:
            address: Of the check; None: nothing is sent.
            section: How.
        """
        self._address, self._section = address, section
        self._run_id = str(uuid.uuid4())

    def start(self) -> None:
        """Say that the run begins, so that its length is measured."""
        self._send("/start", "")

    def succeed(self, summary: str) -> None:
        """Say that the run ended well."""
        self._send("", summary)

    def fail(self, summary: str) -> None:
        """Say that the run failed."""
        self._send("/fail", summary)

    def note(self, summary: str) -> None:
        """Send a line that says neither."""
        self._send("/log", summary)

    def end(self, exit_status: int) -> None:
        """Say with which exit status a command ended: 0 is a success."""
        self._send(f"/{exit_status}", f"exit status {exit_status}")

    def _send(self, suffix: str, summary: str) -> None:
        """Send a ping. One that does not arrive is logged: the switch notices by itself."""
        if self._address is None:
            return
        url = build_url(self._address.reveal(), suffix, self._run_id)
        most = round(self._section.body_kilobytes * 1000)
        body = RECENT_LINES.write_body(summary, most) if summary else b""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        try:
            with BoundedSession() as session:
                response = session.post(url, data=body, headers=headers, timeout=_TIMEOUT)
        except requests.RequestException as error:
            log.warning("a ping did not arrive", url=show_address(url), reason=type(error).__name__)
            return
        if not response.ok:
            log.warning("a ping was refused", url=show_address(url), status=response.status_code)


def build_url(address: str, suffix: str, run_id: str) -> str:
    """Return where a ping goes: the suffix is added to the path, and the id to the query."""
    parts = urlsplit(address)
    query = "&".join(filter(None, (parts.query, urlencode({"rid": run_id}))))
    path = parts.path.rstrip("/") + suffix
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


class CrawlPings:
    """The pings of the crawls of one source."""

    def __init__(self, section: PingSettings, source: str) -> None:
        """Prepare; ``{source}`` in the address stands for the name of the source."""
        address = section.crawl
        if address is not None:
            address = SecretAddress(address.reveal().replace("{source}", source), address.source)
        self._ping = RunPing(address, section)
        self._source = source

    def skip(self, reason: str) -> None:
        """Say why no crawl is made."""
        self._ping.note(f"no crawl of {self._source}: {reason}")

    @contextmanager
    def around(self) -> Iterator[list[CrawlOutcome]]:
        """Ping before and after a crawl, whose outcome is to be put into the list."""
        self._ping.start()
        outcomes: list[CrawlOutcome] = []
        try:
            yield outcomes
        except Exception as error:
            self._ping.fail(f"crawl of {self._source} failed: {type(error).__name__}")
            raise
        for outcome in outcomes:
            summary = f"crawl of {self._source}: {outcome.verdict}, {outcome.reason}"
            is_good = outcome.verdict in _GOOD_VERDICTS
            (self._ping.succeed if is_good else self._ping.fail)(summary)
