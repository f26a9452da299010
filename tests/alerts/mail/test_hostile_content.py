"""Digests of hostile content are well-formed in all their parts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.digests.digest import build_digest
from alerts.digests.entries import DigestMatch, outline_entry
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import MailIdentity, RenderedMessage
from alerts.mail.mime import EmailHeaders, build_email, clean_header
from alerts.model import Change, ChangeKind, NumberedChange, SubscribedTopic, Subscriber
from alerts.rendering import Templates
from tests.support.examples import count_examples
from tests.support.samples import make_answer, make_question
from tests.support.service import get_plain_text

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
PERSON = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)
IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
LINKS = IDENTITY.build_links(PERSON.token, NOW)
TEMPLATES = Templates()
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(title: str) -> RenderedMessage:
    after = make_question(1, make_answer(f"Benches. {title}"), title=title)
    change = NumberedChange(1, NOW, None, Change(ChangeKind.ANSWERED, "d", after))
    entry = outline_entry([DigestMatch(SubscribedTopic(title, "benches"), change)])
    envelope = DigestEnvelope(IDENTITY, PERSON, LINKS, NOW)
    return render_digest(build_digest([entry]), envelope, EntryRenderer(TEMPLATES, IDENTITY))


def build(rendered: RenderedMessage) -> tuple[bytes, EmailMessage]:
    body = build_email(
        rendered, IDENTITY, EmailHeaders(PERSON.email, "<digest.1@demo.example>", NOW, LINKS)
    )
    message = message_from_bytes(body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return body, message


def get_html(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


NAMES = build(render("Benches"))[1].keys()


@pytest.mark.slow
@settings(max_examples=60)
@given(st.text(alphabet=st.characters(), max_size=1000))
def test_any_title_can_be_sent_and_adds_no_header(title: str) -> None:
    body, message = build(render(title))
    assert message.keys() == NAMES
    assert len(message["Subject"]) <= 180
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert b"\x00" not in body
    body.partition(b"\r\n\r\n")[0].decode("ascii")


@pytest.mark.parametrize(
    "found", ["\u202e", "\u2066", "\u2069", "\ufeff", "\u061c", "\u2060", "\x00"]
)
def test_nothing_invisible_is_in_a_subject(found: str) -> None:
    assert clean_header(f"Benches{found}more") == "Benches more"


@pytest.mark.parametrize(
    "subject",
    [
        "Brontë naïve José café Brontë façade é Brontë: 2 answers",
        "00000000 0000¡¡¡¡¡¡¡𐀀𐀀𐀀𐀀 ¡",
    ],
)
def test_no_space_of_a_folded_subject_is_lost(subject: str) -> None:
    _, message = build(RenderedMessage(subject, "Text.\n", "<p>Text.</p>\n"))
    assert message["Subject"] == subject


@pytest.mark.parametrize("found", ["\x00", "\x1b", "\x85", "\uffff"])
def test_no_control_character_is_in_a_part(found: str) -> None:
    _, message = build(render(f"Benches {found} more"))
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(get_html(message))
    assert found not in get_plain_text(message) + get_html(message)


def test_a_lone_surrogate_does_not_stop_a_digest() -> None:
    _, found = build(render("Benches \ud800"))
    assert "Benches" in found["Subject"]
    _, message = build(
        RenderedMessage("Benches \ud800", "Benches \ud800\n", "<p>Benches \udfff</p>\n")
    )
    assert message["Subject"] == "Benches"
    assert get_plain_text(message) == "Benches \n"


def test_template_and_script_syntax_is_shown_as_text() -> None:
    _, message = build(render("Benches {{7*7}} <script>alert(1)</script>"))
    assert "{{7*7}} <script>alert(1)</script>" in get_plain_text(message)
    assert "{{7*7}} &lt;script&gt;alert(1)&lt;/script&gt;" in get_html(message)


@settings(max_examples=count_examples(2000))
@given(subject=st.text(max_size=200), text=st.text(max_size=400), html=st.text(max_size=400))
@pytest.mark.slow
def test_the_standard_library_parses_what_we_build(subject: str, text: str, html: str) -> None:
    """We build the MIME structure ourselves; any text must survive being parsed."""
    body = build_email(
        RenderedMessage(subject, text, html),
        IDENTITY,
        EmailHeaders("ada@demo.example", "<1@x>", NOW, LINKS),
    )
    mail = message_from_bytes(body, policy=policy.default)
    assert mail.defects == []
    assert str(mail["Subject"]) == clean_header(subject)
    parts = list(mail.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part, given_text in zip(parts, (text, html), strict=True):
        assert part.defects == []
        kept = re.sub(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", given_text
        )
        lines = re.sub("\r\n|\r|\n", "\n", kept)
        assert part.get_content().replace("\r\n", "\n") == lines
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert b"\r" not in body.replace(b"\r\n", b"")
    assert body.isascii()
