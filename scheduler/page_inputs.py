"""Questions from files and addresses, for the commands that take pages or records."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import msgspec

from crawler.pages import find_page_objects, read_question
from crawler.plan import MAX_PAGE_BYTES, CrawlPlan, KnownPage
from crawler.reading import Document, UnreadablePage, check_markup, decode_document
from crawler.records import Question, decode_question
from crawler.report import (
    CrawlLine,
    CrawlReport,
    PageGone,
    PageRefused,
    PageUnchanged,
    PageUnreadable,
    QuestionRead,
)
from scheduler.config import Config, ConfigError, SourceSection
from scheduler.crawl_process import build_crawl_target, start_crawl

#: Seconds for one page: robots.txt and the page, each with a timeout of 30 s and two retries.
_FETCH_TIMEOUT = 120
#: The longest line of a file of records: a record holds the texts of one page and their HTML.
_MAX_LINE_BYTES = 2 * MAX_PAGE_BYTES
#: Lines that are no records at the beginning of a file after which it is taken for one of another
#: kind: whoever names a wrong file gets a few lines of errors.
_MAX_UNREADABLE = 5


class UnreadableInput(msgspec.Struct, frozen=True):
    """An input that could not be read."""

    name: str  #: the file, with a line number for a record, or the address
    reason: str  #: one line


def read_inputs(names: tuple[str, ...], config: Config) -> Iterator[Question | UnreadableInput]:
    """Yield the questions in files and at addresses, in order.

    Args:
        names: Paths of saved pages or of records as JSON Lines, and http(s) addresses of pages.
        config: The config, for the politeness towards the sources.
    """
    for name in names:
        if name.startswith(("http://", "https://")):
            yield from _fetch_page(name, config)
        else:
            yield from _read_file(Path(name))


def _read_file(path: Path) -> Iterator[Question | UnreadableInput]:
    try:
        with path.open("rb") as stream:
            yield from _read_stream(path, stream)
    except OSError as error:
        yield UnreadableInput(str(path), f"cannot be read ({error.strerror})")
    except UnreadablePage as error:
        yield UnreadableInput(str(path), str(error))


def _read_stream(path: Path, stream: BinaryIO) -> Iterator[Question | UnreadableInput]:
    """Yield the questions in a file: a page, of which there is one, or records without a limit."""
    body = stream.read(MAX_PAGE_BYTES + 1)
    is_page_length = len(body) <= MAX_PAGE_BYTES
    body = body.removeprefix(codecs.BOM_UTF8)
    may_be_records = body.lstrip().startswith(b"{")
    if not is_page_length and not may_be_records:
        raise UnreadablePage(f"it has more than {MAX_PAGE_BYTES} bytes, which no page has")
    document = decode_document(body) if is_page_length else None
    if document is not None and not (may_be_records and not _is_page(document)):
        yield read_question(document)
    else:
        yield from _read_records(path, body, stream)


def _is_page(document: Document) -> bool:
    """Return whether a JSON object in a file is a page of an API rather than a record."""
    return document.json_object is not None and bool(find_page_objects(document))


def _read_records(
    path: Path, beginning: bytes, rest: BinaryIO
) -> Iterator[Question | UnreadableInput]:
    """Yield the records in a file, and its lines that are none; no more where none of many is."""
    are_records, unreadable = False, 0
    for number, line in enumerate(_iterate_lines(beginning, rest), start=1):
        if not line.strip():
            continue
        if len(line) > _MAX_LINE_BYTES:
            reason = f"not a record: it has more than {_MAX_LINE_BYTES} bytes; the rest is not read"
            yield UnreadableInput(f"{path}:{number}", reason)
            return
        found = _decode_line(f"{path}:{number}", line)
        yield found
        are_records |= isinstance(found, Question)
        unreadable += isinstance(found, UnreadableInput)
        if not are_records and unreadable == _MAX_UNREADABLE:
            reason = f"none of its first {unreadable} lines is a record, so the rest is not read"
            yield UnreadableInput(str(path), reason)
            return


def _decode_line(name: str, line: bytes) -> Question | UnreadableInput:
    try:
        return _read_record(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, UnreadablePage) as error:
        return UnreadableInput(name, f"not a record: {error}")


def _iterate_lines(beginning: bytes, rest: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file. One that is too long for a record is cut just behind the limit."""
    yield from (beginning + rest.readline(_MAX_LINE_BYTES)).splitlines()
    while lines := rest.readline(_MAX_LINE_BYTES + 1).splitlines():
        yield from lines


def _read_record(line: bytes) -> Question:
    """Return the record in a line. Its HTML is shown later, so it has the limits of a page."""
    if b"\\u0000" in line:
        raise UnreadablePage("it has null characters, which no text has")
    question = decode_question(line)
    for answer in question.answers:
        check_markup(answer.html or "")
    return question


def _list_origins(source: SourceSection) -> set[str]:
    """Return the origins of a source: that of its pages and that of its spider's requests."""
    return {url.rstrip("/") for url in (source.url, source.home) if url}


def _fetch_page(url: str, config: Config) -> Iterator[Question | UnreadableInput]:
    """Yield the question at an address, or why there is none."""
    with start_crawl(_plan_page(url, config), _FETCH_TIMEOUT) as child:
        for line in child.lines:
            if not isinstance(line, PageUnchanged):
                yield _read_line(url, line)
                return
    yield UnreadableInput(url, f"the fetch ended without a result ({child.exit_summary})")


def _plan_page(url: str, config: Config) -> CrawlPlan:
    """Return the plan of a crawl of one page, as polite as other crawls of its source.

    A page of another site is fetched as a page of the first source in the config.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    owners = [name for name, source in config.sources.items() if origin in _list_origins(source)]
    if not config.sources:
        raise ConfigError("sources: without one, no page can be fetched")
    target = build_crawl_target(config, owners[0] if owners else next(iter(config.sources)))
    return msgspec.structs.replace(
        target,
        base_url=target.base_url if owners else origin,
        revisits=(KnownPage(url),),
        archive_folder=None,
        max_seconds=0,
    )


def _read_line(url: str, line: CrawlLine) -> Question | UnreadableInput:
    match line:
        case QuestionRead():
            return line.question
        case PageUnreadable():
            return UnreadableInput(url, line.reason)
        case PageGone():
            reason = f"the server answers {line.status}: there is no such page"
            return UnreadableInput(url, reason)
        case PageRefused():
            return UnreadableInput(url, f"the server answers {line.status}: it refuses this page")
        case CrawlReport(failures=(first, *_)):
            return UnreadableInput(url, first.detail)
        case CrawlReport():
            return UnreadableInput(url, f"no page ({line.finish_reason})")
    raise TypeError(f"a {type(line).__name__} says nothing about a page")
