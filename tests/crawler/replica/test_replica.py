"""The replica over HTTP: what it shows, when, and in which markup."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.applications import Starlette

from crawler.reading.visible_text import extract_paragraphs
from crawler.replica import (
    FAULTS_PATH,
    ReplicaWorld,
    build_demo_world,
    build_large_world,
    create_site,
)
from crawler.replica.faults import OldAddress
from crawler.replica.world import (
    HOLDING_TEXT,
    LISTING_PATH,
    LONDON_TIME_ZONE,
    REPLICA_NOTICE,
    build_slug,
    strip_markup,
)
from scheduler.web import serve
from scheduler.web.server import CannotListen
from tests.support.paths import REPOSITORY

TEMPLATES = REPOSITORY / "templates"
START = datetime(2024, 6, 13, 9, tzinfo=UTC)
VRU = re.compile(r"\bVRU\b|Violence Reduction Unit")


@dataclass
class Replica:
    """A running replica whose clock the test sets."""

    base: str
    app: Starlette
    world: ReplicaWorld
    now: datetime

    def get(self, path: str, **query: object) -> str:
        """Return the body of a page that must exist."""
        target = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        with urlopen(target) as response:  # our own server
            body: str = response.read().decode()
        return body

    def status(self, path: str) -> tuple[int, str]:
        """Return status and body of a page that must not exist."""
        with pytest.raises(HTTPError) as caught:
            self.get(path)
        with caught.value as error:
            return error.code, error.read().decode()

    def links(self, **query: object) -> list[str]:
        """Return the questions on one page of the listing."""
        tree = LexborHTMLParser(self.get(LISTING_PATH, **query))
        hrefs = [a.attributes.get("href") or "" for a in tree.css("a[href]")]
        return [href for href in hrefs if re.fullmatch(rf"{LISTING_PATH}/.+", href)]

    def tree(self, last: str) -> LexborHTMLParser:
        """Return the page of the question whose slug is ``last``."""
        return LexborHTMLParser(self.get(f"{LISTING_PATH}/{last}"))

    def stage(self, number: int) -> None:
        """Set the clock to the start of a stage."""
        self.now = self.world.start + self.world.stages[number - 1]


@pytest.fixture(scope="module")
def server() -> Iterator[Replica]:
    replica = Replica("", Starlette(), build_demo_world(START), START)
    replica.app = create_site(replica.world, lambda: replica.now, TEMPLATES)
    with serve(replica.app) as replica.base:
        yield replica


@pytest.fixture
def replica(server: Replica) -> Replica:
    """The running replica, reset to its start."""
    server.now = START
    server.app.state.requests.clear()
    return server


def test_every_page_says_that_it_is_a_replica_twice(replica: Replica) -> None:
    replica.stage(3)
    view = replica.world.take_snapshot(replica.now)
    paths = [q.path for q in view.questions] + [q.old_path for q in view.questions if q.old_path]
    for path in ["/", LISTING_PATH, "/about-the-replica", *paths]:
        assert replica.get(path).count(REPLICA_NOTICE) == 2, path
    code, body = replica.status(f"{LISTING_PATH}/no-such-question")
    assert code == 404
    assert body.count(REPLICA_NOTICE) == 2


def test_a_window_of_exactly_thirty_questions_has_three_full_pages_and_an_empty_fourth(
    replica: Replica,
) -> None:
    window = {"date_from": "01-04-2024", "date_to": "13-06-2024"}
    pages = [replica.links(**window, page=page) for page in range(4)]
    assert [len(page) for page in pages] == [10, 10, 10, 0]
    assert len({link for page in pages for link in page}) == 30
    assert "<p>30 results</p>" in replica.get(LISTING_PATH, **window, page=3)


def test_dates_are_those_of_the_meeting_and_may_be_written_in_two_ways(replica: Replica) -> None:
    plenary = replica.world.meetings[2].date
    dayfirst = replica.links(date_from=f"{plenary:%d-%m-%Y}", date_to=f"{plenary:%d-%m-%Y}")
    iso = replica.links(date_from=plenary.isoformat(), date_to=plenary.isoformat())
    assert dayfirst == iso
    assert len(iso) == 8


@pytest.mark.parametrize("query", ["date_from=31-02-2024", "date_to=1-2", "page=x", "page=-1"])
def test_a_query_that_cannot_be_read_is_an_error_page(replica: Replica, query: str) -> None:
    code, body = replica.status(f"{LISTING_PATH}?{query}")
    assert code == 400
    assert REPLICA_NOTICE in body


def test_newest_meeting_first_unless_asked_otherwise(replica: Replica) -> None:
    def days(**query: object) -> list[datetime]:
        found = re.findall(r"Meeting date: (\d\d \w+ \d{4})", replica.get(LISTING_PATH, **query))
        return [datetime.strptime(day, "%d %B %Y").replace(tzinfo=UTC) for day in found]

    down = days(sort_by="date")
    assert down == sorted(down, reverse=True)
    up = days(sort_by="date", sort_order="ASC")
    assert up == sorted(up)
    assert up[0].year == 2018


def test_search_by_words_and_by_facet(replica: Replica) -> None:
    assert replica.links(question_text="HELICOPTER") == [f"{LISTING_PATH}/noise-helicopters"]
    facets = {
        "f[0]": "mqt_category:Environment",
        "f[1]": "mqt_category:Other",
        "f[2]": "mqt_organisation:No organisation",
    }
    assert {link.rpartition("/")[2] for link in replica.links(**facets)} == {
        "canal-towpath-lighting",
        "hedgehog-highways",
        "hedgehog-highways-supplementary-1",
        "swimming-pools-open-public",
    }


def test_a_row_has_the_source_s_words_and_its_furniture(replica: Replica) -> None:
    tree = LexborHTMLParser(replica.get(LISTING_PATH, question_text="hedgehog"))
    rows = [extract_paragraphs(row) for row in tree.css("div.search-row")]
    assert [p.text for p in rows[0]][:-1] == [
        "Hedgehog highways",
        "Reference: 2024/1208",
        "Question by: Siân Ffoulkes-Abara",
        "Meeting date: 06 June 2024",
    ]
    assert not any("Reference" in p.text for p in rows[1]), "supplementaries have none"
    text = tree.body.text() if tree.body else ""
    for furniture in ("Search questions", "Filter results", "Asked of 1", "Question by 2"):
        assert furniture in text
    assert tree.css_matches(f'nav a[href="{LISTING_PATH}"]'), "the bare path is a trap for crawlers"


def test_a_teaser_is_one_line_cut_near_five_hundred_characters(replica: Replica) -> None:
    def teaser(words: str) -> str:
        tree = LexborHTMLParser(replica.get(LISTING_PATH, question_text=words))
        (node,) = tree.css("p.teaser")
        return node.text()

    dialogue = teaser("matchbox, commissioner")
    assert dialogue.startswith("Lord Quillington of Nunhead AM: A matchbox, Commissioner? Dame")
    replica.stage(1)
    cut = teaser("mentors in pupil")
    assert cut.endswith("...")
    assert 480 < len(cut) <= 503
    assert not VRU.search(cut), "the word to watch for stands behind the cut"
    assert VRU.search(replica.get(f"{LISTING_PATH}/mentors-pupil-referral-units"))


def test_a_question_appears_when_the_clock_passes_its_moment(replica: Replica) -> None:
    path = f"{LISTING_PATH}/violence-reduction-unit-and-youth-clubs-holidays"
    replica.now = START + replica.world.stages[0] - timedelta(seconds=1)
    assert replica.status(path)[0] == 404
    assert path not in replica.links(date_from="2024-06-13")
    replica.stage(1)
    assert path in replica.links(date_from="2024-06-13")
    assert replica.tree("violence-reduction-unit-and-youth-clubs-holidays").css_first("h3")


def test_a_holding_reply_comes_and_makes_way_for_the_answer(replica: Replica) -> None:
    last = "violence-reduction-unit-and-youth-clubs-holidays"
    replica.stage(1)
    assert not replica.tree(last).css_matches("#answer"), "no heading where there is no answer"
    replica.stage(2)
    blocks = replica.tree(last).css("div.u-space-y-7 > div.u-space-y-5")
    assert [[p.text for p in extract_paragraphs(block)] for block in blocks] == [
        ["Date: Friday 14 June 2024", HOLDING_TEXT]
    ]
    replica.stage(3)
    (block,) = replica.tree(last).css("div.u-space-y-7 > div.u-space-y-5")
    assert HOLDING_TEXT not in block.text()
    assert "Thank you for asking" in block.text(), "the bold T is joined to its word"


def test_a_holding_reply_may_stay_above_the_answer(replica: Replica) -> None:
    assert len(replica.tree("lost-property").css("div.u-space-y-5")) == 2
    assert len(replica.tree("step-free-access-pellow-road-station").css("div.u-space-y-5")) == 1
    replica.stage(3)
    blocks = replica.tree("step-free-access-pellow-road-station").css("div.u-space-y-5")
    assert len(blocks) == 2
    assert HOLDING_TEXT in blocks[0].text()


def test_a_correction_changes_the_words_and_not_the_date(replica: Replica) -> None:
    last = "violence-reduction-unit-spending-neighbourhood-grants"

    def printed() -> list[str]:
        (block,) = replica.tree(last).css("div.u-space-y-5")
        return [p.text for p in extract_paragraphs(block)]

    replica.stage(2)
    before = printed()
    replica.stage(3)
    after = printed()
    assert before[0] == after[0]
    assert (before[5], after[5]) == (
        "This year | £1.9m | 120 | 96",
        "This year | £1.9m | 120 | 69",
    )


def test_the_landmarks_of_today_s_page(replica: Replica) -> None:
    tree = replica.tree("traffic-lights-0")
    rows = [[cell.text() for cell in row.css("th, td")] for row in tree.css(".styled-table tr")]
    assert rows == [
        ["Label", "Content"],
        ["Reference:", "2024/0613"],
        ["Question by:", "Théodore Lacy-Ollivant MBE AM"],
        ["Organisation:", "City Hall Heathlands"],
        ["Asked of:", "The Mayor"],
        ["Category:", "Transport"],
        ["Meeting:", "MQT on 11 April 2024"],
        ["Session name:", "Mayor's Question Time"],
    ]
    assert tree.css_matches("div.section-title + h3.page-section + div.rich-text")
    heading = tree.css_first("h2#answer")
    assert heading is not None
    assert heading.parent is not None
    assert tree.css_matches("div:has(> h2#answer) + div.u-space-y-7 > div.u-space-y-5")
    assert "Date:\u00a0 Wednesday 17 April 2024" in tree.css(".u-space-y-5")[0].text()


def test_a_supplementary_has_no_reference_and_its_parent_s_organisation(replica: Replica) -> None:
    tree = replica.tree("hedgehog-highways-supplementary-1")
    rows = dict([c.text() for c in row.css("th, td")] for row in tree.css(".styled-table tr"))
    assert "Reference:" not in rows
    assert rows["Question by:"] == "Oluwaseun Adéyemi-Clarke AM"
    assert rows["Organisation:"] == "No organisation", "the asker is of the Riverside Group"


def old_lines(replica: Replica, path: str) -> list[str]:
    main = LexborHTMLParser(replica.get(path)).css_first("main")
    assert main is not None
    return [p.text for p in extract_paragraphs(main)]


def test_the_page_of_2014_reads_in_the_order_of_that_design(replica: Replica) -> None:
    lines = old_lines(replica, "/questions/2018/4127")
    body = lines.pop(9)
    assert body.startswith("You have told the Assembly")
    assert lines[:14] == [
        "Setting up the Violence Reduction Unit",
        "MQT on 2018-10-18",
        "Session date:",
        "October 18, 2018",
        "Question By:",
        "Harpreet Kaur Dhaliwal-Finch",
        "Riverside Group",
        "Asked Of:",
        "The Mayor",
        "Supplementary Questions:",
        "Answer for Setting up the Violence Reduction Unit",
        "Answer for Setting up the Violence Reduction Unit",
        "Answered By:",
        "The Mayor",
    ]
    assert lines[14].startswith("Thank you for the question.")


def test_supplementaries_of_2014_lack_the_meeting_and_may_lack_the_answer(replica: Replica) -> None:
    answered = old_lines(replica, "/questions/2018/4127-1")
    title = "Setting up the Violence Reduction Unit (Supplementary) [2]"
    assert answered[:2] == [title, "Session date:"]
    at = answered.index("Supplementary To:")
    assert answered[at + 1 : at + 5] == [title, title, "Answered By:", "The Mayor"]
    unanswered = old_lines(replica, "/questions/2018/4127-3")
    assert unanswered[8].startswith(": I should only like"), "an orphan colon opens the body"
    assert unanswered[-2:] == ["Supplementary To:", title.replace("[2]", "[4]")]
    assert "Canal Towpath Lighting" in old_lines(replica, "/questions/2018/4128-0")
    assert replica.status("/questions/2018/9999")[0] == 404


def test_the_quirks_of_the_source_are_all_there(replica: Replica) -> None:
    replica.stage(3)
    questions = replica.world.take_snapshot(replica.now).questions
    html = "\n".join(text for q in questions for text in (q.html, *(a.html for a in q.answers)))
    for quirk in (
        "<strong>T</strong>hank you",
        "<strong><span>Sìle Ní Bhriain-Hughes AM</span>:</strong>&nbsp; ",
        "<p>&nbsp;</p>",
        "</div>\n<span>",
        "<table>",
        "<li>",
        "<style>",
        "<script>",
        'href="/sites/default/files/replica/toilet-repairs.xlsx"',
        f'href="{LISTING_PATH}/public-toilets-tube-stations-1"',
        " ‑ ",
        "‑‑",
    ):
        assert quirk in html, quirk


def test_files_and_links_inside_answers_lead_somewhere(replica: Replica) -> None:
    replica.stage(3)
    questions = replica.world.take_snapshot(replica.now).questions
    html = "\n".join(a.html for q in questions for a in q.answers)
    for path in set(re.findall(r'href="([^"]+)"', html)):
        assert REPLICA_NOTICE in replica.get(path), path
    assert replica.status("/sites/default/files/replica/unknown.xlsx")[0] == 404


def test_robots_and_the_list_of_requests(replica: Replica) -> None:
    assert replica.get("/robots.txt") == "User-agent: *\nAllow: /\n"
    replica.get(LISTING_PATH, page=1, question_text="bus stop")
    assert list(replica.app.state.requests) == [
        "GET /robots.txt",
        f"GET {LISTING_PATH}?page=1&question_text=bus+stop",
    ]


def test_the_demo_has_its_moments() -> None:
    world = build_demo_world(START)
    views = [world.take_snapshot(START + age) for age in (timedelta(0), *world.stages)]
    assert [len(view.questions) for view in views] == [34, 45, 45, 45]
    assert [sum(bool(q.answers) for q in view.questions) for view in views] == [26, 26, 36, 38]
    only_in_answer = {
        q.slug
        for q in views[2].questions
        if not VRU.search(q.title + q.text)
        and any(VRU.search(strip_markup(a.html)) for a in q.answers)
    }
    assert only_in_answer == {"staff-late-buses-thistle-green", "safe-routes-home-school"}
    for slug_, near in (
        ("approval-quieter-road-surfaces", "approval"),
        ("vruum-electric", "vruum"),
    ):
        question = next(q for q in views[1].questions if q.slug.startswith(slug_))
        assert near in question.text
        assert not VRU.search(question.title + question.text)


def test_published_moments_are_aware_and_meetings_follow_the_london_day() -> None:
    late = datetime(2024, 6, 12, 23, 30, tzinfo=UTC)  # half past midnight of the 13th in London
    world = build_demo_world(late)
    assert world.meetings[-1].date == late.astimezone(LONDON_TIME_ZONE).date()
    moments = {world.published_at(q) for q in world.questions}
    assert moments == {late, late + world.stages[0]}


@pytest.mark.parametrize("make", [build_demo_world, build_large_world])
def test_a_world_is_the_same_every_time_and_its_addresses_are_unique(
    make: Callable[[datetime], ReplicaWorld],
) -> None:
    world = make(START)
    assert world == make(START)
    paths = [q.path for q in world.questions]
    assert len(set(paths)) == len(paths)
    assert {q.meeting for q in world.questions} <= set(world.meetings)
    assert {q.asked_by for q in world.questions} <= set(world.members)


@pytest.mark.slow
def test_the_large_world_grows_and_is_answered() -> None:
    world = build_large_world(START, questions=2000)
    views = [world.take_snapshot(START + age) for age in (timedelta(0), *world.stages)]
    assert [len(view.questions) for view in views] == [1800, 2000, 2000, 2000]
    holding = [sum(HOLDING_TEXT in a.html for q in v.questions for a in q.answers) for v in views]
    assert holding == [45, 50, 50, 0]
    assert [sum(not q.answers for q in v.questions) for v in views] == [225, 250, 0, 0]


def test_slugs_drop_small_words_and_count_from_nought() -> None:
    taken: set[str] = set()
    title = "The Café at D’Arcy's Wharf (Supplementary) [2]"
    assert build_slug(title, taken) == "cafe-darcys-wharf-supplementary-2"
    assert build_slug(title, taken) == "cafe-darcys-wharf-supplementary-2-0"
    assert build_slug(title, taken) == "cafe-darcys-wharf-supplementary-2-1"


def test_the_port_is_free_again_when_the_server_has_stopped() -> None:
    app = Starlette()
    with serve(app) as first:
        port = int(first.rpartition(":")[2])
    with serve(app, port) as second:
        assert second == first
        with pytest.raises(CannotListen, match="in use"), serve(app, port):
            pass


def test_faults_are_set_by_http(replica: Replica) -> None:
    def post(query: str) -> dict[str, object]:
        with urlopen(Request(f"{replica.base}{FAULTS_PATH}?{query}", method="POST")) as response:
            shown: dict[str, object] = json.load(response)
        return shown

    def get() -> dict[str, object]:
        shown: dict[str, object] = json.loads(replica.get(FAULTS_PATH))
        return shown

    assert set(get().values()) == {False, None}
    assert post("blank_listing=true&missing_share=0.5") == get()
    assert (get()["blank_listing"], get()["missing_share"]) == (True, 0.5)
    for wrong in ("no_such_fault=1", "missing_share=many", "moved=sideways"):
        with pytest.raises(HTTPError) as caught:
            post(wrong)
        with caught.value as error:
            assert error.code == 400
    assert get()["blank_listing"] is True
    assert set(post("").values()) == {False, None}


@pytest.mark.parametrize(
    ("moved", "old_status"), [("gone", 404), ("redirect", 200), ("works", 200)]
)
def test_moved_pages(replica: Replica, moved: OldAddress, old_status: int) -> None:
    links = replica.links()
    replica.app.state.faults.moved = moved
    try:
        assert len(replica.links()) == len(links)
        assert all(link.endswith("-v2") for link in replica.links())
        assert "Question" in replica.get(f"{links[0]}-v2")
        if old_status == 404:
            assert replica.status(links[0])[0] == 404
        else:
            assert "Question" in replica.get(links[0])
    finally:
        replica.app.state.faults.moved = None
