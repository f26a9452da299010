"""The pitfalls of the source, by their number in the notes on it; each has a page.

Here are those of a single page and of addresses. In ``fetching/test_faults``: 17 (two meanings of
403), 18 (a last page of ten), 19 (teasers), 21 (nothing listed). In ``test_uk_parliament``:
24 (texts cut in lists).
"""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.questions import find_changes
from crawler.pages import read_question
from crawler.reading import Document, build_question_id, canonicalise_path
from crawler.reading.visible_text import extract_paragraphs
from crawler.records import Question, normalise_wording
from crawler.spiders.london import LISTING_PATH
from tests.support.real_facts import PrintedAnswer, PrintedPage
from tests.support.real_pages import render_page_2014, render_page_2019, render_page_2022
from tests.support.real_quirks import FILLER

pytestmark = pytest.mark.process

ASKED = PrintedPage(
    title="River Piers",
    reference="2023/0001",
    asked_by="Ada Brook AM",
    party="Riverside Group",
    meeting="MQT on 23 March 2023",
    answers=(PrintedAnswer(date=date(2022, 12, 20)),),
)
OLD = msgspec.structs.replace(ASKED, reference=None, meeting=None, day=date(2018, 12, 20))
HOST = "https://www.london.gov.uk"
ADDRESS = f"{HOST}{LISTING_PATH}/river-piers"


def read(html: str, url: str = ADDRESS) -> Question:
    return read_question(Document(html, url))


def said(question: Question) -> list[str]:
    return [p for a in question.answers for speech in a.speeches for p in speech.paragraphs]


def today(answer: str = f"<p>{FILLER}</p>", **changed: object) -> str:
    """Return a page of today's design with the answer block replaced."""
    html = render_page_2022(msgspec.structs.replace(ASKED, **changed))
    return html.replace(f"<p>{FILLER}</p></div></div>", f"{answer}</div></div>")


def test_1_a_supplementary_without_a_reference_is_known_by_its_address() -> None:
    question = read(today(reference=None, title="River Piers (Supplementary) [1]"))
    assert (question.reference, question.suspect) == (None, ())
    assert question.id == f"london:{LISTING_PATH}/river-piers"


@pytest.mark.parametrize("reference", ["2009/0289-1", "2011/0075-1", "2019/12364", "2019/21058"])
def test_2_references_with_suffixes_and_five_digits(reference: str) -> None:
    question = read(today(reference=reference))
    assert (question.reference, question.kind) == (reference, "question")


def test_3_an_address_that_ends_in_0_can_be_a_main_question() -> None:
    question = read(render_page_2014(OLD), f"{HOST}/questions/2006/0427-0")
    assert (question.kind, question.supplementary_number) == ("question", None)
    assert question.reference is None  # whether the suffix is part of it cannot be known


@pytest.mark.parametrize(
    "slug", ["traffic-lights-23", "20-mph-zones-1", "report-supplementary-1-30"]
)
def test_4_the_slug_says_nothing(slug: str) -> None:
    question = read(today(title="Traffic lights", reference=None), f"{HOST}{LISTING_PATH}/{slug}")
    assert (question.title, question.reference) == ("Traffic lights", None)
    assert (question.kind, question.supplementary_number) == ("question", None)


SOLR = (
    "facet=true&facet_date=question_meetingdate_dt&fq=question_questionby_s:%22Tom Copley%22&q=*:*",
    "q={!boost b=recip(ms(NOW,question_meetingdate_dt),3.16e-11,1,1)}question_t:(ongar)",
    "findQuestionsByQuestionSequenceId=MQ 2015/3002 | Question%25202018/1913",
    "f[0]=mqt_category:Transport&f%5B1%5D=asked_of:The+Mayor&page=3",
)


@pytest.mark.parametrize("host", ["www.", "", "questions.", "webcachetest."])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("query", ["", *(f"?{q}" for q in SOLR), "#top", "/", "/?page=0"])
def test_5_one_page_has_one_identity(scheme: str, host: str, query: str) -> None:
    url = f"{scheme}://{host}london.gov.uk{LISTING_PATH}/river-piers{query}"
    assert build_question_id("london", url) == f"london:{LISTING_PATH}/river-piers"
    assert read(today(), url).id == f"london:{LISTING_PATH}/river-piers"


def test_5_an_old_address_may_carry_a_slug() -> None:
    plain, slugged = "/questions/2014/4962", "/questions/2014/4962/meeting-needs"
    assert build_question_id("london", HOST + plain) == build_question_id("london", HOST + slugged)
    assert build_question_id("london", f"{HOST}{plain}-0") != build_question_id(
        "london", HOST + plain
    )


PATHS = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1))


@given(PATHS)
def test_5_an_identity_is_its_own(parts: list[str]) -> None:
    url = HOST + "/" + "/".join(quote(part, safe="") for part in parts)
    once = canonicalise_path(url)
    assert canonicalise_path(HOST + quote(once)) == once


def test_6_a_holding_reply_and_then_the_answer_on_one_page() -> None:
    held = '<article class="node--answer"><p class="holding">Officers are drafting a response.</p>'
    html = render_page_2019(OLD).replace(
        '<div class="answers">', f'<div class="answers">{held}</article>'
    )
    question = read(html)
    assert [answer.holding for answer in question.answers] == [True, False]
    assert question.status == "answered"


def test_6_a_holding_reply_and_then_the_answer_in_one_block() -> None:
    block = (
        "<p>Officers are drafting a response which will be sent shortly.</p>"
        "<p>Written response from the Mayor received 28/06/2016</p><p>Yes.</p>"
    )
    assert read(today(block)).status == "answered"


def test_7_an_answer_that_is_a_file() -> None:
    question = read(today('<p><a href="/media/12345">Piers.xlsx</a></p>'))
    assert question.status == "answered"
    assert question.answers[0].attachments[0].url == f"{HOST}/media/12345"


def test_8_no_answer_section_at_all() -> None:
    question = read(today(answers=()))
    assert (question.status, question.answers, question.suspect) == ("unanswered", (), ())


def test_9_two_answers_with_two_dates() -> None:
    second = "</div><div class='u-space-y-5'><div>Date:  Friday 23 December 2022</div><p>More.</p>"
    question = read(today(f"<p>{FILLER}</p>{second}"))
    assert [answer.date for answer in question.answers] == [date(2022, 12, 20), date(2022, 12, 23)]
    assert question.suspect == ()


def test_10_dialogue_in_the_question() -> None:
    spoken = (
        f"<p>{FILLER}</p><p><strong>Bo Reed (Chair):</strong> Order.</p><p>Cem Moss AM: Why?</p>"
    )
    question = read(today().replace(f"<p>{FILLER}</p>", spoken, 1))
    assert [(s.speaker, s.paragraphs) for s in question.question] == [
        ("Ada Brook", (FILLER,)),
        ("Bo Reed (Chair)", ("Order.",)),
        ("Cem Moss AM", ("Why?",)),
    ]


def test_11_the_party_is_kept_as_printed_and_says_nothing_of_the_asker() -> None:
    question = read(today(title="River Piers (Supplementary) [1]", party="Another Group"))
    assert question.asked_by is not None
    assert question.asked_by.party == "Another Group"
    assert question.asked_by.person == "ada-brook"


def test_12_relabelled_people_and_parties_are_no_change() -> None:
    before = read(today())
    after = read(today(asked_by="Lady Ada Brook", party="City Hall Riverside", asked_of="Mayor"))
    assert before.asked_by != after.asked_by
    assert find_changes(before, after) == ()


@pytest.mark.parametrize(
    ("printed", "day"),
    [("December 20, 2018", (2018, 12, 20)), ("09 February 2023", (2023, 2, 9))],
)
def test_13_dates_of_meetings(printed: str, day: tuple[int, int, int]) -> None:
    question = read(today(meeting=f"MQT on {printed}"))
    assert question.meeting is not None
    assert question.meeting.date == date(*day)


@pytest.mark.parametrize(
    ("printed", "day"),
    [("Tuesday 20 December 2022", (2022, 12, 20)), ("28/06/2016", (2016, 6, 28))],
)
def test_13_dates_of_answers(printed: str, day: tuple[int, int, int]) -> None:
    question = read(today().replace("Tuesday 20 December 2022", printed))
    assert question.answers[0].date == date(*day)


def test_13_the_date_of_a_meetings_name() -> None:
    html = render_page_2014(msgspec.structs.replace(OLD, meeting="MQT on 2014-10-22", day=None))
    question = read(html, f"{HOST}/questions/2014/0001")
    assert question.meeting is not None
    assert question.meeting.date == date(2014, 10, 22)


def test_14_several_people_answer() -> None:
    both = "Ada Brook (Chair, TfL) and Sir Bo Reed (Commissioner, TfL)"
    question = read(
        render_page_2014(msgspec.structs.replace(OLD, answers=(PrintedAnswer(by=both),)))
    )
    assert question.answers[0].answered_by == (
        "Ada Brook (Chair, TfL)",
        "Sir Bo Reed (Commissioner, TfL)",
    )


def test_15_a_label_for_the_parent_with_nothing_behind_it() -> None:
    label = 'label "Supplementary To:" present but empty'
    follows = msgspec.structs.replace(OLD, title="River Piers [2]", features=(label,))
    question = read(render_page_2014(follows))
    assert question.kind == "supplementary"
    assert "Supplementary To" not in question.labels
    assert [p for s in question.question for p in s.paragraphs] == [FILLER]


def test_16_white_space_hyphens_and_split_words() -> None:
    block = (
        "<p><strong>T</strong>hank\u00a0 you\u00a0.\u00a0</p><p>\u00a0</p><p>autumn \u2011 it</p>"
    )
    question = read(today(block))
    assert said(question) == ["Thank you .", "autumn \u2011 it"]
    again = read(today(block.replace("\u2011", "-").replace("\u00a0", " ")))
    assert question.digest == again.digest


def test_20_the_same_words_under_two_references_are_two_questions() -> None:
    one = read(today(reference="2021/4339"), f"{HOST}{LISTING_PATH}/piers")
    two = read(today(reference="2021/4340", asked_of="Bo Reed"), f"{HOST}{LISTING_PATH}/piers-1")
    assert one.digest == two.digest
    assert one.id != two.id


def test_22_tables_lists_links_scripts_and_styles() -> None:
    block = (
        "<style>p{color:red}</style><script>steal()</script><table><tr><th>Pier</th><td>7</td></tr>"
        "</table><ul><li>One</li><li>Two</li></ul><p><a href='/x' onclick='y()'>link</a></p>"
    )
    question = read(today(block))
    assert said(question) == ["Pier | 7", "One", "Two", "link"]
    html = question.answers[0].html or ""
    for kept in ("<table>", "<th>Pier</th>", "<li>One</li>", f'href="{HOST}/x"'):
        assert kept in html
    for gone in ("script", "steal", "style", "onclick"):
        assert gone not in html


def test_23_a_render_without_labels_is_suspect_or_unread() -> None:
    html = today()
    bare = html[: html.index("<table")] + html[html.index("</table>") + 8 :]
    question = read(bare)
    assert "no asker" in question.suspect
    assert find_changes(None, question) == ()


WORDS = st.text(st.sampled_from("abc :'’.‑\u00a0"), min_size=1, max_size=30)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["p", "div", "li", "td", "span", "strong", "h4"]), WORDS), max_size=8
)


@given(BLOCKS, BLOCKS, st.sampled_from([render_page_2014, render_page_2019, render_page_2022]))
def test_no_word_is_lost_doubled_or_moved(
    asked: list[tuple[str, str]], answered: list[tuple[str, str]], render: object
) -> None:
    def markup(blocks: list[tuple[str, str]]) -> str:
        return "".join(f"<{tag}>{text}</{tag}>" for tag, text in blocks)

    html: str = render(OLD)  # type: ignore[operator]
    first, _, rest = html.partition(f"<p>{FILLER}</p>")
    begin, end = f"<p>{FILLER} Begin.</p>", f"<p>{FILLER} End.</p>"
    rest = rest.replace(f"<p>{FILLER}</p>", begin + markup(answered) + end, 1)
    question = read(f"{first}{begin}{markup(asked)}{end}{rest}")
    for blocks, speeches in (
        (asked, question.question),
        (answered, tuple(s for a in question.answers for s in a.speeches)),
    ):
        body = Document(f"<main>{begin}{markup(blocks)}{end}</main>").main
        visible = "".join(p.text for p in extract_paragraphs(body))
        spoken = "".join(
            (s.speaker or "") * (n > 0) + ":" * (n > 0) + "".join(s.paragraphs)
            for n, s in enumerate(speeches)
        )
        assert normalise_wording(visible) == normalise_wording(spoken)
