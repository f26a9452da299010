"""Our feeds read by feedparser and by a real feed reader (newsboat), as their readers would.

``make readers``; needs Debian's newsboat. The demo is played through, its feeds are served, and
each reader is asked what it found, twice: the second time there is nothing new.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import feedparser

from scheduler.demo import Demo

_FEED_PATHS = (
    *("feeds/VRU.rss.xml", "feeds/VRU.atom.xml", "feeds/everything.rss.xml"),
    *("feeds/everything.atom.xml", "feeds/queries/feed.atom.xml?q=buses"),
    "feeds/VRU.atom.xml?only=latest",
)


def main() -> int:
    """Print what each reader finds in each feed; 1 where one finds something else."""
    newsboat = shutil.which("newsboat")
    if newsboat is None:
        print("newsboat is not installed (Debian: apt-get install newsboat)", file=sys.stderr)
        return 69
    with tempfile.TemporaryDirectory() as folder, Demo(Path(folder) / "demo", 0) as stage:
        stage.run_once()
        urls = [f"{stage.pages_url}/{name}" for name in _FEED_PATHS]
        known = {url: _read_with_feedparser(url) for url in urls}
        # A cache for each: newsboat keeps an entry that is in several feeds once.
        first = {
            url: _read_with_newsboat(newsboat, Path(folder), n, url) for n, url in enumerate(urls)
        }
        again = {
            url: _read_with_newsboat(newsboat, Path(folder), n, url) for n, url in enumerate(urls)
        }
    wrong = 0
    for url in urls:
        same = known[url] == first[url] == again[url]
        wrong += not same
        print(
            f"{'ok ' if same else 'NOT'} {len(known[url]):3} entries  {url.partition('/feeds/')[2]}"
        )
    return 1 if wrong else 0


def _read_with_feedparser(url: str) -> set[str]:
    found = feedparser.parse(url)
    if found.bozo:
        print(f"feedparser on {url}: {found.bozo_exception}", file=sys.stderr)
    return {entry.id for entry in found.entries}


def _read_with_newsboat(newsboat: str, folder: Path, number: int, url: str) -> set[str]:
    """What newsboat keeps of a feed after a reload."""
    urls, config, cache = (folder / f"{name}{number}" for name in ("urls", "config", "cache"))
    urls.write_text(f"{url}\n")
    config.write_text("")
    subprocess.run(
        [newsboat, "-u", urls, "-c", cache, "-C", config, "-x", "reload"],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with closing(sqlite3.connect(cache)) as kept:
        return {guid for (guid,) in kept.execute("SELECT guid FROM rss_item")}


if __name__ == "__main__":
    sys.exit(main())
