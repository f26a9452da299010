"""The public status: what it says to readers when all is well, not yet, and in trouble."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import html5lib
import pytest

from alerts.ledger import Ledger, alarms, crawl_runs, jobs, pauses
from alerts.ledger.crawl_runs import CrawlResult
from alerts.model import SiteDescription, SourceInfo
from alerts.operator import BriefStatus, ServiceStatus, build_brief_status, build_status
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient, run_web_client

LONDON = SourceInfo(name="Riverside Council", home_url="https://replica.example")
NAMES = {"london": "Riverside Council", "paris": "Parish of the Hill"}


@pytest.fixture
def pages(site: WebClient) -> Iterator[WebClient]:
    """The pages of a service with two sources, whose jobs have run just now."""
    ledger: Ledger = site.ledger

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            return build_status(connection, NAMES, found.now)

    def read_brief_status() -> BriefStatus:
        with ledger.reading() as connection:
            return build_brief_status(connection, NAMES, found.now)

    with ledger.writing() as connection:
        jobs.begin(connection, "round", site.now)
        jobs.end_well(connection, "round", site.now)
    with run_web_client(
        ledger,
        site.now,
        site.folder,
        read_status=read_status,
        read_brief_status=read_brief_status,
        site=SiteDescription(sources={"london": LONDON}),
    ) as found:
        yield found


def add_crawl(pages: WebClient, source: str, hours_ago: float, verdict: str = "ok") -> None:
    begun = pages.now - timedelta(hours=hours_ago)
    with pages.ledger.writing() as connection:
        run = crawl_runs.start_run(connection, source, begun)
        result = CrawlResult(verdict, "why", "null", is_complete=verdict == "ok")
        crawl_runs.finish_run(connection, run, result, begun + timedelta(minutes=4))


def add_good_crawls(pages: WebClient, *sources: str) -> None:
    for source in sources:
        for hours in (49, 25, 1):
            add_crawl(pages, source, hours)


def read(pages: WebClient, path: str = "/status") -> tuple[int, str]:
    """The status code, and the text of the page as one line."""
    code, html = pages.request_text("GET", path)
    html5lib.HTMLParser(strict=True).parse(html)
    return code, " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.slow
def test_all_is_well(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    pages.publish_questions(make_question(1), make_question(2, make_answer("Yes.")))
    code, text = read(pages)
    assert code == 200
    assert "All well Every source was read on time. Checked today," in text
    assert "Riverside Council Well Last read in full today," in text
    assert "Next read today," in text
    assert "90 days ago 3 of 3 reads in full Today" in text
    assert "Questions 2 Not yet answered 1" in text
    assert "What this means for you" not in text
    assert "All well last read today," in text  # at the foot


def test_a_service_that_has_just_started_says_what_works_already(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        crawl_runs.start_run(connection, "london", pages.now)
    code, text = read(pages)
    assert code == 503
    assert "Not yet This service has just started. Search works" in text
    assert "Riverside Council First read under way It is being read for the first time." in text
    assert "Parish of the Hill Waiting Not read in full yet." in text
    assert "reads in full" not in text


def test_trouble_names_the_source_since_when_and_what_it_means(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    pages.now += timedelta(hours=20)
    for hours in (18, 10, 2):
        add_crawl(pages, "london", hours, "blocked")
    add_crawl(pages, "paris", 1)
    with pages.ledger.writing() as connection:
        since = pages.now - timedelta(hours=18)
        alarms.update_open(connection, "london", {"blocked": "403 at /secret"}, (), since)
    code, text = read(pages)
    assert code == 503
    assert "Trouble We have not been able to read Riverside Council in full since" in text
    assert "Parish of the Hill is read as usual." in text
    assert "missing here and from your emails" in text
    assert "without Riverside Council 21 hours" in text
    assert "attempts since 3" in text
    assert "Riverside Council Blocked" in text
    assert "Parish of the Hill Well" in text
    assert "secret" not in text


def test_the_foot_of_the_page_does_not_say_otherwise(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    assert "All well last read" in read(pages, "/about")[1]  # which pages keep for a minute
    with pages.ledger.writing() as connection:
        alarms.update_open(connection, None, {"queue": "no route"}, (), pages.now)
    assert "All well" not in read(pages)[1]


@pytest.mark.parametrize(
    ("alarm", "said"), [({"blocked": "403 at /secret"}, "Trouble"), ({}, "all well")]
)
def test_the_home_page_has_the_state_of_each_source(
    pages: WebClient, alarm: dict[str, str], said: str
) -> None:
    add_good_crawls(pages, "london", "paris")
    with pages.ledger.writing() as connection:
        alarms.update_open(connection, "london", alarm, (), pages.now)
    html = pages.request_text("GET", "/")[1]
    sources = html[html.index("sources-h") : html.index("</main>")]
    assert "last read" in sources
    assert [word for word in ("Trouble", "all well") if word in sources] == [said]


def test_trouble_with_emails_says_that_they_come_late(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    with pages.ledger.writing() as connection:
        alarms.update_open(connection, None, {"queue": "no route"}, (), pages.now)
    text = read(pages)[1]
    assert "are read as usual, but something else is wrong." in text
    assert "Emails may come late, or not before this is mended." in text
    assert "This service: messages are not being delivered" in text
    assert "missing here" not in text


def test_a_pause_is_no_trouble(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    with pages.ledger.writing() as connection:
        pauses.add(connection, "crawl", "london", pages.now)
    text = read(pages)[1]
    assert "Not yet Nothing has failed, but not everything is at work." in text
    assert "The operator has paused a part of the service." in text
    assert "Reading is paused." in text


def test_past_trouble_of_an_hour_or_more_is_named(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    with pages.ledger.writing() as connection:
        for kind, hours in (("unreachable", 3), ("blocked", 0.5), ("limits", 5)):
            begun = pages.now - timedelta(days=5)
            source = None if kind == "limits" else "london"
            alarms.update_open(connection, source, {kind: "why"}, (), begun)
            ended = begun + timedelta(hours=hours)
            alarms.update_open(connection, source, {}, (kind,), ended)
    text = read(pages)[1]
    assert text.count("could not be read in full for") == 1
    assert "Riverside Council could not be read in full for 3 hours." in text
    assert "Emails were late" not in text


def test_days_with_trouble_have_bars_of_their_own(pages: WebClient) -> None:
    add_good_crawls(pages, "london", "paris")
    add_crawl(pages, "london", 26, "unreachable")
    add_crawl(pages, "london", 24 * 8, "blocked")
    html = pages.request_text("GET", "/status")[1]
    assert html.count('class="day part"') == 1
    assert html.count('class="day off"') == 1
    assert "3 of 5 reads in full" in html


def test_the_page_stands_where_the_ledger_cannot_be_read(pages: WebClient) -> None:
    def fail() -> ServiceStatus:
        status = ServiceStatus.of_unusable_ledger(pages.now, "the disk is gone")
        assert status.findings
        return status

    with run_web_client(pages.ledger, pages.now, pages.folder, read_status=fail) as broken:
        code, text = read(broken)
    assert code == 503
    assert "Something is wrong with this service." in text
    assert "This service: the ledger cannot be read" in text
    assert "disk is gone" not in text


def test_how_complete_a_source_is(pages: WebClient) -> None:
    add_good_crawls(pages, "london")
    pages.publish_questions(*(make_question(number) for number in (1, 2, 4)))
    code, text = read(pages, "/completeness/london")
    assert code == 200
    assert "How complete Riverside Council is here We know" in text
