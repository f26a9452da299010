"""Whether the time of an answer tells what somebody watches or who is subscribed.

    python -m benchmarks.timing [REQUESTS]

For each kind of request, 2,000 about what is known and 2,000 about what is not are sent in random
order, each from a network of its own, to a server in a process of its own. Their answers must be
the same in status, headers and body. The difference of the medians of their times is compared with
the differences that 2,000 random relabellings of the same times give. What is outside of nearly all
of those and above the bound fails. ``docs/explanation/threat-model.md`` says why.
"""

from __future__ import annotations

import http.client
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from html import unescape
from pathlib import Path
from re import search
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from alerts.feeds import FeedContext, FeedIdentity, publish_feeds
from alerts.ledger import open_ledger
from alerts.mail import MailIdentity
from alerts.matching import TopicMatcher
from alerts.operator import ServiceStatus
from alerts.rendering import Templates
from alerts.subscribers import SubscriberDefaults
from alerts.web import WebContext, create_app
from benchmarks.sample_ledger import NOW
from benchmarks.twins import CASES, Answer, Case, Form, Twins, ask, build_twins
from crawler.storage import LocalFolder
from scheduler.web import serve

_REQUESTS = 2000
#: Phrases and addresses of each kind: each is asked about ten times.
_NUMBER = 200
#: Requests at once, where each waits for a quarter of a second anyway.
_WAITING_CLIENTS = 16
_RELABELLINGS = 2000
#: A difference is noise where so large a share of the relabellings have a smaller one.
_CONFIDENCE = 0.999
#: Seconds. The least difference that counts: over the internet, where times spread by a
#: millisecond or more, one this small takes thousands of requests to see, and the limits allow
#: 1,200 in ten minutes.
_BOUND = 0.0001
#: The server's clock runs so much faster that no hourly or daily limit is reached.
_CLOCK_SPEED = 3600
#: Seconds for which a form's token is used; it is valid for 168 at that speed.
_FORM_AGE = 30
_SITE = "https://watch.example"
_FEEDS = FeedIdentity("Watchword", "watch.example,2026", "https://replica.example", _SITE)
_MAIL = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", _SITE)


def run_server(folder: Path) -> None:
    """Serve the ledger in ``folder``; print the address, and end with standard input."""
    began = time.monotonic()
    context = WebContext(
        name="Watchword",
        domain="demo.example",
        subscriber_defaults=SubscriberDefaults("Europe/London", 7),
        ledger=open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}"),
        templates=Templates(),
        feeds_folder=LocalFolder(folder / "feeds"),
        clock=lambda: NOW + _CLOCK_SPEED * timedelta(seconds=time.monotonic() - began),
        read_status=lambda: ServiceStatus(now=NOW, sources=(), messages={}),
        mail_identity=_MAIL,
        feed_identity=_FEEDS,
        is_sign_up_enabled=True,
    )
    with serve(create_app(context), trusted_proxies=("127.0.0.1",)) as url:
        print(url, flush=True)
        sys.stdin.read()


@contextmanager
def start_server(folder: Path) -> Iterator[str]:
    """Run :func:`run_server` in a process of its own; yield its address."""
    command = [sys.executable, "-m", "benchmarks.timing", "--serve", str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


class Client:
    """A client with one connection that is kept open."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._form: tuple[float, str, Form] | None = None

    def send(
        self, method: str, path: str, body: bytes, kind: str, headers: Mapping[str, str]
    ) -> tuple[int, Message, bytes]:
        """Send a request and read its answer."""
        sent = {**headers, **({"Content-Type": kind} if kind else {})}
        self._connection.request(method, path, body or None, sent)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get_form(self, page: str) -> Form:
        """Return the token and cookie of a form, asked for now and then."""
        if self._form and self._form[1] == page and time.monotonic() - self._form[0] < _FORM_AGE:
            return self._form[2]
        _, headers, html = self.send("GET", page, b"", "", name_network(random.randrange(2**16)))
        hidden = search(r'name="csrf" value="([^"]*)"', html.decode())
        assert hidden is not None
        form = Form(unescape(hidden[1]), headers["Set-Cookie"].partition(";")[0])
        self._form = (time.monotonic(), page, form)
        return form


def name_network(number: int) -> dict[str, str]:
    """Return the header that names a client in a network of its own."""
    return {"X-Forwarded-For": f"{11 + number // 65536}.{number // 256 % 256}.{number % 256}.9"}


@dataclass(frozen=True)
class Measurement:
    """The answers and times of one kind of request."""

    answers: dict[bool, set[Answer]]
    known: NDArray[Any]  #: seconds
    unknown: NDArray[Any]


def measure(url: str, case: Case, twins: Twins, requests: int) -> Measurement:
    """Send requests about what is known and what is not, in random order."""
    known, unknown = (
        (twins.known_addresses, twins.unknown_addresses)
        if case.is_about_address
        else (twins.known_phrases, twins.unknown_phrases)
    )
    work = [(True, known[n % len(known)]) for n in range(requests)]
    work += [(False, unknown[n % len(unknown)]) for n in range(requests)]
    random.Random(case.name).shuffle(work)
    clients = _WAITING_CLIENTS if case.page else 1
    with ThreadPoolExecutor(clients) as pool:
        parts = [pool.submit(_run, url, case, work[n::clients], n * 4000) for n in range(clients)]
        results = [result for part in parts for result in part.result()]
    answers: dict[bool, set[Answer]] = {True: set(), False: set()}
    times: dict[bool, list[float]] = {True: [], False: []}
    for is_known, seconds, answer in results:
        answers[is_known].add(answer)
        times[is_known].append(seconds)
    return Measurement(answers, np.array(times[True]), np.array(times[False]))


def _run(
    url: str, case: Case, work: Sequence[tuple[bool, str]], first: int
) -> list[tuple[bool, float, Answer]]:
    client, results = Client(url), []
    for number, (is_known, about) in enumerate(work, first):
        form = client.get_form(case.page) if case.page else None
        began = time.perf_counter()
        answer = ask(client.send, case, about, name_network(number), form)
        results.append((is_known, time.perf_counter() - began, answer))
    return results


def find_noise(measured: Measurement) -> float:
    """Return the difference of medians that random relabellings seldom exceed, in seconds."""
    everything = np.concatenate([measured.known, measured.unknown])
    draw = np.random.default_rng(1)
    differences = []
    for _ in range(_RELABELLINGS):
        draw.shuffle(everything)
        one, other = everything[: len(measured.known)], everything[len(measured.known) :]
        differences.append(abs(float(np.median(one)) - float(np.median(other))))
    return float(np.quantile(differences, _CONFIDENCE))


def report(case: Case, measured: Measurement) -> bool:
    """Print what was measured; return whether known and unknown cannot be told apart."""
    difference = float(np.median(measured.known) - np.median(measured.unknown))
    noise = find_noise(measured)
    is_same = measured.answers[True] == measured.answers[False]
    is_hidden = abs(difference) <= max(noise, _BOUND)
    print(
        f"{case.name:20} {np.median(measured.known) * 1e3:8.3f} ms"
        f" {np.median(measured.unknown) * 1e3:8.3f} ms"
        f" {difference * 1e6:+8.1f} µs, noise {noise * 1e6:7.1f} µs"
        f"  {'same answers' if is_same else 'ANSWERS DIFFER'}"
        f"{'' if is_hidden else ', TIMES DIFFER'}"
    )
    return is_same and is_hidden


def main(requests: int = _REQUESTS) -> int:
    """Measure all kinds of requests; return 1 where one of them tells something."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
        twins = build_twins(ledger, NOW, _NUMBER)
        TopicMatcher(ledger).match_new_changes()
        publish_feeds(ledger, LocalFolder(folder / "feeds"), FeedContext(_FEEDS, Templates()))
        ledger.engine.dispose()
        print(f"{requests} requests of each kind: known, unknown, difference of medians")
        with start_server(folder) as url:
            hidden = [report(case, measure(url, case, twins, requests)) for case in CASES]
    return 0 if all(hidden) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        run_server(Path(sys.argv[2]))
    else:
        sys.exit(main(*map(int, sys.argv[1:])))
