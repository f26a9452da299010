"""What Outlook and Gmail cannot show is in none of our emails.

Outlook for Windows draws emails with Word, Gmail takes a style element away that it does not like.
The facts are those of caniemail.com (css-display-flex, css-position, css-background-image,
css-variables, css-max-width, css-padding, css-margin, html-style) as of 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digests.digest import build_digest
from alerts.digests.entries import DigestMatch, outline_entry
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import MailIdentity, MessageContext, OutgoingMessage
from alerts.model import (
    Alarm,
    Change,
    ChangeKind,
    Frequency,
    NumberedChange,
    SubscribedTopic,
    Subscriber,
)
from alerts.operator.emails import render_operator_email
from alerts.rendering import Templates
from alerts.subscribers.emails import (
    ConfirmationLinks,
    write_confirmation_email,
    write_manage_link_email,
)
from alerts.subscribers.quotation import PromisedAlert, SignUpLine
from tests.support.samples import HOLDING_TEXT, make_answer, make_question
from tools.sample_digest import render_sample_digest

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
TEMPLATES = Templates()
CONTEXT = MessageContext(TEMPLATES, IDENTITY, NOW)
ADA = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)

#: Declarations that Word ignores, or that Gmail removes with all of the attribute they are in.
UNKNOWN_TO_MAIL_PROGRAMS = re.compile(
    r"\b(?:display\s*:\s*(?:flex|grid|inline-flex)|flex|grid|gap|position\s*:|float\s*:"
    r"|background-image|url\(|var\(|calc\(|clamp\(|min\(|max\(|--[a-z]|transform|opacity"
    r"|box-shadow|object-fit|@import|@font-face|[0-9]rem\b|[0-9]vw\b)"
)
#: Gmail drops a style element of more than 16 kB, and some of its apps one of more than 8 kB.
MAX_STYLE_SIZE = 8_000
#: Gmail shows the first 102 kB of an email.
MAX_SIZE = 102_000
#: Selectors that Gmail knows: elements and classes, alone.
SIMPLE_SELECTOR = re.compile(r"\.?[a-z][a-z0-9-]*")
#: Elements on which Word ignores the padding.
WITHOUT_PADDING = frozenset({"p", "div", "h1", "h2", "h3", "span", "ul", "li"})


class Elements(HTMLParser):
    """The start tags of an email, and its style elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.styles: list[str] = []
        self._is_style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        self._is_style = tag == "style"

    def handle_data(self, data: str) -> None:
        if self._is_style:
            self.styles.append(data)
            self._is_style = False

    def list_declarations(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each element with the declarations of its style attribute."""
        for tag, attributes in self.found:
            pairs = (one.partition(":") for one in attributes.get("style", "").split(";"))
            yield tag, {name.strip(): value.strip() for name, _, value in pairs if value}


def read_html(message: OutgoingMessage) -> str:
    part = message_from_bytes(message.body, policy=policy.default).get_body(("html",))
    assert part is not None
    found: str = part.get_content()
    return found


def render_largest_digest() -> str:
    """A digest with more entries than there is room for."""
    topic = SubscribedTopic("benches", "bench", note="my own")
    answer = make_answer("More benches. " * 40, files=("Plan", "Costs"))
    questions = [make_question(n, answer, title="Benches " * 28) for n in range(1, 300)]
    outlines = [
        outline_entry([DigestMatch(topic, NumberedChange(n, NOW, None, change), n % 15)])
        for n, change in enumerate(
            (Change(ChangeKind.ANSWERED, "d", question) for question in questions), 1
        )
    ]
    envelope = DigestEnvelope(IDENTITY, ADA, IDENTITY.build_links(ADA.token, NOW), NOW)
    return render_digest(build_digest(outlines), envelope, EntryRenderer(TEMPLATES, IDENTITY)).html


def render_confirmation() -> str:
    promised = PromisedAlert(SignUpLine("“VRU”"), Frequency.DAILY, 2.0, make_question(1))
    links = ConfirmationLinks("TOKEN", timedelta(hours=48), "https://watch.example/n/STOP")
    return read_html(write_confirmation_email(CONTEXT, ADA, promised, links))


def render_operator() -> str:
    raised = Alarm(1, "london", "changed", "The pages have another form.", NOW, None, None, None)
    cleared = Alarm(2, None, "queue", "Nothing is delivered.", NOW, NOW, NOW, None)
    other = Alarm(3, None, "clock", "The clock was set.", NOW, NOW, None, None)
    return render_operator_email(CONTEXT, [raised, cleared], [raised, other]).html


EMAILS: dict[str, Callable[[], str]] = {
    "digest": lambda: render_sample_digest().html,
    "largest digest": render_largest_digest,
    "confirmation": render_confirmation,
    "manage link": lambda: read_html(write_manage_link_email(CONTEXT, ADA, gets_none=True)),
    "operator": render_operator,
}


@pytest.fixture(scope="module", params=EMAILS)
def html(request: pytest.FixtureRequest) -> str:
    return EMAILS[request.param]()


def test_nothing_is_used_that_outlook_or_gmail_does_not_know(html: str) -> None:
    elements = Elements(html)
    styles = [attributes.get("style", "") for _, attributes in elements.found]
    for style in [*styles, *elements.styles]:
        rules = re.sub(r"@media[^{]*", "", style)
        assert not UNKNOWN_TO_MAIL_PROGRAMS.search(rules), style
    tags = {tag for tag, _ in elements.found}
    assert not tags & {"img", "svg", "script", "link", "form", "video", "section", "main", "button"}
    assert "background" not in {name for _, attributes in elements.found for name in attributes}


def test_the_layout_is_of_tables_whose_width_outlook_knows(html: str) -> None:
    elements = Elements(html)
    tables = [attributes for tag, attributes in elements.found if tag == "table"]
    for table in tables:
        assert table["role"] == "presentation"
        assert table["cellpadding"] == table["cellspacing"] == "0"
    for tag, declared in elements.list_declarations():
        if "max-width" in declared:
            assert tag == "table", "Word ignores max-width: a table around it has the width"
        assert "auto" not in declared.get("margin", ""), "Word needs the align of a cell"
        assert tag not in WITHOUT_PADDING or "padding" not in declared, tag
    ghost = html.index('<!--[if mso]><table role="presentation" width="600"')
    assert ghost < html.index("max-width:600px")
    assert 'align="center"' in html


def test_the_style_element_is_small_and_has_simple_selectors(html: str) -> None:
    elements = Elements(html)
    assert len(elements.styles) == 1
    assert len(elements.styles[0].encode()) < MAX_STYLE_SIZE
    inner = re.sub(r"@media[^{]*\{", "", elements.styles[0])
    selectors = re.findall(r"([^{}]+)\{", inner)
    assert selectors
    for selector in ",".join(selectors).split(","):
        assert SIMPLE_SELECTOR.fullmatch(selector.strip()), selector


def test_gmail_shows_all_of_it(html: str) -> None:
    assert len(html.encode()) < MAX_SIZE


def test_text_is_large_enough_and_links_are_underlined(html: str) -> None:
    for tag, declared in Elements(html).list_declarations():
        size = re.match(r"(\d+)px", declared.get("font-size", "13px"))
        is_space = declared.get("height") == "8px"
        assert is_space or (size and int(size[1]) >= 13), declared
        if tag == "a" and "display" not in declared:  # the button has a ground of its own
            assert declared.get("text-decoration", "underline") == "underline"


def test_it_is_one_article_with_the_subject_as_its_name(html: str) -> None:
    found = Elements(html).found
    [article] = [attributes for _, attributes in found if attributes.get("role") == "article"]
    title = re.search(r"<title>([^<]*)</title>", html)
    assert title
    assert article["aria-label"] == unescape(title[1])
    assert [tag for tag, _ in found].count("h1") == 1


_ANSWERS = st.sampled_from([(), ("The benches came.",), (HOLDING_TEXT,), ("Nothing yet.",)])


@pytest.mark.slow
@given(st.lists(st.tuples(_ANSWERS, st.integers(1, 3)), min_size=1, max_size=12))
def test_text_and_html_have_the_same_entries_in_the_same_order(
    drawn: list[tuple[tuple[str, ...], int]],
) -> None:
    outlines = []
    for n, (words, alert) in enumerate(drawn, 1):
        answers = (make_answer(*words, holding=words == (HOLDING_TEXT,)),) if words else ()
        question = make_question(n, *answers, words="Where are the benches?")
        kind = ChangeKind.ANSWERED if question.status == "answered" else ChangeKind.ASKED
        change = NumberedChange(n, NOW, None, Change(kind, "d", question))
        topic = SubscribedTopic(f"benches {alert}", "bench")
        outlines.append(outline_entry([DigestMatch(topic, change, alert)]))
    envelope = DigestEnvelope(IDENTITY, ADA, IDENTITY.build_links(ADA.token, NOW), NOW)
    digest = build_digest(outlines)
    rendered = render_digest(digest, envelope, EntryRenderer(TEMPLATES, IDENTITY))
    said = re.compile(
        r"Answered|New question|Question \d+(?!/)|benches \d|The benches came|drafting a response"
        r"|Nothing yet|Stop.this.alert|question/london:/questions/\d+"
        r"|\d+ answers?|\d+ new questions?"
    )
    shown = re.sub(r"<style>.*?</style>|<title>.*?</title>", "", rendered.html, flags=re.DOTALL)
    shown = re.sub(
        r'<div style="display:none.*?</div>|aria-label="[^"]*"', "", shown, flags=re.DOTALL
    )
    in_html = said.findall(re.sub(r'<h3[^>]*><a href="[^"]*"', "", shown).replace("\u00a0", " "))
    in_text = said.findall(" ".join(rendered.text.replace("\u00a0", " ").split()))
    without_stop = [one for one in in_html if "Stop" not in one]  # beside the heading, or below
    assert without_stop == [one for one in in_text if "Stop" not in one]
    assert in_html.count("Stop this alert") == in_text.count("Stop this alert")
