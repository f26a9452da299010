"""Recipients: one normal form for each address."""

from __future__ import annotations

import pytest

from alerts.model import AddressError, Recipient
from alerts.secret import show_address


@pytest.mark.parametrize(
    ("text", "scheme", "address"),
    [
        ("Ann@Example.ORG", "mailto", "ann@example.org"),
        ("ann@bücher.example", "mailto", "ann@xn--bcher-kva.example"),
        (" ann@example.org\n", "mailto", "ann@example.org"),
        ("\u00a0https://hooks.example/me ", "https", "https://hooks.example/me"),
        ("root@mailhost", "mailto", "root@mailhost"),
        ("https://hooks.example/Me?a=b", "https", "https://hooks.example/Me?a=b"),
        ("ntfy://ntfy.example/Alerts", "ntfy", "ntfy://ntfy.example/Alerts"),
    ],
)
def test_a_recipient_has_one_normal_form(text: str, scheme: str, address: str) -> None:
    recipient = Recipient.parse(text)
    assert (recipient.scheme, recipient.address) == (scheme, address)
    assert recipient.is_email == (scheme == "mailto")
    assert Recipient.parse(recipient.address) == recipient
    assert Recipient.from_normal_form(recipient.address) == recipient
    assert str(recipient) == show_address(address)


@pytest.mark.parametrize(
    "text", ["", "nobody", "jörg@example.org", "a b@example.org", "://x", "https://", "https://a b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError, match="is not a"):
        Recipient.parse(text)


def test_a_url_is_not_an_email_address() -> None:
    with pytest.raises(AddressError, match="is not an email address"):
        Recipient.parse_email("https://hooks.example/me")
