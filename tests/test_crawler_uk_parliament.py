"""The second source: UK Parliament's written questions, from a replica of its API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.ledger import Ledger, changes, open_ledger, questions
from crawler.documents import Document
from crawler.items import UnreadablePage, WithdrawnPage
from crawler.normalise import read_question
from crawler.pages import read_page
from crawler.plan import Manners, Visit
from crawler.replica.parliament import API, create_api, question
from scheduler.config import SourceSection
from scheduler.crawling import Outcome, Terms, crawl_source
from scheduler.planning import plan_crawl
from scheduler.serving import serve

from service import Service, config_for, replica

NOW = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
MANNERS = Manners("watchword/test (tests)", delay_seconds=0, timeout_seconds=5)
LONG = "A long answer about the piers of the river. " * 20
TABLE = "<table><tr><td>Year</td><td>Piers</td></tr><tr><td>2025</td><td>29</td></tr></table>"
HUMAN = "https://questions-statements.parliament.uk/written-questions/detail"


class Source:
    """The API, with questions that the test may change."""

    def __init__(self) -> None:
        answered = {
            "answerText": f"<p>{LONG}</p>{TABLE}",
            "dateAnswered": "2026-07-14T00:00:00",
            "answeringMember": {"id": 2, "name": "Bo Reed"},
            "attachments": [{"url": "https://replica.example/piers.xlsx", "title": "Piers"}],
        }
        self.questions: list[dict[str, Any]] = [
            question("8024", "2026-07-10", **answered),
            question("8025", "2026-07-10", questionText=f"<p>To ask (i) {LONG} and (ii) why.</p>"),
            question("8024", "2026-06-20", heading="Another session"),
        ]
        self.api = create_api(self.questions)
        self.url = ""

    def change(self, place: int, **values: Any) -> None:
        self.questions[place] = self.questions[place] | values

    @property
    def singles(self) -> list[str]:
        asked: list[str] = list(self.api.state.requests)
        self.api.state.requests.clear()
        return [url.partition(API)[2].partition("?")[0] for url in asked if f"{API}/" in url]


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    with serve(made.api) as made.url:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield opened
    opened.engine.dispose()


def crawl(ledger: Ledger, source: Source, now: datetime = NOW) -> Outcome:
    section = SourceSection(url=source.url)
    with ledger.reading() as connection:
        plan = plan_crawl(connection, "uk-parliament", section, MANNERS, now)
    return crawl_source(ledger, plan, lambda: now, Terms())


def kinds(ledger: Ledger) -> list[str]:
    with ledger.reading() as connection:
        found = changes.between(connection, 0, changes.newest(connection), 100)
    return [n.change.kind for n in found if n.silent_because is None]


def single(**changed: Any) -> str:
    return msgspec.json.encode({"value": question("1", "2026-07-10", **changed)}).decode()


def test_texts_are_whole_and_lists_are_not_believed(ledger: Ledger, source: Source) -> None:
    """Trap 24."""
    outcome = crawl(ledger, source)
    assert (outcome.verdict, outcome.counts["new"]) == ("ok", 3)
    with ledger.reading() as connection:
        found = questions.find(
            connection, "uk-parliament:/written-questions/detail/2026-07-10/8024"
        )
        asked = questions.find(
            connection, "uk-parliament:/written-questions/detail/2026-07-10/8025"
        )
    assert found is not None
    assert asked is not None
    record = found.record
    assert record.url == f"{HUMAN}/2026-07-10/8024"
    assert (record.title, record.reference, record.suspect) == ("Piers", "8024", ())
    assert record.asked_by is not None
    assert (record.asked_by.name, record.asked_by.party) == ("Ada Brook", "Riverside Group")
    assert [a.name for a in record.asked_of] == ["Department for Piers"]
    [answer] = record.answers
    assert answer.answered_by == ("Bo Reed",)
    said = [p for speech in answer.speeches for p in speech.paragraphs]
    assert said == [LONG.strip(), "Year | Piers", "2025 | 29"]
    assert "<table>" in (answer.html or "")
    assert answer.attachments[0].title == "Piers"
    assert "and (ii) why." in asked.record.question[0].paragraphs[0]


def test_a_number_of_two_sessions_is_two_questions(ledger: Ledger, source: Source) -> None:
    crawl(ledger, source)
    with ledger.reading() as connection:
        assert questions.count(connection) == 3


def test_a_second_crawl_asks_for_lists_only(ledger: Ledger, source: Source) -> None:
    crawl(ledger, source)
    assert len(source.singles) == 3
    outcome = crawl(ledger, source)
    assert source.singles == []
    assert "new" not in outcome.counts


def test_a_question_is_answered_corrected_and_withdrawn(ledger: Ledger, source: Source) -> None:
    crawl(ledger, source)
    held = {"answerText": "<p>It will follow.</p>", "dateAnswered": "2026-07-16T00:00:00"}
    source.change(1, **held, answerIsHolding=True)
    crawl(ledger, source, NOW + timedelta(hours=1))
    source.change(1, answerText="<p>Twenty-nine.</p>", answerIsHolding=False)
    crawl(ledger, source, NOW + timedelta(hours=2))
    assert kinds(ledger) == ["holding", "answered"]
    source.change(1, answerText="<p>Thirty.</p>", answerIsCorrection=True)
    crawl(ledger, source, NOW + timedelta(days=8))
    assert kinds(ledger) == ["holding", "answered", "corrected"]
    source.change(1, isWithdrawn=True)
    for days in (16, 24):
        crawl(ledger, source, NOW + timedelta(days=days))
    assert kinds(ledger)[3:] == ["withdrawn"]


@pytest.mark.parametrize(
    "text", ['{"status": 500, "title": "Oops"}', '{"value": {"uin": 7}}', '{"value"', "[]"]
)
def test_what_is_no_question_is_not_read(text: str) -> None:
    with pytest.raises(UnreadablePage):
        read_page(Document(text, f"{HUMAN}/2026-07-10/1"), "uk-parliament")


def test_a_withdrawn_question_says_so() -> None:
    with pytest.raises(WithdrawnPage):
        read_page(Document(single(isWithdrawn=True)))


def test_a_list_that_is_none_is_told(ledger: Ledger) -> None:
    with replica() as london:  # answers with pages, and 404 for the API
        section = SourceSection(url=london.url)
        with ledger.reading() as connection:
            plan = plan_crawl(connection, "uk-parliament", section, MANNERS, NOW)
        outcome = crawl_source(ledger, plan, lambda: NOW, Terms())
    assert outcome.verdict not in {"ok", "empty"}


def test_a_question_without_a_title_is_suspect() -> None:
    assert read_question(Document(single(heading=None))).suspect == ("no title",)


def test_both_sources_in_one_service(tmp_path: Path) -> None:
    made = Source()
    today = datetime.now(UTC).date().isoformat()
    with serve(made.api) as url, replica() as london:
        second = f'\n[sources.uk-parliament]\nurl = "{url}"\ndelay_seconds = 0.01\n'
        service = Service(tmp_path, config_for(london.url, extra=second))
        service.run("once")
        made.questions.append(question("9000", today, questionText="<p>About the VRU.</p>"))
        service.run("once")
        assert any(f"{HUMAN}/{today}/9000" in mail.as_string() for mail in service.mails)
        saved = tmp_path / "saved.json"
        saved.write_text(single())
        assert service.json("parse", "saved.json")["source"] == "uk-parliament"


def test_a_revisit_finds_its_way_back(ledger: Ledger, source: Source) -> None:
    with ledger.reading() as connection:
        plan = plan_crawl(connection, "uk-parliament", SourceSection(url=source.url), MANNERS, NOW)
    visit = (Visit(f"{HUMAN}/2026-07-10/8024"),)
    plan = msgspec.structs.replace(plan, windows=(), revisit=visit)
    assert crawl_source(ledger, plan, lambda: NOW, Terms()).counts["new"] == 1
    assert source.singles == ["/2026-07-10/8024"]
