"""SPF: what a record says, what it costs, and how one is added to (RFC 7208)."""

from __future__ import annotations

import pytest

from scheduler.doctor.dns import evaluate_spf, propose_spf
from scheduler.doctor.dns.lookup import RecordKind

ZONE: dict[tuple[str, str], list[str]] = {
    ("demo.example", "A"): ["198.51.100.1"],
    ("demo.example", "AAAA"): ["2001:db8::1"],
    ("demo.example", "MX"): ["10 mail.demo.example."],
    ("mail.demo.example", "A"): ["198.51.100.25"],
    ("relay.example", "TXT"): ["other text", "v=spf1 ip4:203.0.113.0/24 -all"],
    ("strict.example", "TXT"): ["v=spf1 -all"],
    ("ring.example", "TXT"): ["v=spf1 include:ring.example -all"],
    ("deep.example", "TXT"): ["v=spf1 " + " ".join(f"a:h{n}.example" for n in range(9)) + " ?all"],
    ("two.example", "TXT"): ["v=spf1 -all", "v=spf1 +all"],
}


def find(name: str, kind: RecordKind) -> list[str]:
    return ZONE.get((name, kind), [])


@pytest.mark.parametrize(
    ("record", "ip", "result", "lookups"),
    [
        ("v=spf1 -all", "198.51.100.25", "fail", 0),
        ("v=spf1 ~all", "198.51.100.25", "softfail", 0),
        ("v=spf1", "198.51.100.25", "neutral", 0),
        ("v=spf1 mx -all", "198.51.100.25", "pass", 1),
        ("v=spf1 MX -ALL", "198.51.100.26", "fail", 1),
        ("v=spf1 mx/24 -all", "198.51.100.26", "pass", 1),
        ("v=spf1 a -all", "2001:db8::1", "pass", 1),
        ("v=spf1 a//64 -all", "2001:db8::2", "pass", 1),
        ("v=spf1 a:mail.demo.example -all", "198.51.100.25", "pass", 1),
        ("v=spf1 -mx +all", "198.51.100.25", "fail", 1),
        ("v=spf1 ip4:198.51.100.0/24 a mx -all", "198.51.100.25", "pass", 2),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::5", "pass", 0),
        ("v=spf1 ip6:2001:db8::/32 -all", "198.51.100.25", "fail", 0),
        ("v=spf1 include:relay.example -all", "203.0.113.5", "pass", 1),
        ("v=spf1 include:strict.example ?all", "203.0.113.5", "neutral", 1),
        ("v=spf1 redirect=relay.example", "203.0.113.5", "pass", 1),
        ("v=spf1 redirect=relay.example", "198.51.100.25", "fail", 1),
        ("v=spf1 exists:%{i}.demo.example ptr exp=why.example -all", "203.0.113.5", "fail", 2),
        ("v=spf1 include:deep.example -all", "203.0.113.5", "fail", 10),
    ],
)
def test_the_first_term_that_matches_decides(
    record: str, ip: str, result: str, lookups: int
) -> None:
    found = evaluate_spf("demo.example", record, ip, find)
    assert (found.result, found.lookups, found.errors) == (result, lookups, ())


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ("v=spf1 a include:deep.example -all", "it asks DNS 11 times; 10 are allowed"),
        ("v=spf1 include:ring.example -all", "it asks DNS "),
        ("v=spf1 include:two.example -all", "it includes two.example, which has 2 SPF records"),
        ("v=spf1 include:none.example -all", "it includes none.example, which has no SPF record"),
        ("v=spf1 ipv4:198.51.100.1 -all", "it has a term that is none: ipv4:198.51.100.1"),
        ("v=spf1 ip4:198.51.100 -all", "it has an address that is none: 198.51.100"),
    ],
)
def test_a_record_that_receivers_reject_is_named(record: str, error: str) -> None:
    found = evaluate_spf("demo.example", record, "198.51.100.25", find)
    assert found.errors[0 if "ring" not in record else -1].startswith(error)


@pytest.mark.parametrize(
    ("record", "ip", "proposed"),
    [
        (None, None, "v=spf1 a mx -all"),
        (None, "198.51.100.25", "v=spf1 ip4:198.51.100.25 -all"),
        ("v=spf1 mx ~all", "2001:db8::1", "v=spf1 mx ip6:2001:db8::1 ~all"),
        ("v=spf1 mx", "198.51.100.25", "v=spf1 mx ip4:198.51.100.25"),
        ("v=spf1 redirect=x.example", "192.0.2.1", "v=spf1 ip4:192.0.2.1 redirect=x.example"),
        ("v=spf1 mx exp=x.example -all", "192.0.2.1", "v=spf1 mx exp=x.example ip4:192.0.2.1 -all"),
    ],
)
def test_what_is_there_stays_in_the_proposal(
    record: str | None, ip: str | None, proposed: str
) -> None:
    assert propose_spf(record, ip) == proposed
    if ip is not None and "redirect" not in proposed:
        assert evaluate_spf("demo.example", proposed, ip, find).result == "pass"
