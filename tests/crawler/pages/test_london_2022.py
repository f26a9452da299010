"""Pages since December 2022: each field read by structure and by label, and the two compared."""

from __future__ import annotations

import pytest

from crawler.pages import read_page, read_question
from crawler.reading import Document
from crawler.reading.items import AttachmentItem, QuestionItem
from crawler.records import Disagreement

ADDRESS = "https://replica.example/who-we-are/questions/river-piers"
HOLDING = "<p>Officers are drafting a response which will be sent shortly.</p>"
ROWS = {
    "Reference": "2026/0001",
    "Question by": "Ada Brook AM",
    "Organisation": "Riverside Group",
    "Asked of": "The Mayor",
    "Category": "River",
    "Meeting": "MQT on 16 July 2026",
}


def table(rows: dict[str, str], css: str = "styled-table") -> str:
    cells = "".join(f"<tr><td>{k}:</td><td>{v}</td></tr>" for k, v in rows.items())
    return f'<table class="{css}"><tr><th>Label</th><th>Content</th></tr>{cells}</table>'


def answers(*blocks: str) -> str:
    inner = "".join(f'<div class="u-space-y-5">{block}</div>\n' for block in blocks)
    heading = '<div class="section-title"><h2 id="answer">Answer</h2></div>'
    return f'{heading}\n<div class="u-space-y-7">{inner}</div>'


def page(
    answer: str = "",
    rows: dict[str, str] | None = None,
    words: str = "<p>How many piers are open?</p>",
    heading: str = "River Piers",
) -> str:
    """Return a page of this design."""
    return f"""<!doctype html><html><head><title>Unseen</title></head><body><nav>Unseen</nav>
      <main><h1>{heading}</h1>{table(ROWS if rows is None else rows)}
      <div class="section-title"></div><h3 class="page-section">River Piers</h3>
      <div class="rich-text">{words}</div>{answer}</main><footer>Unseen</footer></body></html>"""


def read(html: str) -> QuestionItem:
    item = read_page(Document(html, ADDRESS))
    assert (item.source, item.generation) == ("london", "2022")
    return item


def replies(item: QuestionItem) -> list[list[str]]:
    return [[paragraph.text for paragraph in answer.body] for answer in item.answers]


def test_the_table_of_labels() -> None:
    item = read(page())
    assert item.title == "River Piers"
    assert item.reference == "2026/0001"
    assert (item.asked_by, item.party) == ("Ada Brook AM", "Riverside Group")
    assert (item.asked_of, item.category) == ("The Mayor", "River")
    assert item.meeting == "MQT on 16 July 2026"
    assert item.labels == ROWS
    assert item.url == ADDRESS
    assert [p.text for p in item.body] == ["How many piers are open?"]
    assert item.disagreements == ()


def test_a_supplementary_has_no_reference() -> None:
    rows = {k: v for k, v in ROWS.items() if k != "Reference"}
    item = read(page(rows=rows))
    assert item.reference is None
    assert item.labels == rows


def test_a_label_within_the_question_is_not_the_page_s() -> None:
    rows = {k: v for k, v in ROWS.items() if k not in {"Reference", "Category"}}
    words = "<p>I asked this before.</p><p>Reference: 2020/0099</p><p>Category:</p><p>Piers</p>"
    item = read(page(rows=rows, words=words))
    assert (item.reference, item.category, item.disagreements) == (None, None, ())
    assert len(item.body) == 4


def test_a_label_within_the_answer_is_not_the_page_s() -> None:
    rows = {k: v for k, v in ROWS.items() if k != "Reference"}
    assert read(page(answers("<p>Reference: 2020/0099</p>"), rows)).reference is None


def test_an_unknown_label_is_kept() -> None:
    rows = {**ROWS, "Session name": "Evening", "Tide": "High: 16:05"}
    item = read(page(rows=rows))
    assert item.labels == rows
    assert item.disagreements == ()


def test_an_empty_value_is_no_value() -> None:
    item = read(page(rows={**ROWS, "Session name": ""}))
    assert "Session name" not in item.labels


def test_without_an_answer_heading_there_is_no_answer() -> None:
    assert read(page()).answers == ()
    assert read_question(Document(page(), ADDRESS)).status == "unanswered"


@pytest.mark.parametrize("block", ["", "<p>Answer not yet available.</p>", "<p>&nbsp;</p>"])
def test_an_answer_section_with_nothing_in_it(block: str) -> None:
    assert read(page(answers(block))).answers == ()


def test_two_answers_with_two_dates() -> None:
    first = "<p>Date:  Tuesday 20 December 2022</p><p>Nine.</p>"
    second = "<div>Date: Friday 6 January 2023</div><div>Answered by: Bo Reed</div><p>Ten.</p>"
    item = read(page(answers(first, second)))
    assert [a.date for a in item.answers] == ["Tuesday 20 December 2022", "Friday 6 January 2023"]
    assert [a.answered_by for a in item.answers] == [None, "Bo Reed"]
    assert replies(item) == [["Nine."], ["Ten."]]


def test_a_holding_reply_and_then_the_answer() -> None:
    assert read_question(Document(page(answers(HOLDING)))).status == "holding"
    record = read_question(Document(page(answers(HOLDING, "<p>Nine piers are open.</p>"))))
    assert record.status == "answered"
    assert [a.holding for a in record.answers] == [True, False]
    assert record.answers[1].answered_by == ("The Mayor",)


def test_the_container_without_blocks_is_one_answer() -> None:
    html = page(answers("<p>Nine.</p><p>Or ten.</p>").replace("u-space-y-5", "renamed"))
    assert replies(read(html)) == [["Nine.", "Or ten."]]


@pytest.mark.parametrize(
    "href",
    [
        "/sites/default/files/piers",
        "/media/1234",
        "/files/Piers.pdf",
        "/files/PIERS.XLSX",
        "https://elsewhere.example/piers.docx",
    ],
)
def test_an_answer_that_is_only_a_file(href: str) -> None:
    html = page(answers(f'<a href="{href}"><span>Open</span> piers</a>'))
    assert read(html).answers[0].attachments == (AttachmentItem("Open piers", href),)
    record = read_question(Document(html, ADDRESS))
    assert record.status == "answered"
    assert record.answers[0].attachments[0].url.startswith("https://")


def test_a_link_to_a_page_is_no_file() -> None:
    html = page(answers('<p>See <a href="/piers">here</a> or <a>nowhere</a>.</p>'))
    assert read(html).answers[0].attachments == ()


def test_a_broken_link_does_not_lose_the_page() -> None:
    html = page(answers('<p>See <a href="http://[insert link].pdf">the list</a>.</p>'))
    record = read_question(Document(html, ADDRESS))
    assert record.answers[0].attachments[0].url == "http://[insert link].pdf"


@pytest.mark.parametrize(
    ("label", "wrong"),
    [("Reference", "2026/0002"), ("Question by", "Bo Reed AM"), ("Asked of", "Bo Reed")],
)
def test_two_readings_that_disagree_make_the_page_suspect(label: str, wrong: str) -> None:
    html = page().replace("<h1>", f"<p>{label}: {wrong}</p><h1>")
    (reason,) = read_question(Document(html, ADDRESS)).suspect
    assert isinstance(reason, Disagreement)
    assert ROWS[label] in reason.by_structure
    assert wrong in reason.by_label


def test_a_heading_of_the_site_is_not_taken_for_the_title() -> None:
    item = read(page(heading="Something Else"))
    assert item.title == "River Piers"
    assert item.disagreements == ()


def test_quotes_and_case_are_no_disagreement() -> None:
    assert read(page(heading="RIVER  piers")).disagreements == ()


def test_a_renamed_table_is_read_by_its_labels() -> None:
    item = read(page().replace("styled-table", "facts"))
    assert item.title == "River Piers"
    assert (item.reference, item.asked_by) == ("2026/0001", "Ada Brook AM")
    assert (item.party, item.asked_of, item.category) == ("Riverside Group", "The Mayor", "River")
    assert item.meeting == "MQT on 16 July 2026"
    assert read_question(Document(page().replace("styled-table", "facts"))).suspect == ()


def test_a_renamed_section_title_is_read_from_the_heading() -> None:
    assert read(page().replace("page-section", "renamed")).title == "River Piers"


def test_a_list_instead_of_a_table_is_read_by_its_labels() -> None:
    terms = "".join(f"<dt>{k}:</dt><dd>{v}</dd>" for k, v in ROWS.items())
    item = read(page().replace(table(ROWS), f"<dl>{terms}</dl>"))
    assert (item.reference, item.asked_by) == ("2026/0001", "Ada Brook AM")


def test_all_marks_renamed_is_read_by_its_lines() -> None:
    html = page(answers("<p>Nine.</p>"))
    for mark in ("styled-table", "page-section", "rich-text", "u-space-y", "section-title"):
        html = html.replace(mark, "renamed")
    item = read(html.replace('id="answer"', ""))
    assert (item.title, item.reference) == ("River Piers", "2026/0001")
    assert [p.text for p in item.body] == ["How many piers are open?"]
    assert replies(item) == [["Nine."]]
    assert item.agreed == ()  # which the fill rates of the crawl tell: one reading is blind


def test_a_renamed_question_is_read_by_its_lines() -> None:
    item = read(page().replace("rich-text", "renamed"))
    assert [p.text for p in item.body] == ["How many piers are open?"]
    assert "question" not in item.agreed


def test_an_answer_is_never_taken_for_the_question() -> None:
    html = page(answers('<div class="rich-text"><p>Nine.</p></div>'), words="")
    item = read(html)
    assert item.body == ()
    assert replies(item) == [["Nine."]]


def test_both_readings_of_every_field_are_compared() -> None:
    item = read(page(answers("<div>Date:  Tuesday 20 December 2022</div><p>Nine.</p>")))
    fields = {"title", "reference", "asked_by", "party", "asked_of", "category", "meeting"}
    assert set(item.agreed) == fields | {"question", "answers", "answer", "answer_date"}
    assert item.disagreements == ()


@pytest.mark.parametrize(
    ("html", "field"),
    [
        (page(answers("<p>Nine.</p>"), words="<p>One.</p></div><p>Two.</p><div>"), "question"),
        (page(answers("<p>Nine.</p>") + "<p>Date: 20 December 2022</p><p>Ten.</p>"), "answers"),
    ],
)
def test_words_that_one_reading_misses_make_the_page_suspect(html: str, field: str) -> None:
    suspect = read_question(Document(html, ADDRESS)).suspect
    assert any(isinstance(r, Disagreement) and r.field == field for r in suspect), suspect


def test_furniture_below_the_page_is_no_difference() -> None:
    for html in (page(), page(answers("<p>Nine.</p>"))):
        shared = html.replace("</main>", "<p>Share this page</p></main>")
        assert read(shared).disagreements == ()


def test_script_and_style_are_dropped() -> None:
    block = """<style>p { color: red }</style><p onclick="act()">Nine <script>act()</script>piers.
      <a href="javascript:act()">x</a><!-- remark --></p>"""
    html = page(answers(block))
    assert replies(read(html)) == [["Nine piers. x"]]
    cleaned = read_question(Document(html, ADDRESS)).answers[0].html or ""
    assert "Nine" in cleaned
    for word in ("script", "style", "color", "act()", "remark", "onclick"):
        assert word not in cleaned


def test_root_relative_links_become_absolute() -> None:
    block = '<p><a href="/piers">Piers</a><img src="/map.png"><a href="http://[x]">y</a></p>'
    cleaned = read_question(Document(page(answers(block)), ADDRESS)).answers[0].html or ""
    assert 'href="https://replica.example/piers"' in cleaned
    assert 'src="https://replica.example/map.png"' in cleaned


def test_tables_and_split_bold_runs_in_an_answer() -> None:
    block = """<strong><span>T</span></strong><span>hank you.</span>
      <table><tr><th>Pier</th><th>Boats</th></tr><tr><td>North</td><td>7</td></tr></table>"""
    assert replies(read(page(answers(block)))) == [["Thank you.", "Pier | Boats", "North | 7"]]


def test_an_answer_nested_deep_is_read() -> None:
    record = read_question(Document(page(answers("<div>" * 400 + "Nine.")), ADDRESS))
    assert record.answers[0].speeches[0].paragraphs == ("Nine.",)
