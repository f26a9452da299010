"""Public pages: topics, questions, members, overdue questions, captured pages."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from html import unescape
from urllib.parse import quote

import html5lib
import msgspec
import pytest
from lxml import etree
from sqlalchemy import update

from alerts.ledger import questions, schema, topics
from alerts.subscribers import publish_topic
from alerts.web import CapturedPage
from crawler.records import Asker, Attachment, Meeting
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.web_client import WebClient

AKN = "{http://docs.oasis-open.org/legaldocml/ns/akn/3.0}"
LONG_AGO = Meeting("MQT on 2026-05-14", date(2026, 5, 14))


def page(pages: WebClient, path: str) -> str:
    status, html = pages.request_text("GET", path)
    assert status == 200, html
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(html) < 100_000
    assert not re.search(r"<style|style=|\son\w+=", html)
    return html


def threaded(pages: WebClient) -> None:
    parent = make_question(
        1, make_answer("The VRU grows."), words="Of the VRU?", title="Grants <b>"
    )
    child = make_question(
        2,
        words="And then, of the VRU?",
        title="Grants <b> (Supplementary) [1]",
        kind="supplementary",
        supplementary_number=1,
    )
    other = make_question(
        3, words="Of the VRU again?", asked_by=Asker("Bea", "Bea AM", None, "bea")
    )
    with pages.ledger.writing() as connection:
        publish_topic(connection, "VRU", pages.now)
    pages.publish_questions(parent, child, other)


@pytest.mark.slow
def test_a_topic_shows_its_questions_as_threads(pages: WebClient) -> None:
    threaded(pages)
    html = page(pages, "/topic/VRU")
    assert "3 questions since 16 July 2026." in html
    assert html.index("Question 3") < html.index("Grants &lt;b&gt;")
    parts = re.findall(r'<a href="(/question/[^"]+)">', html)
    assert parts == [f"/question/london:/questions/{n}" for n in (3, 1, 2)]
    [nested] = re.findall(r'<ol class="list nested compact">(.*?)</ol>', html, re.DOTALL)
    assert "/question/london:/questions/2" in nested
    assert html.count('rel="alternate"') == 3
    assert "<mark>VRU</mark>" in html
    assert pages.request_text("GET", "/topic/none")[0] == 404


@pytest.mark.slow
def test_a_long_topic_is_paged(site: WebClient) -> None:
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(*(make_question(n, words="Of the VRU?") for n in range(1, 46)))
    seen: list[str] = []
    path = "/topic/VRU"
    while path:
        html = page(site, path)
        seen += re.findall(r'<a href="/question/[^"]*/(\d+)">', html)
        [*more] = re.findall(r'rel="next" href="([^"]+)"', html)
        path = more[0] if more else ""
    assert seen == [str(n) for n in range(45, 0, -1)]
    for odd in ("0", "-1", "x", "99999", "²"):
        page(site, f"/topic/VRU?page={quote(odd)}")


@pytest.mark.slow
def test_a_question_page_shows_thread_history_and_links(pages: WebClient) -> None:
    threaded(pages)
    pages.now += timedelta(days=2)
    changed = make_question(
        1, make_answer("The VRU shrinks."), words="Of the VRU?", title="Grants <b>"
    )
    pages.publish_questions(changed)
    html = page(pages, "/question/london:/questions/1")
    assert "<del>grows</del>" in html.replace("grows.", "grows").replace("</del>.", "</del>")
    assert "<ins>shrinks" in html
    history = html.partition('id="history"')[2].partition("</ol>")[0]
    labels = re.findall(r'<span class="status \w+">([^<]+)</span>', history)
    assert labels == ["Corrected", "Answered", "Asked"]
    assert "with supplementary 1" in history
    assert 'href="/question/london:/questions/2"' in html  # its supplementary
    assert 'href="/member/ada-brook"' in html
    assert 'href="https://replica.example/questions/1"' in html
    assert "/capture/" not in html
    # It is answered and its supplementary is not, which is what can be followed.
    assert "Follow supplementary 1" in html
    described = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert described is not None
    json_ld = json.loads(described[1])
    assert json_ld["mainEntity"]["name"] == "Grants <b>"
    assert json_ld["mainEntity"]["acceptedAnswer"][0]["text"] == "The VRU shrinks."
    assert pages.request_text("GET", "/question/london:/questions/999")[0] == 404


@pytest.mark.slow
def test_hostile_content_of_a_question_is_escaped(site: WebClient) -> None:
    evil = "</script><script>alert(1)</script> \x0c\ufffe {{7*7}} \u202e"
    table = msgspec.structs.replace(
        make_answer("Told."),
        html="<table><tr><td onclick=x()>1</td></tr></table><script>alert(1)</script>"
        '<a href="javascript:x()">a</a><img src="https://tracker.example/">',
    )
    site.publish_questions(
        make_question(1, table, words=evil, title=evil, url="javascript:alert(1)")
    )
    html = page(site, "/question/london:/questions/1")
    assert html.count("<script") == 1
    assert "{{7*7}}" in html
    for never in ("onclick", "javascript:", "tracker.example", "<script>alert"):
        assert never not in html
    assert "<table>" in html
    etree.fromstring(site.request("GET", "/akoma-ntoso/london:/questions/1")[2])
    page(site, "/search?q=Told")


@pytest.mark.slow
def test_a_thread_as_akoma_ntoso(site: WebClient) -> None:
    threaded(site)
    status, headers, body = site.request("GET", "/akoma-ntoso/london:/questions/1")
    assert (status, headers.get_content_type()) == (200, "application/akn+xml")
    found = etree.fromstring(body)
    asked = [q.findtext(f"{AKN}p") for q in found.iter(f"{AKN}question")]
    assert asked == ["Of the VRU?", "And then, of the VRU?"]
    assert found.find(f".//{AKN}answer").get("by") == "#the-mayor"
    people = {p.get("eId"): p.get("showAs") for p in found.iter(f"{AKN}TLCPerson")}
    assert people == {"ada-brook": "Ada Brook", "the-mayor": "The Mayor"}
    ids = [e.get("eId") for e in found.iter() if e.get("eId")]
    assert len(set(ids)) == len(ids)
    assert site.request_text("GET", "/akoma-ntoso/london:/questions/999")[0] == 404


@pytest.mark.slow
def test_a_member_page_shows_statistics_and_topics(pages: WebClient) -> None:
    threaded(pages)
    late = make_answer("At last.", date=date(2026, 9, 14))
    soon = make_answer("At once.", date=date(2026, 7, 20))
    pages.publish_questions(
        make_question(4, late),
        make_question(5, soon),
        make_question(6, make_answer(HOLDING_TEXT, holding=True)),
    )
    html = page(pages, "/member/ada-brook")
    plain = re.sub(r"<[^>]+>|\s+", " ", html)
    rows = (
        "questions asked 5",
        "answered (60%) 3",
        "not yet answered 2",
        "typical time to answer (2 answers) 32 days",
        "Within 7 days 1",
        "More than 28 days 1",
        "2 answers with a known date. Half came within 32 days.",
    )
    for row in rows:
        assert row in re.sub(" +", " ", plain)
    assert 'href="/topic/VRU"' in html
    assert re.search(r'Ada Brook</a></th>.*?<td class="r">5</td>', page(pages, "/members"))
    assert pages.request_text("GET", "/member/nobody")[0] == 404


@pytest.mark.slow
def test_overdue_questions_are_listed_longest_first(pages: WebClient) -> None:
    old = Meeting(None, date(2026, 2, 2))
    pages.publish_questions(
        make_question(1, meeting=LONG_AGO),
        make_question(2, meeting=old),
        make_question(3, make_answer("Done."), meeting=old),
        make_question(4),
        make_question(5, make_answer(HOLDING_TEXT, holding=True), meeting=LONG_AGO),
    )
    html = page(pages, "/unanswered")
    assert "3 questions unanswered for more than 28 days" in html
    assert re.findall(r"Question (\d)</a>", html) == ["2", "1", "5"]
    assert "Unanswered for 164 days" in html
    status, headers, _ = pages.request("GET", "/overdue")
    assert (status, headers["Location"]) == (308, "/unanswered")


def test_a_captured_page_is_served_in_a_sandbox(site: WebClient) -> None:
    site.publish_questions(make_question(1))
    assert site.request_text("GET", "/capture/london:/questions/1")[0] == 404
    with site.ledger.writing() as connection:
        questions.save_capture(connection, "london:/questions/1", "file.warc.gz:12")
    html = page(site, "/question/london:/questions/1")
    assert 'href="/capture/london:/questions/1"' in html
    assert site.request_text("GET", "/capture/london:/questions/1")[0] == 404  # the file is gone
    kept = CapturedPage(
        "https://replica.example/", site.now, "text/html", b"<script>alert(1)</script>"
    )
    site.captures["file.warc.gz:12"] = kept
    status, headers, body = site.request("GET", "/capture/london:/questions/1")
    assert (status, body) == (200, kept.body)
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; ")
    allowed = {source for rule in policy.split(";")[1:] for source in rule.split()[1:]}
    assert allowed == {"'none'", "'unsafe-inline'", "data:"}
    assert headers["Memento-Datetime"] == "Thu, 16 Jul 2026 12:00:00 GMT"


@pytest.mark.slow
def test_a_question_can_be_followed(pages: WebClient) -> None:
    pages.publish_questions(make_question(1, title="Of benches"))
    path = "/question/london:/questions/1"
    form = {"question": "london:/questions/1", "title": "Of benches", "frequency": "immediate"}
    status, html = pages.submit_form(path, "/sign-up", email="ada@demo.example", **form)
    assert status == 200
    assert "Check your email" in html
    [email_text] = pages.read_messages()
    assert "Of benches" in email_text
    link = re.search(r"https://watch\.example(/c/\S+)", email_text)
    assert link is not None
    assert pages.request_text("POST", link[1])[0] == 200
    with pages.ledger.reading() as connection:
        [topic] = topics.list_all(connection)
    assert topic.question_id == "london:/questions/1"
    wrong = form | {"question": "london:/questions/2"}
    assert pages.submit_form(path, "/sign-up", email="bea@demo.example", **wrong)[0] == 400


@pytest.mark.parametrize("path", ["/nothing", "/topic/", "/question/", "/member/"])
def test_an_unknown_path_gets_an_error_page(site: WebClient, path: str) -> None:
    status, html = site.request_text("GET", path)
    assert status == 404
    html5lib.HTMLParser(strict=True).parse(html)
    assert "Page not found" in html


@pytest.mark.slow
def test_the_pages_of_a_list_are_whole_though_questions_arrive(site: WebClient) -> None:
    """A new question, which stands first, shifts no page of a topic, a member or the overdue."""
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    day = Meeting(None, date(2026, 3, 19))
    site.publish_questions(
        *(make_question(n, words="Of the VRU?", meeting=day) for n in range(1, 121)),
        *(make_question(n, words="Of the VRU?", meeting=None) for n in range(121, 131)),
        baseline=True,
    )
    for begin, expected in (("/topic/VRU", 130), ("/member/ada-brook", 130), ("/unanswered", 120)):
        seen: list[str] = []
        path = begin
        while path:
            html = page(site, path)
            seen += re.findall(r'<a href="/question/[^"]*/(\d+)">', html)
            following = re.search(r'rel="next" href="([^"]+)"', html)
            path = unescape(following[1]) if following else ""
            new = make_question(1000 + site.now.toordinal(), words="Of the VRU?", meeting=day)
            site.publish_questions(new)
            site.now += timedelta(days=1)
        early = [one for one in seen if int(one) < 1000]
        assert len(early) == len(set(early)) == expected
    assert page(site, "/topic/VRU").count("questions since") == 1
    for path in ("/member/ada-brook?after=x", "/unanswered?after=2026-01-01"):
        assert site.request_text("GET", path)[0] == 400


@pytest.mark.slow
def test_a_topic_counts_questions_without_a_meeting_day(site: WebClient) -> None:
    with site.ledger.writing() as connection:
        publish_topic(connection, "of the VRU", site.now)
    site.publish_questions(
        make_question(1, words="Of the VRU?"), make_question(2, words="Of the VRU?", meeting=None)
    )
    with site.ledger.reading() as connection:
        [topic] = topics.list_all(connection)
    assert "2 questions since" in page(site, f"/topic/{topic.slug}")
    body = json.loads(site.request_text("GET", f"/api/v1/topics/{topic.slug}")[1])
    assert body["questions"] == 2


@pytest.mark.slow
def test_a_history_says_what_it_does_not_show(site: WebClient) -> None:
    said = [f"Sentence {n} of the bus report." for n in range(60)]
    for number in range(104):
        words = " ".join(said[: 20 + number % 2]).replace("bus", f"bus {number}")
        site.publish_questions(make_question(1, words=words))
    html = page_of_any_size(site, "/question/london:/questions/1")
    assert "The newest 100 changes. Older ones are not shown." in html


def page_of_any_size(pages: WebClient, path: str) -> str:
    status, html = pages.request_text("GET", path)
    assert status == 200
    return html


def test_a_slug_of_an_earlier_version_leads_to_the_topic(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        topic = publish_topic(connection, "Siân Berry", pages.now)
    assert topic.slug.startswith("sian-berry-")
    former = topic.slug.replace("sian-berry", "si-n-berry")
    assert pages.request_text("GET", f"/topic/{former}")[0] == 308
    assert pages.request_text("GET", f"/feeds/{former}.atom.xml")[0] == 200
    assert pages.request_text("GET", "/topic/si-n-berry-00000000")[0] == 404


def test_a_topic_keeps_the_slug_that_it_has(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        topic = publish_topic(connection, "Siân Berry", pages.now)
        former = topic.slug.replace("sian-berry", "si-n-berry")
        connection.execute(
            schema.topic.update().where(schema.topic.c.id == topic.id).values(slug=former)
        )
    assert "Siân Berry" in page(pages, f"/topic/{former}")
    assert pages.request_text("GET", f"/topic/{topic.slug}")[0] == 308


def test_a_question_without_a_title_is_called_by_its_first_words(pages: WebClient) -> None:
    asked = make_question(1, words="When will the ferry come back?", title=None)
    pages.publish_questions(asked)
    html = page(pages, "/question/london:/questions/1")
    assert '<h1 class="long">When will the ferry come back?</h1>' in html
    assert ">When will the ferry come back?</a>" in page(pages, "/member/ada-brook")


@pytest.mark.slow
def test_links_of_an_answer_are_absolute_and_encoded(pages: WebClient) -> None:
    links = '<p><a href="/a b.pdf">A</a> <a href="mailto:x@demo.example">B</a></p><table></table>'
    answer = msgspec.structs.replace(
        make_answer("A B"), html=links, attachments=(Attachment("Plan", "../plan 1.pdf"),)
    )
    pages.publish_questions(make_question(1, answer))
    html = page(pages, "/question/london:/questions/1")
    assert 'href="https://replica.example/a%20b.pdf"' in html
    assert 'href="mailto:x@demo.example"' in html
    assert 'href="https://replica.example/plan%201.pdf"' in html


def test_characters_that_turn_the_direction_of_text_are_left_out(pages: WebClient) -> None:
    pages.publish_questions(make_question(1, title="Ferry \u202efdp.exe\u2067"))
    html = page(pages, "/question/london:/questions/1")
    assert "Ferry fdp.exe" in html
    assert not {"\u202e", "\u2067"} & set(html)


def test_an_answer_links_to_the_questions_that_it_refers_to(pages: WebClient) -> None:
    answer = make_answer("Please see Question 2026/0001.")
    pages.publish_questions(make_question(1, title="Piers"), make_question(2, answer))
    html = page(pages, "/question/london:/questions/2")
    assert '<a href="/question/london:/questions/1">2026/0001, Piers</a>' in html


@pytest.mark.slow
@pytest.mark.parametrize("form", ["U.S.", "tram) OR (", "NOT tram", ""])
def test_the_pages_of_a_damaged_topic_are_shown(site: WebClient, form: str) -> None:
    site.publish_questions(make_question(1, words="About trams and buses."))
    with site.ledger.writing() as connection:
        damaged = publish_topic(connection, "trams", site.now)
        publish_topic(connection, "buses", site.now)
    site.publish_questions(make_question(2, words="More about trams and buses."))
    with site.ledger.writing() as connection:
        connection.execute(
            update(schema.topic).where(schema.topic.c.id == damaged.id).values(canonical=form)
        )
    site.publish_questions(make_question(3, words="Most about trams and buses."))
    for page in (f"/topic/{damaged.slug}", "/search?q=trams", "/api/v1/topics"):
        assert site.request_text("GET", page)[0] == 200, page
    assert site.request_text("GET", f"/feeds/{damaged.slug}.atom.xml")[0] == 200
    assert "Most about" in site.request_text("GET", "/topic/buses")[1]
