"""Charts and pictures by address, and the page that compares two topics, over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from lxml import etree, html

from alerts.charts import MonthCount
from alerts.ledger import Ledger, topics
from alerts.recording import take_down
from alerts.subscribers import hide_topic, publish_topic
from alerts.web.charts import build_search_chart
from crawler.records import Asker, Meeting, Question
from tests.support.png import read_png_size
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient, run_web_client

NOW = datetime(2026, 7, 16, 12, tzinfo=UTC)
#: Of the questions on trams: 14, of which two are not answered.
WORDS = "Will the night tram run to Elmbridge?"


def make_dated(number: int, day: date, words: str, *, is_answered: bool) -> Question:
    answers = (make_answer("It will."),) if is_answered else ()
    return make_question(number, *answers, words=words, meeting=Meeting("MQT", day))


@pytest.fixture(scope="module")
def filled(shared_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebClient]:
    """The pages over a ledger that no test of this module changes."""
    with run_web_client(shared_ledger, NOW, tmp_path_factory.mktemp("feeds")) as client:
        fill(client)
        yield client


@pytest.fixture
def changeable(site: WebClient) -> WebClient:
    """The same over a ledger of its own."""
    fill(site)
    return site


def fill(client: WebClient) -> None:
    today = client.now.date()
    with client.ledger.writing() as connection:
        publish_topic(connection, "tram", client.now)
    client.publish_questions(
        *(
            make_dated(n, today - timedelta(days=30 * (n // 2)), WORDS, is_answered=n > 1)
            for n in range(14)
        ),
        *(
            make_dated(n, today - timedelta(days=20 * (n - 50)), "On buses.", is_answered=True)
            for n in range(50, 70)
        ),
        make_question(
            90, make_answer("Yes."), asked_by=Asker("Zoë Late", "Zoë Late AM", "Hill", "zoe-late")
        ),
    )


def read_csv(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode())))


def find_slug(filled: WebClient) -> str:
    with filled.ledger.reading() as connection:
        topic = topics.find_public(connection, "tram")
    assert topic is not None
    return topic.slug


def find_addresses(filled: WebClient, ending: str) -> list[str]:
    slug = find_slug(filled)
    return [
        f"/charts/search.{ending}?q=tram",
        f"/charts/topics/{slug}.{ending}",
        f"/charts/members/ada-brook.{ending}",
        f"/charts/bodies/the-mayor.{ending}",
        f"/charts/search.{ending}?q=tram&vs=buses",
        f"/charts/topics/{slug}.{ending}?vs=buses",
    ]


@pytest.mark.parametrize(
    ("ending", "media_type"),
    [("svg", "image/svg+xml"), ("png", "image/png"), ("csv", "text/csv")],
)
def test_each_chart_is_served_in_each_format_and_may_be_kept(
    filled: WebClient, ending: str, media_type: str
) -> None:
    for path in find_addresses(filled, ending):
        status, headers, body = filled.request("GET", path)
        assert status == 200, path
        assert headers.get_content_type() == media_type
        assert headers["Cache-Control"] == "public, max-age=300"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["X-Content-Type-Options"] == "nosniff"
        known = {"If-None-Match": headers["ETag"]}
        assert filled.request("GET", path, headers=known)[0] == 304
        if ending == "svg":
            document = etree.fromstring(body)
            assert document.tag == "{http://www.w3.org/2000/svg}svg"
            assert "Source: replica.example, read by Watchword" in body.decode()
            assert "watch.example" in body.decode()
        elif ending == "png":
            assert read_png_size(body)[0] == 1600
        else:
            assert read_csv(body)[0][0] == "month"


def test_the_numbers_of_a_search_are_split_by_whether_they_are_answered(
    filled: WebClient,
) -> None:
    rows = read_csv(filled.request("GET", "/charts/search.csv?q=tram")[2])
    assert len(rows) == 25
    assert sum(int(row[1]) for row in rows[1:]) == 12
    assert [row for row in rows[1:] if row[2] != "0"] == [["2026-07", "0", "2"]]


@pytest.mark.parametrize("typed", ["tram", "tram elmbridge", '"night tram run"', "tram NEAR/5 run"])
def test_an_indexed_search_and_a_decided_one_count_the_same(filled: WebClient, typed: str) -> None:
    found = filled.request("GET", f"/charts/search.csv?q={quote(typed)}")
    assert found[0] == 200, found
    assert found[2] == filled.request("GET", "/charts/search.csv?q=tram")[2]


def test_a_topic_and_a_member_count_the_same_questions_as_their_searches(
    filled: WebClient,
) -> None:
    search, topic, member, *_ = (
        filled.request("GET", path)[2] for path in find_addresses(filled, "csv")
    )
    assert topic == search
    assert sum(int(row[1]) + int(row[2]) for row in read_csv(member)[1:]) == 34


def test_a_comparison_has_the_numbers_of_both(filled: WebClient) -> None:
    rows = read_csv(filled.request("GET", "/charts/search.csv?q=tram&vs=buses")[2])
    found = {
        name: sum(int(row[2]) + int(row[3]) for row in rows[1:] if row[1] == name)
        for name in ("tram", "buses")
    }
    assert found == {"tram": 14, "buses": 20}


@pytest.mark.parametrize(
    "path",
    [
        "/charts/search.gif?q=tram",
        "/charts/search.svg",
        "/charts/search/tram.svg",
        "/charts/subscribers/1.csv",
        "/charts/questions/london:/questions/1.svg",
        "/charts/topics/nothing.svg",
        "/charts/members/nobody.csv",
        "/charts/bodies/nobody.csv",
        "/charts/members/ada%00brook.csv",
        "/pictures/topics/nothing.png",
        "/pictures/search.svg?q=tram",
        "/pictures/questions/london:/questions/99999.png",
    ],
)
def test_what_there_is_not_is_answered_with_a_sentence(filled: WebClient, path: str) -> None:
    status, headers, body = filled.request("GET", path)
    assert status == 404
    assert headers.get_content_type() == "text/plain"
    assert body.decode().startswith("There is no such ")


def test_a_wrong_query_is_answered_with_what_to_change(filled: WebClient) -> None:
    for path in ("/charts/search.svg?q=(tram", "/charts/search.svg?q=tram&vs=(bus"):
        status, text = filled.request_text("GET", path)
        assert status == 400
        assert "bracket" in text


@pytest.mark.slow
def test_a_private_topic_has_no_chart_and_a_withdrawn_one_says_so(changeable: WebClient) -> None:
    filled = changeable
    with filled.ledger.writing() as connection:
        topic = topics.find_public(connection, "tram")
        assert topic is not None
        path = f"/charts/topics/{topic.slug}.csv"
        before = filled.request_text("GET", path)
        hide_topic(connection, topic.slug)
    assert before[0] == 200
    assert filled.request_text("GET", path)[0] == 410
    assert filled.request_text("GET", f"/pictures/topics/{topic.slug}.png")[0] == 410
    assert filled.request_text("GET", "/charts/search.csv?q=tram")[1] == before[1]


def test_fewer_than_twelve_questions_make_no_chart(filled: WebClient) -> None:
    svg = filled.request_text("GET", "/charts/search.svg?q=nothing")[1]
    assert "Too few questions for a chart." in svg
    assert "No questions in these months" in svg


def test_a_chart_of_a_search_that_ran_out_of_time_says_since_when_it_counts(
    filled: WebClient,
) -> None:
    assert filled.work_context is not None
    months = [MonthCount(date(2026, month, 1), 9, 0) for month in (5, 6, 7)]
    chart = build_search_chart(filled.work_context, "tram", months)
    assert chart.counted == "Questions a month that match tram, counted since May 2026"


class TestPictures:
    @pytest.mark.slow
    def test_each_kind_of_page_has_a_picture_for_links(self, filled: WebClient) -> None:
        slug = find_addresses(filled, "png")[1].rpartition("/")[2]
        for path in (
            f"/pictures/topics/{slug}",
            "/pictures/members/ada-brook.png",
            "/pictures/bodies/the-mayor.png",
            "/pictures/questions/london:/questions/1.png",
            "/pictures/search.png?q=tram",
        ):
            status, headers, body = filled.request("GET", path)
            assert (status, headers.get_content_type()) == (200, "image/png")
            assert read_png_size(body) == (1200, 630)
            known = {"If-None-Match": headers["ETag"]}
            assert filled.request("GET", path, headers=known)[0] == 304

    def test_our_name_is_not_put_beside_words_that_no_question_has(self, filled: WebClient) -> None:
        first, second = (
            filled.request("GET", f"/pictures/search.png?q={typed}")[2]
            for typed in ("buy+pills+at+evil", "zebra")
        )
        assert first == second

    @pytest.mark.slow
    def test_a_question_that_is_taken_down_has_none(self, changeable: WebClient) -> None:
        filled = changeable
        path = "/pictures/questions/london:/questions/1.png"
        assert filled.request("GET", path)[0] == 200
        with filled.ledger.writing() as connection:
            take_down(connection, "london:/questions/1", "asked to", filled.now)
        assert filled.request("GET", path)[0] == 410


class TestComparePage:
    def test_it_asks_for_two_topics(self, filled: WebClient) -> None:
        status, text = filled.request_text("GET", "/compare")
        page = html.fromstring(text)
        assert status == 200
        assert [field.get("name") for field in page.xpath("//main//input")] == ["q", "vs"]
        assert not page.xpath("//figure")
        assert not page.xpath("//main//p[contains(., 'For example')]")  # there is one topic alone

    @pytest.mark.slow
    def test_it_has_two_public_topics_as_an_example(self, changeable: WebClient) -> None:
        with changeable.ledger.writing() as connection:
            publish_topic(connection, "buses", changeable.now)
        page = html.fromstring(changeable.request_text("GET", "/compare")[1])
        [link] = page.xpath("//main//a[starts-with(@href, '/compare')]")
        assert link.text == "tram and buses"
        assert changeable.request_text("GET", link.get("href"))[0] == 200

    def test_one_topic_has_its_chart_and_waits_for_the_other(self, filled: WebClient) -> None:
        page = html.fromstring(filled.request_text("GET", "/compare?q=tram")[1])
        assert page.xpath("//main//input[@name='q']/@value") == ["tram"]
        assert "Most in" in page.xpath("string(//figure)")

    @pytest.mark.slow
    def test_two_topics_stand_side_by_side_with_lines_numbers_and_files(
        self, filled: WebClient
    ) -> None:
        page = html.fromstring(filled.request_text("GET", "/compare?q=tram&vs=buses")[1])
        assert page.xpath("string(//figure//h2)") == "tram compared with buses"
        assert len(page.xpath("//figure//polyline")) == 2
        assert page.xpath("//figure//table//thead//th/text()") == ["Month", "tram", "buses"]
        assert len(page.xpath("//figure//tbody/tr")) == 24
        assert page.xpath("//dl[@class='figures']/div[2]/dd/text()") == ["14", "20"]
        for link in page.xpath("//figure//a/@href"):
            assert filled.request("GET", link)[0] == 200
        assert "tram and buses compared" in page.findtext(".//title")

    def test_an_error_stands_at_its_box_and_what_was_typed_stays(self, filled: WebClient) -> None:
        status, text = filled.request_text("GET", "/compare?q=tram&vs=%28bus")
        page = html.fromstring(text)
        assert status == 400
        [wrong] = page.xpath("//input[@aria-invalid='true']")
        assert (wrong.get("name"), wrong.get("value")) == ("vs", "(bus")
        described = page.get_element_by_id(wrong.get("aria-describedby"))
        assert "bracket" in described.text_content()
        assert page.findtext(".//title").startswith("Error:")
        assert "Most in" in page.xpath("string(//figure)")

    def test_whatever_is_typed_is_escaped(self, filled: WebClient) -> None:
        text = filled.request_text("GET", "/compare?q=%22%3Cb%3Etram%22&vs=%22%3Ci%3Ebuses%22")[1]
        assert not html.fromstring(text).xpath("//main//b | //main//i")


def test_a_member_is_found_by_the_name_in_the_address(filled: WebClient) -> None:
    status, text = filled.request_text("GET", "/charts/members/zoe-late.svg")
    assert status == 200
    assert "Questions that Zoë Late asked, by month" in text


class TestCharts:
    """The charts within pages."""

    @pytest.mark.parametrize(
        ("path", "file"),
        [
            ("/search?q=tram", "/charts/search.csv?q=tram"),
            ("/topic/{slug}", "/charts/topics/{slug}.csv"),
            ("/member/ada-brook", "/charts/members/ada-brook.csv"),
            ("/bodies/the-mayor", "/charts/bodies/the-mayor.csv"),
        ],
    )
    def test_a_page_shows_its_chart_with_table_source_and_files(
        self, filled: WebClient, path: str, file: str
    ) -> None:
        slug = find_slug(filled)
        page = html.fromstring(filled.request_text("GET", path.format(slug=slug))[1])
        [figure] = page.xpath("//figure")
        [drawing] = figure.xpath(".//svg[@role='img']")
        named = [page.get_element_by_id(one) for one in drawing.get("aria-labelledby").split()]
        said = " ".join(one.text_content() for one in named)
        assert "Most in" in said
        assert "Bar chart of 24 months. Highest:" in said
        rows = [row.xpath("td/text()") for row in figure.xpath(".//tbody/tr")]
        written = read_csv(filled.request("GET", file.format(slug=slug))[2])[1:]
        assert [(row[1], row[2]) for row in rows] == [(a, u) for _, a, u in reversed(written)]
        links = figure.xpath(".//a/@href")
        assert file.format(slug=slug) in links
        assert all(filled.request("GET", link)[0] == 200 for link in links)
        assert "Source: replica.example, read by Watchword" in figure.text_content()
        assert not page.xpath("//*[@style]")

    @pytest.mark.parametrize(
        ("path", "picture"),
        [
            ("/search?q=tram", "/pictures/search.png?q=tram"),
            ("/topic/{slug}", "/pictures/topics/{slug}.png"),
            ("/member/ada-brook", "/pictures/members/ada-brook.png"),
            ("/bodies/the-mayor", "/pictures/bodies/the-mayor.png"),
            (
                "/question/london:/questions/1",
                "/pictures/questions/london:/questions/1.png",
            ),
        ],
    )
    def test_a_page_names_its_title_and_picture_for_other_sites(
        self, filled: WebClient, path: str, picture: str
    ) -> None:
        slug = find_slug(filled)
        page = html.fromstring(filled.request_text("GET", path.format(slug=slug))[1])
        found = {
            one.get("property") or one.get("name"): one.get("content")
            for one in page.xpath("//meta[@property or @name]")
        }
        public = "https://watch.example"
        assert found["og:title"]
        assert found["og:description"] == found["og:description"].strip()
        assert found["og:url"] == public + path.format(slug=slug)
        assert found["og:image"] == public + picture.format(slug=slug)
        assert found["twitter:card"] == "summary_large_image"
        status, headers, _ = filled.request("GET", picture.format(slug=slug))
        assert (status, headers.get_content_type()) == (200, "image/png")

    def test_a_search_that_finds_nothing_has_no_picture(self, filled: WebClient) -> None:
        assert "og:image" not in filled.request_text("GET", "/search?q=zebra")[1]
