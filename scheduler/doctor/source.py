"""Checks of the sources: robots.txt and, if wanted, one listing and one page that are read now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.robotparser import RobotFileParser

import msgspec
import requests

from alerts.delivery import find_authorities
from alerts.recording import find_backoff_end
from crawler.plan import ListingWindow
from crawler.report import (
    CrawlLine,
    CrawlReport,
    PageUnreadable,
    QuestionRead,
    QuestionsListed,
)
from scheduler.config import SourceSection
from scheduler.crawl_process import build_crawl_target, start_crawl
from scheduler.doctor.examination import CONVERSATION_SECONDS, Examination
from scheduler.doctor.http_errors import describe_http_error
from scheduler.doctor.report import CheckResult, failed, ok, skipped, warning
from scheduler.doctor.rounds import open_current_ledger

#: Bytes that must be read of a robots.txt (RFC 9309, section 2.5).
_ROBOTS_BYTES = 500 * 1024
#: Seconds for robots.txt, a listing and a page, with the delays between them and slow answers.
_LIVE_SECONDS = 75.0
#: One is enough, but may have been withdrawn a moment ago.
_MAX_QUESTIONS = 3
#: Questions of a month: also in a recess the listing has some.
_LISTED = timedelta(days=31)


def check_sources(examination: Examination) -> Iterator[CheckResult]:
    """Check each source that is enabled."""
    for name, source in examination.config.sources.items():
        if not source.enabled:
            continue
        yield _check_robots(name, source)
        if not examination.is_live:
            yield skipped("source.page", f"{name}: --live reads a listing and a page of it")
        elif reason := _find_backoff(examination, name):
            yield skipped("source.page", f"{name}: {reason}")
        else:
            yield from _read_live(examination, name)


def _check_robots(name: str, source: SourceSection) -> CheckResult:
    """Check that robots.txt lets us read (RFC 9309)."""
    check, url = "source.robots", f"{source.url.rstrip('/')}/robots.txt"
    agent = source.build_politeness("doctor").user_agent
    try:
        with requests.get(
            url,
            headers={"User-Agent": agent},
            timeout=CONVERSATION_SECONDS,
            stream=True,
            verify=find_authorities(),
        ) as reply:
            text = reply.raw.read(_ROBOTS_BYTES, decode_content=True).decode("utf-8", "replace")
    except (requests.RequestException, OSError) as error:
        advice = "is the source down, or does this machine have no way to it?"
        return failed(
            check, f"{name}: {url} cannot be reached: {describe_http_error(error)}", advice
        )
    if reply.status_code >= 500:
        advice = "nothing is read until the server answers; look again in an hour"
        return failed(check, f"{name}: {url} gives HTTP {reply.status_code}", advice)
    rules = RobotFileParser()
    rules.parse(text.splitlines() if reply.ok else [])
    if not rules.can_fetch(agent, source.url):
        advice = (
            "ask the source's operators to let this User-Agent in; sources.NAME.contact is in it"
        )
        return failed(check, f"{name}: robots.txt forbids {agent}", advice)
    return ok(check, f"{name}: robots.txt lets us read")


def _find_backoff(examination: Examination, name: str) -> str | None:
    """Return why a source that has just refused us is left alone; None if it may be read."""
    ledger = open_current_ledger(examination)
    if ledger is None:
        return None
    try:
        with ledger.reading() as connection:
            until = find_backoff_end(connection, name, examination.clock())
    finally:
        ledger.engine.dispose()
    return f"it refused us and is left alone until {until:%Y-%m-%d %H:%M} UTC" if until else None


def _read_live(examination: Examination, name: str) -> Iterator[CheckResult]:
    """Crawl until one listing and one page are read; record nothing.

    The plan has an end of its own: until the crawl is killed, it goes on.
    """
    target = build_crawl_target(examination.config, name)
    today = examination.clock().date()
    plan = msgspec.structs.replace(
        target,
        windows=(ListingWindow(today - _LISTED, today),),
        politeness=msgspec.structs.replace(target.politeness, max_listing_pages=1),
        max_questions=_MAX_QUESTIONS,
        archive_folder=None,
        max_seconds=_LIVE_SECONDS,
    )
    listed, lines = 0, []
    with start_crawl(plan, _LIVE_SECONDS) as child:
        for line in child.lines:
            if isinstance(line, QuestionsListed):
                listed += len(line.ids)
            lines.append(line)
            if isinstance(line, QuestionRead | PageUnreadable | CrawlReport):
                child.kill()  # one page is enough
                break
    last = lines[-1] if lines else None
    yield from judge_last_line(name, last, listed, child.exit_summary)


def judge_last_line(
    name: str, last: CrawlLine | None, listed: int, exit_summary: str
) -> Iterator[CheckResult]:
    """Judge how far reading came.

    Args:
        name: The source.
        last: The last line of the crawl; None without one.
        listed: How many questions the listings named.
        exit_summary: How the process ended.
    """
    advice = (
        "see docs/how-to/when-something-is-wrong.md: has the site changed, or does it block us?"
    )
    match last:
        case QuestionRead():
            if listed:
                yield ok("source.listing", f"{name}: a listing names {listed} questions")
            yield _judge_question(name, last, advice)
        case PageUnreadable():
            yield failed("source.page", f"{name}: {last.url}: {last.reason}", advice)
        case CrawlReport() if last.failures:
            yield failed("source.listing", f"{name}: {last.failures[0]}", advice)
        case CrawlReport() if last.listings_unknown:
            detail = f"{name}: a listing has no rows, and not the marks of one without any"
            yield failed("source.listing", detail, advice)
        case CrawlReport():
            detail = f"{name}: {last.listed} questions are listed, and none could be read"
            yield warning("source.page", detail, advice)
        case _:
            detail = f"{name}: no page was read in time ({exit_summary})"
            yield failed("source.page", detail, advice)


def _judge_question(name: str, read: QuestionRead, advice: str) -> CheckResult:
    question = read.question
    if question.suspect:
        detail = f"{name}: {question.url}: the readings differ: {question.suspect[0]}"
        return failed("source.page", detail, advice)
    reference = question.reference or question.id
    return ok("source.page", f"{name}: {reference} was read, and both readings agree")
