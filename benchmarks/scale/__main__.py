"""Print it all, or some parts: ``python -m benchmarks.scale --parts day --subscribers 1000000``."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alerts.mail import MailIdentity, read_key
from benchmarks.idle import measure_idle
from benchmarks.processor_time import describe_load
from benchmarks.sample_subscribers import measure_digests
from benchmarks.scale.crew import Site
from benchmarks.scale.crowd import CrowdPlan
from benchmarks.scale.day import measure_day
from benchmarks.scale.sink import find_sink, run_sink
from benchmarks.scale.topics import measure_topics
from benchmarks.scale.workers import measure_workers
from tests.support.postgres import (
    EMPTY_LEDGER,
    RunningCluster,
    create_database,
    find_server_programs,
    make_empty_ledger,
    run_cluster,
)

PARTS = ("topics", "embedded", "workers", "idle", "day")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts that are wanted."""
    wanted = _parse(arguments)
    print(f"{describe_load()} before the start")
    if "topics" in wanted.parts:
        measure_topics(wanted.subscriptions)
    if "embedded" in wanted.parts:
        _measure_embedded(wanted.crew_subscribers)
    if "idle" in wanted.parts:
        measure_idle(wanted.idle_rounds, wanted.idle_part)
    if not {"workers", "day"}.isdisjoint(wanted.parts):
        _measure_cluster(wanted)


def _measure_cluster(wanted: argparse.Namespace) -> None:
    plan = CrowdPlan(wanted.subscribers)
    with _run_servers() as found:
        if found is None:
            print("compose, deliver, day: left out, since PostgreSQL or Postfix is not installed")
            return
        server, site = found
        if "workers" in wanted.parts:
            print(f"{wanted.crew_subscribers:,} subscribers, one process beside several")
            with create_database(server.url, EMPTY_LEDGER) as url:
                crowd = CrowdPlan(wanted.crew_subscribers)
                measure_workers(server, _make_site(site, url), crowd, wanted.workers)
        if "day" in wanted.parts:
            print(f"a day of {plan.subscribers:,} subscribers, {plan.questions} questions")
            with create_database(server.url, EMPTY_LEDGER) as url:
                measure_day(server, _make_site(site, url), plan)


def _measure_embedded(subscribers: int) -> None:
    """Print what ``watchword run`` takes for digests, with one process and with two."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "dkim.pem"
        _create_key(key)
        identity = MailIdentity(
            *("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"),
            signing_keys=(read_key(key, "bench", "demo.example"),),
        )
        measure_digests(subscribers, identity, Path(folder))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks.scale", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--subscribers", type=int, default=100_000, help="of the day; a million take half an hour"
    )
    parser.add_argument(
        "--crew-subscribers", type=int, default=30_000, help="that several processes share"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--subscriptions", type=int, nargs="+", default=[1_000_000, 5_000_000, 10_000_000]
    )
    parser.add_argument("--idle-rounds", type=int, default=240)
    parser.add_argument("--idle-part", type=int, default=1, help="of a million subscriptions: 1/n")
    return parser.parse_args(arguments)


def _make_site(site: Site, url: str) -> Site:
    """Return a site with another ledger, and a new folder."""
    return msgspec.structs.replace(site, url=url, folder=Path(tempfile.mkdtemp(dir=site.folder)))


@contextmanager
def _run_servers() -> Iterator[tuple[RunningCluster, Site] | None]:
    """Run a PostgreSQL server with an empty ledger and a mail server; None where one is missing."""
    programs, sink = find_server_programs(), find_sink()
    if programs is None or sink is None:
        yield None
        return
    with (
        run_cluster(programs) as server,
        run_sink(sink) as port,
        tempfile.TemporaryDirectory() as folder,
    ):
        make_empty_ledger(server.url)
        key = Path(folder) / "dkim.pem"
        _create_key(key)
        yield server, Site(f"{server.url}/{EMPTY_LEDGER}", Path(folder), key, port)


def _create_key(path: Path) -> None:
    """Write an RSA key of 2,048 bits, with which most senders sign."""
    private = rsa.generate_private_key(65537, 2048)
    path.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )


if __name__ == "__main__":
    main()
