"""The walk's own parts, and that its page is of the commands that are walked."""

from __future__ import annotations

import re

import dns.message
import dns.rcode
import pytest

from tests.walk.__main__ import PAGE
from tests.walk.outside import answer_query
from tests.walk.page import MAX_COMMANDS, MAX_MINUTES
from tests.walk.steps import build_steps, shorten

ZONE = '$TTL 60\nwatch.example.org. A 198.51.100.2\nwatch.example.org. TXT "v=spf1" " mx"\n'


def test_the_page_shows_the_commands_that_are_walked() -> None:
    page = PAGE.read_text()
    shown = re.findall(r"^\$ (.+)$", page, re.MULTILINE)
    wheel = re.search(r"\./(watchword-\S+\.whl)", page)
    assert wheel is not None
    assert shown == [step.command for step in build_steps(wheel[1])]


def test_it_takes_no_more_than_is_promised() -> None:
    said = re.search(r"\*\*(\d+) commands, (\d+) min (\d+) s\*\*", PAGE.read_text())
    assert said is not None
    commands, minutes, seconds = map(int, said.groups())
    assert commands <= MAX_COMMANDS
    assert minutes * 60 + seconds <= MAX_MINUTES * 60


@pytest.mark.parametrize(
    ("name", "kind", "status", "found"),
    [
        ("watch.example.org", "A", dns.rcode.NOERROR, ["198.51.100.2"]),
        ("watch.example.org", "TXT", dns.rcode.NOERROR, ['"v=spf1" " mx"']),
        ("watch.example.org", "MX", dns.rcode.NOERROR, []),
        ("other.example.org", "A", dns.rcode.NXDOMAIN, []),
    ],
)
def test_the_outside_answers_from_its_zone(
    name: str, kind: str, status: dns.rcode.Rcode, found: list[str]
) -> None:
    query = dns.message.make_query(name, kind)
    answer = dns.message.from_wire(answer_query(query.to_wire(), ZONE))
    assert answer.id == query.id
    assert answer.rcode() is status
    assert [str(record) for rrset in answer.answer for record in rrset] == found


def test_an_output_is_shortened_and_holds_no_password() -> None:
    output = "\n".join(f"line {number}" for number in range(10))
    assert shorten(output, 4) == "line 0\nline 1\n… (7 lines more)\nline 9"
    assert shorten(output, 10) == output
    assert shorten(f"it is\n  {'x' * 32}", 5) == "it is\n  (a password)"
