"""What came of an episode, as subscribers and visitors see it, and how two episodes differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from lxml import etree

from tests.chaos.system import READERS, SystemUnderChaos
from tests.support.service import count_sent_links

_ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True)
class Outcome:
    """What subscribers were sent, and what feeds and pages show."""

    sent: Counter[tuple[str, str]]  #: messages by address and question, copies counted once
    copies: int  #: messages that arrived again, unchanged
    changed_copies: int  #: messages that arrived again with other bytes
    feeds: dict[str, Counter[tuple[str, str]]]  #: titles and links, by feed file
    changes: Counter[tuple[str, str]]  #: questions and kinds of change, as the API lists them


def collect_outcome(system: SystemUnderChaos) -> Outcome:
    """Return what came of an episode whose daemon runs."""
    by_id: dict[str, set[bytes]] = {}
    for body in system.mail_server.messages:
        by_id.setdefault(str(message_from_bytes(body)["Message-ID"]), set()).add(body)
    mails = [message_from_bytes(next(iter(some)), policy=default) for some in by_id.values()]
    sent = count_sent_links([mail for mail in mails if mail["To"] in READERS])
    return Outcome(
        sent=sent,
        copies=len(system.mail_server.messages) - len(by_id),
        changed_copies=sum(len(bodies) - 1 for bodies in by_id.values()),
        feeds=_read_feeds(system.folder / "var" / "feeds"),
        changes=Counter(_list_changes(f"http://127.0.0.1:{system.port}")),
    )


def _read_feeds(folder: Path) -> dict[str, Counter[tuple[str, str]]]:
    found = {}
    for path in sorted(folder.rglob("*.atom.xml")):
        entries = etree.fromstring(path.read_bytes()).iter(f"{_ATOM}entry")
        found[path.name] = Counter(
            (entry.findtext(f"{_ATOM}title"), urlsplit(entry.find(f"{_ATOM}link").get("href")).path)
            for entry in entries
        )
    return found


def _list_changes(site: str, cursor: str = "") -> Iterator[tuple[str, str]]:
    with urlopen(f"{site}/api/v1/changes?limit=100{cursor}") as answer:
        page = json.load(answer)
    for change in page["changes"]:
        yield change["question"]["id"], change["kind"]
    if page["changes"]:  # there is always a cursor, to ask again later
        yield from _list_changes(site, f"&after={page['next']}")


def compare(outcome: Outcome, undisturbed: Outcome, *, may_double: bool) -> list[str]:
    """Return how ``outcome`` falls short of the undisturbed one, in words."""
    return [
        *_compare_sent(outcome, undisturbed),
        *_compare_copies(outcome, may_double=may_double),
        *_compare_counts("changes", outcome.changes, undisturbed.changes),
        *(
            difference
            for name in sorted({*outcome.feeds, *undisturbed.feeds})
            for difference in _compare_counts(
                name, outcome.feeds.get(name, Counter()), undisturbed.feeds.get(name, Counter())
            )
        ),
    ]


def _compare_sent(outcome: Outcome, undisturbed: Outcome) -> Iterator[str]:
    """Compare messages: how often where they come at once, else only whether at all."""
    for key in sorted({*outcome.sent, *undisturbed.sent}):
        address, question = key
        times, right = outcome.sent[key], undisturbed.sent[key]
        if READERS[address] != "immediate":
            times, right = min(times, 1), min(right, 1)
        if times != right:
            word = "lost" if times < right else "doubled"
            yield f"{word}: {address} was sent {question} {times} times, not {right}"


def _compare_copies(outcome: Outcome, *, may_double: bool) -> Iterator[str]:
    if outcome.changed_copies:
        yield f"doubled: {outcome.changed_copies} messages came again with other bytes"
    if outcome.copies and not may_double:
        yield f"doubled: {outcome.copies} messages came again, and no fault explains it"


def _compare_counts(
    name: str, found: Counter[tuple[str, str]], right: Counter[tuple[str, str]]
) -> Iterator[str]:
    for entry, count in (right - found).items():
        yield f"{name}: lacks {count} of {entry}"
    for entry, count in (found - right).items():
        yield f"{name}: has {count} too many of {entry}"
