"""The step from match to feed: files that any web server can serve.

A file is replaced whole, and a topic is noted as published only afterwards; killed between the
two, the next run writes the very same bytes again.
"""

from __future__ import annotations

import os
from pathlib import Path

from alerts.feeds import build
from alerts.json_feed import Imprint
from alerts.ledger import Ledger, changes, matches, topics
from alerts.ledger.topics import Topic
from alerts.rendering import Templates

#: Entries in a feed; readers poll a few times a day.
ENTRIES = 50


def publish(ledger: Ledger, folder: Path, imprint: Imprint, templates: Templates) -> int:
    """Write the feeds that lack a match into ``folder``; how many. All, where it is missing."""
    with ledger.reading() as connection:
        lost = not folder.is_dir()
        stale = topics.watched(connection) if lost else topics.unpublished(connection)
    folder.mkdir(parents=True, exist_ok=True)
    for topic in stale:
        _publish_one(ledger, folder, topic, imprint, templates)
    return len(stale)


def _publish_one(
    ledger: Ledger, folder: Path, topic: Topic, imprint: Imprint, templates: Templates
) -> None:
    with ledger.reading() as connection:
        reached = matches.newest_number(connection, topic.id)
        numbers = matches.newest(connection, topic.id, ENTRIES)
        found = changes.get(connection, numbers)
    feed = build(topic, [found[number] for number in numbers], imprint, templates)
    replace(folder / f"{topic.slug}.rss.xml", feed.rss)
    replace(folder / f"{topic.slug}.atom.xml", feed.atom)
    replace(folder / f"{topic.slug}.json", feed.json)
    with ledger.writing() as connection:
        topics.published(connection, topic.id, reached)


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one move, so that nobody ever reads half a file."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
