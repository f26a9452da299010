"""Pages of the archive that lead on: short addresses, citations, bodies, lists and what is owed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import html5lib
import msgspec
import pytest

from alerts.subscribers import hide_topic, publish_topic
from crawler.records import Addressee, Asker, Meeting, Question
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tests.support.web_client import WebClient

OLD = Meeting("MQT on 2026-03-19", date(2026, 3, 19))
FIRE = (Addressee("Fire Commissioner", "Fire Commissioner"),)


def read(pages: WebClient, path: str, expected: int = 200) -> str:
    """A page as it is read: valid, whole, without any inline style or script."""
    status, html = pages.request_text("GET", path)
    assert status == expected, html
    html5lib.HTMLParser(strict=True).parse(html)
    assert len(html) < 60_000
    assert not re.search(r"<style|style=|\son\w+=", html)
    assert html.count("<h1") == 1
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    return html


def plain(html: str) -> str:
    """The words of a page."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def make_member(name: str, party: str | None = None) -> Asker:
    return Asker(name, f"{name} AM", party, "-".join(name.lower().split()))


def list_questions(html: str) -> Sequence[str]:
    return re.findall(r'class="title"><a href="/question/[^"]*/(\d+)">', html)


# ------------------------------------------------------------------ short addresses


def test_a_short_address_leads_to_the_question(pages: WebClient) -> None:
    pages.publish_questions(make_question(1, reference="2026/1303"))
    for path in ("/q/2026-1303", "/q/london/2026-1303", "/q/1303-2026"):
        status, headers, _ = pages.request("GET", path)
        assert (status, headers["Location"]) == (302, "/question/london:/questions/1")
    html = read(pages, "/question/london:/questions/1")
    assert 'value="watch.example/q/2026-1303"' in html
    canonical = "https://watch.example/question/london:/questions/1"
    assert f'<link rel="canonical" href="{canonical}">' in html
    described = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert described is not None
    entity = json.loads(described[1])["mainEntity"]
    assert entity["url"] == canonical
    assert entity["isBasedOn"] == "https://replica.example/questions/1"
    assert 'href="https://replica.example/questions/1"' in html


def test_a_reference_of_two_sources_is_a_page_to_choose_from(pages: WebClient) -> None:
    there = make_question(
        2, id="leeds:/q/2", source="leeds", reference="2026/1303", title="Elsewhere"
    )
    pages.publish_questions(make_question(1, reference="2026/1303", title="Here"), there)
    html = read(pages, "/q/2026-1303")
    assert "2 questions have this reference." in html
    assert "Elsewhere</a>" in html
    assert "Here</a>" in html
    assert pages.request("GET", "/q/leeds/2026-1303")[1]["Location"] == "/question/leeds:/q/2"
    shared = read(pages, "/question/leeds:/q/2")
    assert 'value="watch.example/q/leeds/2026-1303"' in shared


def test_a_question_without_a_reference_is_shared_by_its_whole_address(site: WebClient) -> None:
    site.publish_questions(make_question(1, reference=None))
    html = read(site, "/question/london:/questions/1")
    assert 'value="watch.example/question/london:/questions/1"' in html


@pytest.mark.slow
def test_an_unknown_address_names_the_likely_page(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        publish_topic(connection, "ferries", pages.now)
        publish_topic(connection, "tunnels", pages.now)
    pages.publish_questions(make_question(1, reference="2026/1303", title="Of benches"))
    for path, meant in (
        ("/q/2026-13o3", "/question/london:/questions/1"),
        ("/question/london:/questions/2026/1303", "/question/london:/questions/1"),
        ("/member/ada-brok", "/member/ada-brook"),
        ("/bodies/mayor", "/bodies/the-mayor"),
        ("/topic/ferrys", "/topic/ferries"),
    ):
        html = read(pages, path, 404)
        assert f'<li><a href="{meant}">' in html, path
        assert 'action="/search"' in html
    assert "<li><a" not in plain(read(pages, "/member/xxxxxxxx", 404))


@pytest.mark.slow
def test_no_likely_page_is_a_private_topic(site: WebClient) -> None:
    site.publish_questions(make_question(1, words="Of the ferries?"))
    site.submit_form("/search?q=ferries", "/sign-up", email="ada@demo.example", q="ferries",
                     frequency="daily", updates="all")  # fmt: skip
    assert "ferries" not in read(site, "/topic/ferrys", 404).replace("/topic/ferrys", "")
    assert "ferries" not in read(site, "/topics")


# ------------------------------------------------------------------ a question


@pytest.mark.slow
def test_a_thread_shows_turns_states_and_what_was_corrected(pages: WebClient) -> None:
    pages.now -= timedelta(days=20)
    child = make_question(
        2,
        make_answer(HOLDING_TEXT, holding=True, date=date(2026, 6, 20)),
        title="Benches (Supplementary) [1]",
        kind="supplementary",
        supplementary_number=1,
        meeting=Meeting("MQT", date(2026, 6, 18)),
        reference=None,
    )

    def build(number: int) -> Question:
        answer = make_answer(
            "We mend them.", f"There are {number} benches.", date=date(2026, 6, 30)
        )
        return make_question(1, answer, title="Benches", meeting=Meeting("MQT", date(2026, 6, 18)))

    pages.publish_questions(build(9), child)
    pages.now += timedelta(days=2)
    pages.publish_questions(build(8))
    html = read(pages, "/question/london:/questions/1")
    said = plain(html)
    assert "Answered in 12 days corrected on 28 June 2026" in said
    assert "12 days after the meeting" in said
    assert "Holding reply The Mayor" in said
    assert "Waiting 10 days" in said
    assert "Answer, paragraph 2 There are 9 8 benches." in said
    assert "<del>9</del> <ins>8</ins>" in html
    assert "Follow supplementary 1" in said
    assert "until it is answered, and then stop" in said
    assert 'name="question" value="london:/questions/2"' in html
    versions = re.search(r'href="(/versions/[^"]+)">Both versions', html)
    assert versions is not None
    both = read(pages, unescape(versions[1]))
    assert "There are <del>9</del> benches." in both
    assert "There are <ins>8</ins> benches." in both
    wrong = re.sub(r"change=\d+", "change=1", versions[1])
    assert pages.request_text("GET", wrong)[0] == 404
    assert pages.request_text("GET", wrong.replace("/1?", "/2?"))[0] == 404


def test_the_tables_of_an_answer_scroll_by_themselves(site: WebClient) -> None:
    html = "<h2>Costs</h2><table><tr><td>1<table><tr><td>2</td></tr></table></td></tr></table>"
    answer = msgspec.structs.replace(make_answer("1"), html=html + "<p>Done.</p>")
    site.publish_questions(make_question(1, answer))
    page = read(site, "/question/london:/questions/1")
    assert page.count('role="region"') == 1
    assert "<p><b>Costs</b></p>" in page
    assert "</table></div><p>Done.</p>" in page


def test_numbers_in_the_tables_of_an_answer_stand_at_the_right(site: WebClient) -> None:
    rows = (
        "<tr><th>Year</th><th>Spent</th><th>On</th></tr>",
        "<tr><td>2024–25</td><td>£1,204,000</td><td>Grants</td></tr>",
        "<tr><td>2025–26</td><td>n/a</td><td>12</td></tr>",
    )
    answer = msgspec.structs.replace(make_answer("1"), html=f"<table>{''.join(rows)}</table>")
    site.publish_questions(make_question(1, answer))
    page = read(site, "/question/london:/questions/1")
    assert '<th class="r">Spent</th><th>On</th>' in page
    assert '<td class="nowrap">2025–26</td><td class="r">n/a</td><td>12</td>' in page


def test_an_answered_question_leads_to_alerts_about_its_subject(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        publish_topic(connection, "benches", pages.now)
    pages.publish_questions(make_question(1, make_answer("Of benches.")))
    html = read(pages, "/question/london:/questions/1")
    box = html.partition('id="follow-h"')[2].partition("</section>")[0]
    assert 'href="/topic/benches"' in box
    assert "questions by Ada Brook" in box


@pytest.mark.parametrize("title", ["Of 100 % {grants} & _more_", "Plain"])
def test_a_question_can_be_cited(site: WebClient, title: str) -> None:
    site.publish_questions(make_question(1, title=title, reference="2026/1303"))
    words = plain(read(site, "/cite/london:/questions/1"))
    assert f"Ada Brook, “{title}”, question 2026/1303, london" in words
    assert "https://watch.example/q/2026-1303, accessed 16 July 2026" in words
    status, headers, body = site.request("GET", "/cite/london:/questions/1?format=csl")
    [item] = json.loads(body)
    assert (status, item["title"], item["author"]) == (200, title, [{"literal": "Ada Brook"}])
    assert item["issued"] == {"date-parts": [[2026, 7, 16]]}
    assert 'filename="question-2026-1303.json"' in headers["Content-Disposition"]
    bibtex = site.request_text("GET", "/cite/london:/questions/1?format=bibtex")[1]
    assert bibtex.startswith("@misc{question-2026-1303,")
    assert bibtex.replace(r"\{", "").replace(r"\}", "").count("{") == bibtex.replace(
        r"\{", ""
    ).replace(r"\}", "").count("}")
    assert "author = {{Ada Brook}}" in bibtex
    assert site.request_text("GET", "/cite/london:/questions/2")[0] == 404


# ------------------------------------------------------------------ members and bodies


def publish_some(pages: WebClient) -> None:
    """Nine questions of three members to two bodies."""
    for name, body, count in (("Ada Brook", None, 4), ("Bea Lark", None, 3), ("Cy Vale", FIRE, 2)):
        for number in range(count):
            key = 100 * ord(name[0]) + number
            answers = [make_answer("Soon.", date=date(2026, 3, 25 + number))] if number else []
            fields: dict[str, Any] = {"asked_of": body} if body else {}
            pages.publish_questions(
                make_question(key, *answers, asked_by=make_member(name, "Hill"), meeting=OLD,
                              **fields)
            )  # fmt: skip


@pytest.mark.slow
def test_members_are_found_by_name_and_letter(pages: WebClient) -> None:
    publish_some(pages)
    html = read(pages, "/members")
    names = re.findall(r'<th scope="row"><a href="/member/([^"]+)"', html)
    assert names == ["ada-brook", "bea-lark", "cy-vale"]  # by last name
    by_number = read(pages, "/members?sort=questions")
    assert re.findall(r'<th scope="row"><a href="/member/([^"]+)"', by_number)[0] == "ada-brook"
    for address in ("/members?q=LARK", "/members?letter=L"):
        found = re.findall(r'<th scope="row"><a href="/member/([^"]+)"', read(pages, address))
        assert found == ["bea-lark"], address
    assert "No member has “zz” in the name." in plain(read(pages, "/members?q=zz"))
    assert "&lt;b&gt;" in read(pages, "/members?q=%3Cb%3E")


@pytest.mark.slow
def test_five_hundred_members_are_listed_in_pages(site: WebClient) -> None:
    site.publish_questions(
        *(make_question(n, asked_by=make_member(f"Ada Name{n}")) for n in range(1, 501)),
        baseline=True,
    )
    seen: list[str] = []
    path = "/members"
    while path:
        html = read(site, path)
        seen += re.findall(r'<th scope="row"><a href="/member/([^"]+)"', html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        path = unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == 500


@pytest.mark.slow
def test_a_member_page_has_tabs_numbers_and_alerts_for_the_member(pages: WebClient) -> None:
    publish_some(pages)
    html = read(pages, "/member/ada-brook")
    assert list_questions(html) == ["6503", "6502", "6501", "6500"]
    assert list_questions(read(pages, "/member/ada-brook?status=unanswered")) == ["6500"]
    assert list_questions(read(pages, "/member/ada-brook?status=answered")) == [
        *("6503", "6502", "6501")
    ]
    assert 'name="q" value="asked_by:&#34;Ada Brook&#34;"' in html
    assert "Hill, london. Has asked since 19 March 2026" in plain(html)
    assert 'href="/bodies/the-mayor"' in html
    assert 'href="/unanswered?member=ada-brook"' in html
    form = {"q": 'asked_by:"Ada Brook"', "frequency": "daily", "updates": "all"}
    status, answer = pages.submit_form(
        "/member/ada-brook", "/sign-up", email="bea@demo.example", **form
    )
    assert (status, "Check your email" in answer) == (200, True)


@pytest.mark.slow
def test_a_body_has_a_page_with_what_it_owes(pages: WebClient) -> None:
    publish_some(pages)
    listed = plain(read(pages, "/bodies"))
    assert "The Mayor 7 2 2 8 days 19 Mar 2026" in listed
    assert "Fire Commissioner 2 1 1 7 days 19 Mar 2026" in listed
    html = read(pages, "/bodies/fire-commissioner")
    words = plain(html)
    assert "Questions to Fire Commissioner" in words
    assert list_questions(html) == ["6701", "6700"]
    assert 'href="/member/cy-vale"' in html
    assert 'href="/unanswered?body=fire-commissioner"' in html
    assert 'name="q" value="asked_of:&#34;Fire Commissioner&#34;"' in html


@pytest.mark.slow
def test_what_is_owed_is_grouped_by_who_owes_it(pages: WebClient) -> None:
    publish_some(pages)
    pages.publish_questions(make_question(1))  # asked today
    html = read(pages, "/unanswered")
    words = plain(html)
    assert "3 questions unanswered for more than 28 days." in words
    assert "More than 28 days: 3 All unanswered: 4" in words
    assert words.index("The Mayor 2 questions") < words.index("Fire Commissioner 1 question")
    assert list_questions(html) == ["6500", "6600", "6700"]
    assert list_questions(read(pages, "/unanswered?body=fire-commissioner")) == ["6700"]
    assert list_questions(read(pages, "/unanswered?member=bea-lark")) == ["6600"]
    assert list_questions(read(pages, "/unanswered?show=all&view=list")) == [
        *("6500", "6600", "6700", "1")
    ]
    assert "0 questions unanswered" in plain(read(pages, "/unanswered?member=nobody"))
    narrowed = read(pages, "/unanswered?body=the-mayor&member=bea-lark&show=all")
    assert list_questions(narrowed) == ["6600"]
    assert "Asked of The Mayor" in narrowed


# ------------------------------------------------------------------ topics


@pytest.mark.slow
def test_topics_are_listed_with_their_numbers(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        for title in ("tunnels", "ferries", "Siân"):
            publish_topic(connection, title, pages.now)
    pages.publish_questions(
        make_question(1, words="Of ferries?", meeting=OLD),
        make_question(2, words="Of ferries and tunnels?"),
        make_question(3, make_answer("Ferries."), words="Of what?", meeting=OLD),
    )
    words = plain(read(pages, "/topics"))
    assert "ferries 3 1 Siân 0 0 tunnels 1 1" in words
    assert "Siân 0 0" in plain(read(pages, "/topics?sort=questions")).partition("tunnels 1 1")[2]
    html = read(pages, "/topic/ferries")
    assert 'href="/member/ada-brook"' in html
    assert 'href="/bodies/the-mayor"' in html
    assert 'class="chip" href="/topic/tunnels"' in html
    assert list_questions(read(pages, "/topic/ferries?status=answered")) == ["3"]
    assert "All 3 Answered 1 Not yet answered 2" in plain(html)
    assert 'name="q" value="ferries"' in html


@pytest.mark.slow
def test_the_list_of_topics_is_never_behind(pages: WebClient) -> None:
    with pages.ledger.writing() as connection:
        publish_topic(connection, "ferries", pages.now)
    assert "ferries 0 0" in plain(read(pages, "/topics"))
    for number in (1, 2):
        pages.publish_questions(make_question(number, words="Of ferries?"))
        assert f"ferries {number} {number}" in plain(read(pages, "/topics"))
    with pages.ledger.writing() as connection:
        publish_topic(connection, "tunnels", pages.now)
    assert "tunnels 0 0" in plain(read(pages, "/topics"))
    with pages.ledger.writing() as connection:
        hide_topic(connection, "ferries")
    assert "ferries" not in plain(read(pages, "/topics"))
