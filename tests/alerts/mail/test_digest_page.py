"""The keys of the pages of digests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.mail import find_message_key
from alerts.mail.digest_page import DigestPage

KEYS = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(KEYS, st.binary(max_size=40))
def test_a_page_key_leads_back_to_its_message(key: str, secret: bytes) -> None:
    page_key = DigestPage("https://watch.example", key, secret).url.rpartition("/")[2]
    assert page_key != key
    assert find_message_key(page_key, secret) == key
    assert find_message_key(page_key, secret + b"other") != key


@given(st.text(max_size=40).filter(lambda text: len(text) != 32))
def test_what_is_no_key_leads_nowhere(text: str) -> None:
    assert find_message_key(text, b"secret") is None
