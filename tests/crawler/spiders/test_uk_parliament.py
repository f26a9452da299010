"""Written questions of the UK Parliament: read from its API over a socket, with its pitfalls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from alerts.ledger import Ledger, questions
from alerts.recording import CrawlOutcome, CrawlPolicy, plan_crawl
from crawler.pages import read_question
from crawler.pages.uk_parliament import DETAIL_URL
from crawler.plan import CrawlPlan, PolitenessSettings
from crawler.reading import Document, UnreadablePage
from crawler.records import Meeting, Question, iter_paragraphs
from crawler.replica.parliament import API_PATH, create_api
from crawler.replica.world import STAGES
from crawler.report import CrawlLine, CrawlReport
from scheduler.config import parse_config
from scheduler.crawls import crawl_source
from scheduler.web import serve
from tests.support.empty_ledger import open_empty_ledger
from tests.support.paths import REPOSITORY
from tests.support.service import ServiceFolder, build_config, get_plain_text, run_replica

pytestmark = pytest.mark.process

POLITENESS = PolitenessSettings("watchword/test (tests)", delay_seconds=0.01, timeout_seconds=5)
SOURCE = "uk-parliament"
PATH = "/written-questions/detail"
ATTRIBUTION = "Contains Parliamentary information licensed under the Open Parliament Licence v3.0."


class Parliament:
    """The replica's API with a clock that the test sets."""

    def __init__(self) -> None:
        # At noon it is the same day in London and in UTC.
        self.start = self.now = datetime.now(UTC).replace(hour=12)
        self.api = create_api(self.start, lambda: self.now)
        self.url = ""

    def day(self, days_ago: int) -> date:
        return (self.start - timedelta(days=days_ago)).date()

    def address(self, days_ago: int, uin: str) -> str:
        return f"{DETAIL_URL}/{self.day(days_ago)}/{uin}"

    def ask(self, path: str) -> Any:
        with urlopen(f"{self.url}{API_PATH}{path}") as answer:
            return json.load(answer)

    @property
    def requests(self) -> list[str]:
        """The requests since the last time that this was read."""
        seen: list[str] = list(self.api.state.requests)
        self.api.state.requests.clear()
        return seen


@pytest.fixture
def parliament() -> Iterator[Parliament]:
    made = Parliament()
    with serve(made.api) as made.url:
        yield made


@pytest.fixture(scope="module")
def still() -> Iterator[Parliament]:
    """A replica whose clock stands still, for tests of single objects."""
    made = Parliament()
    with serve(made.api) as made.url:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_empty_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.engine.dispose()


def crawl(
    ledger: Ledger, url: str, now: datetime, on_line: Callable[[CrawlLine], None] = lambda _: None
) -> CrawlOutcome:
    target = CrawlPlan(source=SOURCE, base_url=url, politeness=POLITENESS, max_seconds=60)
    policy = CrawlPolicy(days_back=7, days_ahead=1)
    with ledger.reading() as connection:
        plan = plan_crawl(connection, target, policy, now)
    return crawl_source(ledger, plan, lambda: now, policy, on_line)


def stored(ledger: Ledger, url: str) -> Question:
    with ledger.reading() as connection:
        found = questions.find(connection, url.replace(DETAIL_URL, f"{SOURCE}:{PATH}"))
    assert found is not None
    return found.record


def words(question: Question) -> list[str]:
    return [p for answer in question.answers for p in iter_paragraphs(answer.speeches)]


def test_every_text_is_from_the_call_for_one_question(
    ledger: Ledger, parliament: Parliament
) -> None:
    outcome = crawl(ledger, parliament.url, parliament.now)
    assert (outcome.verdict, outcome.counts["new"]) == ("ok", 7)
    seen = parliament.requests
    singles = [r for r in seen if f"{API_PATH}/" in r]
    assert len(singles) == len(set(singles)) == 7
    assert sum(f"{API_PATH}?" in r for r in seen) == 2  # seven rows, five of them on the first page
    assert all("expandMember=true" in r for r in singles)

    [row] = [r["value"] for r in parliament.ask("?take=99")["results"] if r["value"]["id"] == 901]
    assert len(row["questionText"]) == 255
    assert not row["questionText"].endswith(".")
    assert len(row["answerText"]) == 258
    assert "Number of pond licences2015931" in row["answerText"]

    ponds = stored(ledger, parliament.address(2, "4101"))
    [asked] = iter_paragraphs(ponds.question)
    assert asked.endswith("(a) district and (b) size of pond.")
    assert words(ponds)[1:3] == ["Year | Number of pond licences", "2015 | 931"]
    assert words(ponds)[-1].endswith("for which the frogs are grateful.")


def test_a_second_crawl_fetches_the_lists_alone(ledger: Ledger, parliament: Parliament) -> None:
    crawl(ledger, parliament.url, parliament.now)
    _ = parliament.requests
    outcome = crawl(ledger, parliament.url, parliament.now)
    assert outcome.verdict == "ok"
    assert outcome.counts == {}
    assert all(f"{API_PATH}/" not in request for request in parliament.requests)


def test_answers_corrections_and_withdrawals_alert(ledger: Ledger, parliament: Parliament) -> None:
    crawl(ledger, parliament.url, parliament.now)
    moths = parliament.address(3, "4104")
    found: list[dict[str, int]] = []
    for age in (*STAGES, timedelta(days=8)):
        parliament.now = parliament.start + age
        found.append(dict(crawl(ledger, parliament.url, parliament.now).counts))
    news = {"asked", "holding", "answered", "corrected", "withdrawn", "silent"}
    assert [{k: n for k, n in counts.items() if k in news} for counts in found] == [
        {"asked": 1},
        {"answered": 2},
        {"withdrawn": 1},  # gone for longer than a deployment takes
        {"corrected": 1},
    ]
    assert found[0]["gone"] == 1
    gate = stored(ledger, parliament.address(1, "4103"))
    assert gate.status == "answered"
    assert words(gate) == ["The gate was mended on Tuesday too."]
    assert words(stored(ledger, moths)) == ["There are 1,240 such lamps."]
    assert stored(ledger, moths).labels["originalAnswerText"] == "There are 1,204 such lamps."


# ---------------------------------------------------------------------- what one object says


def single(still: Parliament, days_ago: int, uin: str, /, **changes: Any) -> Document:
    """Return the response for one question, with some of its values changed."""
    body = still.ask(f"/{still.day(days_ago)}/{uin}?expandMember=true")
    body["value"] |= changes
    return Document(json.dumps(body), still.address(days_ago, uin))


def test_the_fields(still: Parliament) -> None:
    ponds = read_question(single(still, 2, "4101"))
    assert ponds.url == still.address(2, "4101")
    assert ponds.id == f"{SOURCE}:{PATH}/{still.day(2)}/4101"
    assert ponds.reference == "4101"
    assert ponds.title == "Ponds: Licences"
    assert ponds.asked_by is not None
    assert (ponds.asked_by.name, ponds.asked_by.party) == ("Morwenna Quill", "Meadow Party")
    assert [a.name for a in ponds.asked_of] == ["Department for Gardens, Weather and Footpaths"]
    assert ponds.meeting == Meeting(None, still.day(2))
    assert (ponds.status, ponds.suspect) == ("answered", ())
    [answer] = ponds.answers
    assert answer.answered_by == ("Dr Tobias Fenwick-Oduya",)
    assert answer.date == still.day(0)
    assert answer.html is not None
    assert "<td>931</td>" in answer.html
    assert 'href="https://questions-statements.parliament.uk/replica/ponds"' in answer.html
    [file] = answer.attachments
    assert file.title == "ponds-by-size.txt"
    assert file.url.startswith("https://")


def test_a_number_comes_again_in_another_session(still: Parliament) -> None:
    ponds, weather = (read_question(single(still, n, "4101")) for n in (2, 5))
    assert ponds.reference == weather.reference
    assert ponds.id != weather.id


def test_labels_without_a_field_are_kept(still: Parliament) -> None:
    labels = read_question(single(still, 1, "4102", somethingNew="as it is")).labels
    assert labels["groupedQuestions"] == "4103"
    assert labels["house"] == "Commons"
    assert labels["dateForAnswer"].startswith(f"{still.day(-4)}")
    assert labels["somethingNew"] == "as it is"
    assert "isNamedDay" not in labels  # false
    assert "questionText" not in labels


def test_a_holding_reply_says_so_by_its_flag(still: Parliament) -> None:
    gate = read_question(single(still, 1, "4103"))
    assert gate.status == "holding"
    assert gate.answers[0].date == still.day(0)
    no_words = read_question(single(still, 1, "4103", answerText=None))
    assert no_words.status == "holding"


def test_an_answer_without_words_or_files_is_none(still: Parliament) -> None:
    empty = {"answerText": "<p>&nbsp;</p>", "dateAnswered": "2026-07-01T00:00:00"}
    assert read_question(single(still, 1, "4102", **empty)).status == "unanswered"


def test_an_answer_may_be_a_file_alone(still: Parliament) -> None:
    files = [{"url": "/files/a.pdf", "title": None}]
    ponds = read_question(single(still, 1, "4102", answerText="", attachments=files))
    assert ponds.status == "answered"
    assert ponds.answers[0].attachments[0].url == (
        "https://questions-statements.parliament.uk/files/a.pdf"
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uin": "4199"}, "reference: '4199' by structure, '4102' by label"),
        ({"dateTabled": "2020-01-01T00:00:00"}, "session_date: '2020-01-01'"),
        ({"answerText": "x" * 255 + "..."}, "a list would have cut it"),
        ({"heading": " "}, "no title"),
        ({"questionText": None}, "no question"),
    ],
)
def test_an_object_that_contradicts_its_address_is_suspect(
    still: Parliament, changes: dict[str, Any], says: str
) -> None:
    [reason] = read_question(single(still, 1, "4102", **changes)).suspect
    assert says in str(reason)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"isWithdrawn": True}, "withdrawn"),
        ({"uin": 4102}, "shape"),
        ({"dateTabled": "yesterday"}, "shape"),
        ({"attachments": [7]}, "shape"),
    ],
)
def test_objects_that_are_refused(still: Parliament, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadablePage, match=says):
        read_question(single(still, 1, "4102", **changes))


def test_a_list_is_no_question(still: Parliament) -> None:
    with pytest.raises(UnreadablePage):
        read_question(Document(json.dumps(still.ask("?take=1"))))


@pytest.mark.parametrize(
    ("path", "status"),
    [("/2026-07-01/9999", 404), ("/1", 404), ("?take=all", 400), ("?tabledWhenFrom=today", 400)],
)
def test_the_replica_answers_errors_with_objects(still: Parliament, path: str, status: int) -> None:
    with pytest.raises(HTTPError) as error:
        still.ask(path)
    with error.value as answer:
        body = json.load(answer)
    assert body["status"] == answer.code == status
    assert body["title"]


# --------------------------------------------------------------------------- when it goes wrong


def row(day: date, uin: str) -> dict[str, Any]:
    return {"value": {"uin": uin, "dateTabled": f"{day}T00:00:00"}}


def failing(*rows: dict[str, Any], total: int | None = None) -> Starlette:
    """An API whose list works and whose questions do not."""

    def everything(request: Request) -> Response:
        path = request.url.path
        if path == "/robots.txt":
            return PlainTextResponse("", 404)
        if path.endswith("/500"):
            return JSONResponse({"status": 500, "title": "An error occurred"}, 500)
        if path.endswith("/200"):
            return JSONResponse({"status": 500, "title": "An error occurred"})
        if path.endswith("/html"):
            return PlainTextResponse("<html><p>Just a moment</p></html>", media_type="text/html")
        if path.endswith("/half"):
            return PlainTextResponse('{"value": {"uin": "ha', media_type="application/json")
        found = rows if request.query_params["skip"] == "0" else ()
        return JSONResponse({"totalResults": total or len(rows), "results": list(found)})

    return Starlette(routes=[Route("/{path:path}", everything)])


def test_errors_are_reported_and_nothing_is_recorded(ledger: Ledger, now: datetime) -> None:
    day = now.date()
    rows = [row(day, uin) for uin in ("500", "200", "html", "half")]
    lines: list[CrawlLine] = []
    with serve(failing(*rows, total=9)) as url:
        outcome = crawl(ledger, url, now, lines.append)
        with ledger.reading() as connection:
            assert questions.count(connection) == 0
    assert outcome.verdict == "changed"
    assert outcome.counts == {"unreadable": 3}
    report = lines[-1]
    assert isinstance(report, CrawlReport)
    assert report.failed == 1
    assert any(
        "/500?expandMember=true&sessionStatus=Any: HTTP 500" in str(failure)
        for failure in report.failures
    )
    assert report.listings_short == 1  # nine are said to be there, and four came


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"status": 500, "title": "An error occurred"}),
        PlainTextResponse("<html>Just a moment</html>", media_type="text/html"),
    ],
)
def test_a_list_that_is_none(ledger: Ledger, now: datetime, answer: Response) -> None:
    with serve(Starlette(routes=[Route("/{path:path}", lambda _: answer)])) as url:
        outcome = crawl(ledger, url, now)
    assert outcome.verdict == "changed"


# ------------------------------------------------------------------------- in the whole service


def config(parliament: str, london: str) -> str:
    return (
        build_config(london).replace("days_back = 90", "days_back = 20")
        + f"""
[sources.uk-parliament]
url = "{parliament}"
home = "https://questions-statements.parliament.uk"
attribution = "{ATTRIBUTION}"
delay_seconds = 0.01
days_back = 7
"""
    )


def test_a_word_is_watched_for_in_both(parliament: Parliament, tmp_path: Path) -> None:
    with run_replica() as london:
        service = ServiceFolder(tmp_path / "service", config(parliament.url, london.url))
        service.run("once")
        assert service.emails == []
        london.go_to_stage(1)
        parliament.now = parliament.start + STAGES[0]
        service.run("once", "--quiet")
    [mail] = service.emails
    text = get_plain_text(mail)
    assert f"{parliament.address(0, '4108')}\n" in text
    assert f"{london.url}/who-we-are/" in text
    assert " ".join(text.split()).count(ATTRIBUTION) == 1
    feeds = list((service.folder / "var" / "feeds").glob("*.atom.xml"))
    assert len(feeds) == 2  # the topic's, and that of everything
    assert all(ATTRIBUTION in feed.read_text() for feed in feeds)


def test_saved_and_live_pages_are_parsed(parliament: Parliament, tmp_path: Path) -> None:
    service = ServiceFolder(tmp_path / "service", config(parliament.url, "http://127.0.0.1:1"))
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(parliament.ask("/901?expandMember=true"), indent=1))
    ours = tmp_path / "ours.jsonl"
    ours.write_text(service.run("parse", str(saved)).stdout)
    live = parliament.address(2, "4101")
    by_id = f"{parliament.url}{API_PATH}/901"
    records = service.run("parse", str(saved), str(ours), live, by_id).stdout.splitlines()
    first, again, *fetched = (msgspec.json.decode(line, type=Question) for line in records)
    assert first == again
    assert [question.url for question in (first, *fetched)] == [live] * 3
    assert [question.digest for question in fetched] == [first.digest] * 2


def test_the_example_config_shows_the_section() -> None:
    example = (REPOSITORY / "config.example.toml").read_text()
    _, begins, rest = example.partition("# [sources.uk-parliament]\n")
    section = (begins + rest.partition("\n\n")[0]).replace("# ", "")
    found = parse_config(section, Path(), "config.toml").sources[SOURCE]
    assert found.attribution == ATTRIBUTION
    assert found.url.startswith("https://questions-statements-api.")
    assert found.home == DETAIL_URL.removesuffix(PATH)


# ---------------------------------------------------------------------- what the schema allows


def test_questions_of_an_earlier_session_are_not_withdrawn(
    ledger: Ledger, parliament: Parliament
) -> None:
    crawl(ledger, parliament.url, parliament.now)
    parliament.api.state.session_began = parliament.day(0)
    found = [
        crawl(ledger, parliament.url, parliament.start + timedelta(hours=hours)).counts
        for hours in (26, 52, 78)
    ]
    assert not any(counts.get("gone") or counts.get("refused") for counts in found)
    assert sum(counts.get("withdrawn", 0) for counts in found) <= 1  # the script withdraws one
    assert all("sessionStatus=Any" in r for r in parliament.requests if API_PATH in r)
    hidden = parliament.ask("?take=99")
    assert hidden["totalResults"] < parliament.ask("?take=99&sessionStatus=Any")["totalResults"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"askingMember": None}, "askingMember"),
        ({"askingMember": {"name": None, "party": None}}, "askingMember"),
        ({"answeringMember": None}, "answeringMember"),
        ({"answeringMember": {"name": None}}, "answeringMember"),
        ({"answeringBodyName": None}, "answeringBodyName"),
        ({"attachments": [{"url": None, "title": "Table"}]}, "address of attachment 1 (Table)"),
        ({"attachments": [{"url": None, "title": None}]}, "attachment 1 (without a title)"),
        ({"attachments": None}, ""),
        ({"links": None}, ""),
    ],
)
def test_a_question_without_some_parts_is_kept(
    still: Parliament, changes: dict[str, Any], missing: str
) -> None:
    record = read_question(single(still, 2, "4101", **changes))
    assert record.suspect == ()
    assert missing in record.labels.get("missing", "")
    assert record.status == "answered"
    assert record.reference == "4101"


def serve_rows(value: dict[str, Any], whole: dict[str, Any] | None) -> Starlette:
    """An API with one question, which its first call shows as ``value``."""

    def answer(request: Request) -> Response:
        path = request.url.path
        if path == "/robots.txt":
            return PlainTextResponse("", 404)
        if path == API_PATH:
            rows = [{"value": value}, {"value": value | {"uin": None}}]
            return JSONResponse({"totalResults": 2, "results": rows, "links": None})
        found = whole if path == f"{API_PATH}/{value['id']}" else value
        return JSONResponse({"value": found} if found else {}, 200 if found else 404)

    return Starlette(routes=[Route("/{path:path}", answer)])


@pytest.mark.parametrize("is_there", [True, False])
def test_a_cut_text_is_noticed_and_the_whole_fetched(
    ledger: Ledger, still: Parliament, now: datetime, is_there: bool
) -> None:
    text = "To ask what plans there are for the ponds of " + "Marl and " * 40 + "Lowe."
    whole = still.ask(f"/{still.day(2)}/4101?expandMember=true")["value"]
    whole |= {"dateTabled": f"{now.date()}T00:00:00", "questionText": text}
    cut = whole | {"questionText": text[:255]}
    with serve(serve_rows(cut, whole if is_there else None)) as url:
        crawl(ledger, url, now)
    record = stored(ledger, f"{DETAIL_URL}/{now.date()}/4101")
    [asked] = iter_paragraphs(record.question)
    assert asked == (text if is_there else text[:255].strip())
    assert bool(record.suspect) is not is_there
