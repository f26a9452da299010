"""Return paths: signed, and never accepted for another message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.bounces import build_return_path, find_message_number

SECRET = b"of thirty-two bytes, all of them"


@given(number=st.integers(0, 10**18 - 1), other=st.integers(0, 10**18 - 1))
def test_a_return_path_names_its_message_and_cannot_be_forged(number: int, other: int) -> None:
    address = build_return_path("b@demo.example", number, SECRET)
    assert find_message_number(address, SECRET) == number
    assert find_message_number(address.upper(), SECRET) == number
    assert find_message_number(address, b"another") is None
    assert len(address.partition("@")[0]) <= 64  # RFC 5321 4.5.3.1.1
    if other != number:
        assert find_message_number(address.replace(f"+{number}.", f"+{other}."), SECRET) is None
