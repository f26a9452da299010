"""Pages and records from files and addresses, for the commands that take them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from crawler.pages import find_page_objects, read_question
from crawler.plan import KnownPage
from crawler.reading import Document, UnreadablePage, decode_document
from crawler.records import Question, decode_question
from crawler.report import (
    CrawlReport,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
)
from scheduler.config import Config, SourceSection
from scheduler.crawl_process import build_crawl_target, start_crawl

_FETCH_TIMEOUT = 120


class UnreadableInput(msgspec.Struct, frozen=True):
    """Something that could not be read: what, and why, in one line."""

    name: str
    reason: str


def read_inputs(names: tuple[str, ...], config: Config) -> Iterator[Question | UnreadableInput]:
    """The records in files (saved pages, or records as JSON Lines) and at addresses, in order."""
    for name in names:
        if name.startswith(("http://", "https://")):
            yield from _fetch_page(name, config)
        else:
            yield from _read_file(Path(name))


def _read_file(path: Path) -> Iterator[Question | UnreadableInput]:
    try:
        body = path.read_bytes()
    except OSError as error:
        yield UnreadableInput(str(path), f"cannot be read ({error.strerror})")
        return
    try:
        document = decode_document(body)
        if body.lstrip().startswith(b"{") and not _is_page(document):
            yield from _read_records(path, body)
        else:
            yield read_question(document)
    except UnreadablePage as error:
        yield UnreadableInput(str(path), str(error))


def _is_page(document: Document) -> bool:
    """Whether an object in a file is a page of an API, and no record of ours."""
    return document.json_object is not None and bool(find_page_objects(document))


def _read_records(path: Path, body: bytes) -> Iterator[Question | UnreadableInput]:
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield decode_question(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            yield UnreadableInput(f"{path}:{number}", f"is no record: {error}")


def _list_origins(source: SourceSection) -> set[str]:
    """Where the pages of a source are: for its readers, and for its spider."""
    return {url.rstrip("/") for url in (source.url, source.home) if url}


def _fetch_page(url: str, config: Config) -> Iterator[Question | UnreadableInput]:
    """The page at an address, fetched as politely as a crawl would: by one."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    name, source = next(
        ((n, s) for n, s in config.sources.items() if origin in _list_origins(s)),
        next(iter(config.sources.items())),
    )
    base = source.url.rstrip("/") if origin in _list_origins(source) else origin
    plan = msgspec.structs.replace(
        build_crawl_target(config, name),
        base_url=base,
        revisits=(KnownPage(url),),
        archive_folder=None,
        max_seconds=0,
    )
    with start_crawl(plan, _FETCH_TIMEOUT) as child:
        for line in child.lines:
            match line:
                case QuestionRead():
                    yield line.question
                case PageUnreadable():
                    yield UnreadableInput(url, line.reason)
                case PageGone():
                    yield UnreadableInput(
                        url, f"the server answers {line.status}: there is no such page"
                    )
                case PageRefused():
                    yield UnreadableInput(
                        url, f"the server answers {line.status}: it refuses this page"
                    )
                case CrawlReport():
                    stopped = f"no page ({line.finish_reason})"
                    reason = line.failures[0].detail if line.failures else stopped
                    yield UnreadableInput(url, reason)
                case PageUnchanged():
                    continue
            return
    yield UnreadableInput(url, f"the fetch ended without a result ({child.exit_summary})")
