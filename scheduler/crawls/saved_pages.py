"""Pages and records from files and addresses, for the commands that take them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from crawler.fetching.plan import Gone, Plan, Read, Refused, Report, Unchanged, Unreadable, Visit
from crawler.pages import recognised
from crawler.reading.documents import Document, from_bytes
from crawler.reading.items import UnreadablePage
from crawler.reading.normalise import read_question
from crawler.records import Question, decode
from scheduler.config.sections import Config, SourceSection, manners
from scheduler.crawls.process import child_of

_FETCH_SECONDS = 120


class Unread(msgspec.Struct, frozen=True):
    """Something that could not be read: what, and why, in one line."""

    name: str
    reason: str


def read_all(names: tuple[str, ...], config: Config) -> Iterator[Question | Unread]:
    """The records in files (saved pages, or records as JSON Lines) and at addresses, in order."""
    for name in names:
        if name.startswith(("http://", "https://")):
            yield from _read_address(name, config)
        else:
            yield from _read_file(Path(name))


def _read_file(path: Path) -> Iterator[Question | Unread]:
    try:
        body = path.read_bytes()
    except OSError as error:
        yield Unread(str(path), f"cannot be read ({error.strerror})")
        return
    try:
        document = from_bytes(body)
        if body.lstrip().startswith(b"{") and not _is_page(document):
            yield from _read_lines(path, body)
        else:
            yield read_question(document)
    except UnreadablePage as error:
        yield Unread(str(path), str(error))


def _is_page(document: Document) -> bool:
    """Whether an object in a file is a page of an API, and no record of ours."""
    return document.data is not None and bool(recognised(document))


def _read_lines(path: Path, body: bytes) -> Iterator[Question | Unread]:
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            yield Unread(f"{path}:{number}", f"is no record: {error}")


def _origins(source: SourceSection) -> set[str]:
    """Where the pages of a source are: for its readers, and for its spider."""
    return {url.rstrip("/") for url in (source.url, source.home) if url}


def _read_address(url: str, config: Config) -> Iterator[Question | Unread]:
    """The page at an address, fetched as politely as a crawl would: by one."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    name, source = next(
        ((n, s) for n, s in config.sources.items() if origin in _origins(s)),
        next(iter(config.sources.items())),
    )
    base = source.url.rstrip("/") if origin in _origins(source) else origin
    ways = manners(source, version("watchword"))
    plan = Plan(source=name, base_url=base, manners=ways, revisit=(Visit(url),))
    with child_of(plan, _FETCH_SECONDS) as child:
        for line in child.lines:
            match line:
                case Read():
                    yield line.question
                case Unreadable():
                    yield Unread(url, line.reason)
                case Gone():
                    yield Unread(url, f"the server answers {line.status}: there is no such page")
                case Refused():
                    yield Unread(url, f"the server answers {line.status}: it refuses this page")
                case Report():
                    reason = line.errors[0] if line.errors else f"no page ({line.finish_reason})"
                    yield Unread(url, reason.removeprefix(f"{url}: "))
                case Unchanged():
                    continue
            return
    yield Unread(url, f"the fetch ended without a result ({child.last_words})")
