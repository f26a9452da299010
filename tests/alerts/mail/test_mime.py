"""The MIME structure of a digest email, and what its parts show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digests.digest import build_digest
from alerts.digests.entries import DigestMatch, group_by_question, outline_entry
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import MailIdentity, RenderedMessage, bound_part_size
from alerts.mail.mime import EmailHeaders, build_email
from alerts.model import Change, ChangeKind, NumberedChange, SubscribedTopic, Subscriber
from alerts.rendering import Templates
from alerts.text import Place, find_snippet
from crawler.records import Question
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
PERSON = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)
PLAIN = MailIdentity("Watchword", "w@demo.example", "leave@demo.example")
PUBLIC = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example")
HOSTILE = [
    "Benches\r\nBcc: everybody@demo.example",
    "Benches\x00\x1b and \u202e more",
    "Benches " + "x" * 1000,
    "Benches <script>alert(1)</script> {{7*7}} ]]>",
    "Benches “quoted” Siân’s \u2028 line",
]


def digest_of(*questions: Question, query: str = "benches") -> bytes:
    return bytes_of(PUBLIC, *questions, query=query)


def bytes_of(head: MailIdentity, *questions: Question, query: str = "benches") -> bytes:
    hits = [
        DigestMatch(
            SubscribedTopic(query, "benches"),
            NumberedChange(n, NOW, None, Change(ChangeKind.ANSWERED, "d", q)),
        )
        for n, q in enumerate(questions)
    ]
    links = head.build_links(PERSON.token, NOW)
    digest = build_digest(map(outline_entry, group_by_question(hits).values()))
    envelope = DigestEnvelope(head, PERSON, links, NOW)
    rendered = render_digest(digest, envelope, EntryRenderer(Templates(), envelope.identity))
    return build_email(
        rendered, head, EmailHeaders(PERSON.email, "<digest.1@demo.example>", NOW, links)
    )


def parsed(body: bytes) -> EmailMessage:
    message = message_from_bytes(body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def html_of(body: bytes) -> str:
    part = parsed(body).get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


BENCHES = make_question(1, make_answer("There are more benches."), words="Where are the benches?")


def test_equal_digests_are_equal_bytes() -> None:
    assert digest_of(BENCHES) == digest_of(BENCHES)


def test_the_headers_and_parts() -> None:
    body = digest_of(BENCHES)
    message = parsed(body)
    for name in ("From", "To", "Date", "Message-ID", "Subject", "List-Id"):
        assert len(message.get_all(name, [])) == 1
    assert message.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    lines = body.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert b"\n" not in b"".join(lines)
    body.partition(b"\r\n\r\n")[0].decode("ascii")


def test_the_unsubscribe_headers() -> None:
    message = parsed(digest_of(BENCHES))
    ways = re.findall(r"<([^>]*)>", message["List-Unsubscribe"])
    assert [way.partition(":")[0] for way in ways] == ["https", "mailto"]
    assert max(map(len, ways)) <= 75
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert b"=?" not in digest_of(BENCHES).partition(b"List-Unsubscribe:")[2].split(b"\r\nAuto")[0]
    plain = parsed(bytes_of(PLAIN, BENCHES))
    assert plain["List-Unsubscribe"].startswith("<mailto:leave@demo.example")
    assert plain["List-Unsubscribe-Post"] is None


def test_one_click_needs_https() -> None:
    identity = MailIdentity("Watchword", "w@demo.example", "l@demo.example", "http://watch.example")
    message = parsed(bytes_of(identity, BENCHES))
    assert "<http://watch.example/u/" in message["List-Unsubscribe"]
    assert message["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    "name",
    [
        "Watchword",
        "City <Hall> Alerts",
        "Ada, Brook & Co. (London)",
        'the "Mayor" \\ <x@y.example>',
        "Siân <alerts>",
        "=?utf-8?q?x?=",
        "Ü" * 150,
        "benches: trams; [ferries]",
    ],
)
def test_the_list_id_holds_one_name_and_one_identifier(name: str) -> None:
    identity = MailIdentity(name, "w@demo.example", "l@demo.example")
    head = bytes_of(identity, BENCHES).partition(b"\r\n\r\n")[0].decode("ascii")
    [field] = head.split("\r\nList-Id: ")[1:]
    value = re.split(r"\r\n(?![ \t])", field)[0]
    assert max(map(len, value.split("\r\n"))) <= 998
    phrase, identifier = parseaddr(value.replace("\r\n", ""))
    assert identifier == "digest.demo.example"
    shown = str(make_header(decode_header(phrase))) if not name.isascii() else phrase
    assert shown == f"{name} digests"
    without_strings = re.sub(r'"([^"\\]|\\.)*"', "", value)
    assert without_strings.count("<") == 1


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_adds_a_header(title: str) -> None:
    body = digest_of(make_question(1, make_answer("Benches."), title=title), query=title)
    message = parsed(body)
    assert message["Bcc"] is None
    assert len(message.keys()) == len(parsed(digest_of(BENCHES)).keys())
    assert "\x00" not in message["Subject"]
    assert len(message["Subject"]) <= 180
    html = html_of(body)
    assert "<script>" not in html
    assert "49" not in html.partition("7*7")[0][-30:]


def test_both_parts_have_the_same_content() -> None:
    many = [
        make_question(n, make_answer("More benches."), title=f"On benches {n}") for n in range(1, 4)
    ]
    body = digest_of(*many)
    text, html = get_plain_text(parsed(body)), html_of(body)
    for each in many:
        assert each.url
        assert each.url in text
        assert f'href="{each.url}"' in html
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 78
    assert "*benches*" in text
    assert re.search(r"<mark[^>]*>benches</mark>", html)
    assert f"https://watch.example/u/{PERSON.token}" in text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_html_is_well_formed_and_loads_nothing() -> None:
    html = html_of(digest_of(BENCHES))
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(html)
    tags = _Tags()
    tags.feed(html)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "img", "link", "iframe", "object", "form"}
    assert dict(tags.seen)["html"]["lang"] == "en-GB"
    assert all(attrs.get("role") == "presentation" for tag, attrs in tags.seen if tag == "table")
    assert len(html) < 100_000


def test_a_url_that_is_not_http_is_not_linked() -> None:
    html = html_of(digest_of(make_question(1, make_answer("Benches."), url="javascript:alert(1)")))
    assert "javascript:" not in html


@pytest.mark.slow
@given(st.text(alphabet="ab c", min_size=1, max_size=900), st.data())
def test_a_snippet_is_part_of_the_text_with_the_match_marked(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, min(len(text), start + 40)))
    cut = find_snippet({"answer": [text]}, [Place("answer", 0, start, end)], ["answer"])
    assert cut is not None
    assert [s.text for s in cut.segments if s.is_marked] == [text[start:end]]
    words = "".join(s.text for s in cut.segments if s.text not in {"… ", " …"})
    assert words in text


def test_beyond_twenty_entries_all_others_are_titles() -> None:
    many = [
        make_question(n, make_answer("More benches. " * 40), title=f"Benches no. {n}")
        for n in range(60)
    ]
    body = digest_of(*many)
    text, html = get_plain_text(parsed(body)), html_of(body)
    assert text.count("Read the thread") == html.count("Read the thread") == 20
    for each in many:
        thread = f"https://watch.example/question/{each.id}"
        assert re.search(rf"^{re.escape(thread)}$", text, re.MULTILINE)
        assert f'href="{thread}"' in html
    assert len(html) < 100_000
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 78
    html5lib.HTMLParser(strict=True).parse(html)


def test_a_correction_shows_the_old_and_the_new_text() -> None:
    before = make_question(1, make_answer("There are ten benches in all."))
    after = make_question(1, make_answer("There are twelve benches in all."))
    hits = [
        DigestMatch(
            SubscribedTopic("benches", "bench"),
            NumberedChange(1, NOW, None, Change(ChangeKind.CORRECTED, "d", after, before)),
        )
    ]
    links = PUBLIC.build_links(PERSON.token, NOW)
    digest = build_digest(map(outline_entry, group_by_question(hits).values()))
    envelope = DigestEnvelope(PUBLIC, PERSON, links, NOW)
    rendered = render_digest(digest, envelope, EntryRenderer(Templates(), envelope.identity))
    assert "It said:      There are [ten] benches" in rendered.text
    assert "It now says:  There are [twelve] benches" in rendered.text
    assert re.search(r"It said</p><p[^>]*>There are <del>ten</del>", rendered.html)
    assert re.search(r"It now says</p><p[^>]*>There are <b>twelve</b>", rendered.html)
    html5lib.HTMLParser(strict=True).parse(rendered.html)


@pytest.mark.slow
@given(st.lists(st.text(st.one_of(st.characters(), st.sampled_from("= \t.\r\n羅é")), max_size=200)))
def test_the_bound_of_a_part_is_never_below_what_is_sent(texts: list[str]) -> None:
    headers = EmailHeaders("ada@demo.example", "<digest.1@demo.example>", NOW)
    empty, full = (
        len(build_email(RenderedMessage("Benches", text, ""), PLAIN, headers))
        for text in ("", "".join(texts))
    )
    assert full - empty <= sum(map(bound_part_size, texts))
