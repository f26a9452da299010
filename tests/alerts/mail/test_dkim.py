"""DKIM signatures: dkimpy verifies them, and any change to the message breaks them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.mail import MailIdentity, RenderedMessage, SigningKey, UnusableKey, read_key
from alerts.mail.dkim import sign_message
from alerts.mail.mime import EmailHeaders, build_email
from tests.support.examples import count_examples
from tests.support.private_keys import write_key

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
KEYS = (
    SigningKey("rsa2026", "demo.example", generate_private_key(65537, 2048)),
    SigningKey("ed2026", "demo.example", Ed25519PrivateKey.generate()),
)
HEAD = MailIdentity("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example")


def published(name: bytes, timeout: int = 5) -> bytes | None:
    """Return the TXT record of a DNS name; None where there is none."""
    records = {f"{key.selector}._domainkey.{key.domain}.".encode(): key.dns_record for key in KEYS}
    record = records.get(name)
    return record.encode() if record else None


def verified(message: bytes) -> list[bool]:
    """Return whether each signature is valid, the first in the header first."""
    return [_holds(message, place) for place in range(len(KEYS))]


def _holds(message: bytes, place: int) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(idx=place, dnsfunc=published))
    except dkim.ValidationError:
        return False


def message(subject: str = "VRU: 1 answer", text: str = "It is so.", html: str = "<p>") -> bytes:
    rendered = RenderedMessage(subject, text, html)
    links = HEAD.build_links("B-Dg-tSS9p9aqYTmJawR5g", NOW)
    return build_email(
        rendered, HEAD, EmailHeaders("ada@demo.example", "<digest.1@demo.example>", NOW, links)
    )


SIGNED = sign_message(message(), KEYS, NOW)


@settings(max_examples=count_examples(1000))
@given(st.text(max_size=80), st.text(max_size=300), st.text(max_size=300))
@pytest.mark.slow
def test_dkimpy_verifies_every_message(subject: str, text: str, html: str) -> None:
    signed = sign_message(message(subject, text, html), KEYS, NOW)
    assert verified(signed) == [True, True]
    assert max(map(len, signed.split(b"\r\n"))) <= 998
    assert b"\n" not in b"".join(signed.split(b"\r\n"))


SPACED = st.text(" \tab:;", max_size=30).map(str.encode)
LINES = st.lists(SPACED, max_size=8).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


@settings(max_examples=count_examples(1000))
@given(SPACED, LINES)
@pytest.mark.slow
def test_white_space_is_canonicalised_as_dkimpy_does(subject: bytes, body: bytes) -> None:
    plain = (
        b"From: w@demo.example\r\nTo:\tada@demo.example\r\n"
        b"Subject: folded\r\n \t and " + subject + b".\r\nSubject:second\r\n\r\n" + body
    )
    assert verified(sign_message(plain, KEYS, NOW)) == [True, True]


def test_the_same_message_is_signed_with_the_same_bytes() -> None:
    assert sign_message(message(), KEYS, NOW) == SIGNED
    assert sign_message(message(), (), NOW) == message()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"It is so.", b"It is not."),
        (b"Subject: VRU", b"Subject: VRX"),
        (b"/u/B-Dg", b"/u/C-Dg"),  # in List-Unsubscribe
        (b"List-Unsubscribe-Post: ", b"X-Was: "),
        (b"\r\nFrom: ", b"\r\nFrom: eve@demo.example\r\nFrom: "),
        (b"\r\nFrom: ", b"\r\nReply-To: eve@demo.example\r\nFrom: "),
        (b"\r\nTo: ", b"\r\nSubject: another\r\nTo: "),
        (b"\r\nTo: ", b"\r\nTo: eve@demo.example\r\nTo: "),
    ],
)
def test_a_changed_or_added_field_breaks_both_signatures(old: bytes, new: bytes) -> None:
    assert old in SIGNED
    assert verified(SIGNED) == [True, True]
    assert verified(SIGNED.replace(old, new, 1)) == [False, False]


def test_the_unsubscribe_headers_are_signed() -> None:
    names = SIGNED.partition(b"\th=")[2].partition(b";")[0].replace(b"\r\n\t", b"").split(b":")
    assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(names)
    assert names.count(b"from") == 2


@pytest.mark.parametrize(
    ("kind", "form", "algorithm"),
    [
        ("rsa", "PKCS8", "rsa-sha256"),
        ("rsa", "TraditionalOpenSSL", "rsa-sha256"),
        ("ed25519", "PKCS8", "ed25519-sha256"),
    ],
)
def test_keys_are_read(tmp_path: Path, kind: str, form: str, algorithm: str) -> None:
    write_key(tmp_path / "dkim.pem", kind, form=form)
    assert read_key(tmp_path / "dkim.pem", "s", "demo.example").algorithm == algorithm


def test_a_file_without_a_usable_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dkim.pem"
    with pytest.raises(UnusableKey, match="cannot be read"):
        read_key(path, "s", "demo.example")
    path.write_text("-----BEGIN nothing-----")
    with pytest.raises(UnusableKey, match="openssl genrsa"):
        read_key(path, "s", "demo.example")
    write_key(path, "ec")
    with pytest.raises(UnusableKey, match="neither"):
        read_key(path, "s", "demo.example")


def test_a_key_that_is_too_short_for_receivers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dkim.pem"
    write_key(path, "rsa", 1024)  # the libraries make no shorter one
    read_key(path, "s", "demo.example")
    monkeypatch.setattr("alerts.mail.dkim._MIN_RSA_BITS", 1025)
    with pytest.raises(UnusableKey, match="has only 1024 bits"):
        read_key(path, "s", "demo.example")
