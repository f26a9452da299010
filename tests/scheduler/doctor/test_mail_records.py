"""What is in DNS about our emails, as a real server says it over UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable

import dns.rcode
import pytest

from scheduler.doctor import CheckState
from tests.scheduler.doctor.conftest import SENDING_IP, ExaminedService
from tests.support.dns_server import DnsServer

pytestmark = pytest.mark.process

NAMES = ("dns.spf", "dns.dkim", "dns.dmarc", "dns.mx", "dns.reverse")


def test_all_is_well(examined: ExaminedService) -> None:
    found = {one.check: one for one in examined.examine(*NAMES)}
    assert {name: found[name].state for name in NAMES} == dict.fromkeys(NAMES, CheckState.OK)
    assert "lets 198.51.100.25 send (1 of 10 look-ups)" in found["dns.spf"].detail
    assert "the policy “quarantine”" in found["dns.dmarc"].detail
    assert "198.51.100.25 is mail.demo.example" in found["dns.reverse"].detail


def change(name: str, kind: str, *texts: str) -> Callable[[DnsServer], None]:
    return lambda server: server.add(name, kind, *texts)


SPF, DKIM = ("demo.example", "TXT"), ("one._domainkey.demo.example", "TXT")
DMARC = "_dmarc.demo.example"
LOST = "the mail server mail.demo.example of demo.example has no address"


@pytest.mark.parametrize(
    ("check", "edit", "state", "detail", "advice"),
    [
        ("spf", change(*SPF), "failed", "no SPF record", "v=spf1 ip4:198.51.100.25 -all"),
        (
            "spf",
            change(*SPF, "v=spf1 ip4:192.0.2.1 ~all"),
            "failed",
            "gives softfail for 198.51.100.25 (0 of 10",
            "to: v=spf1 ip4:192.0.2.1 ip4:198.51.100.25 ~all",
        ),
        ("spf", change(*SPF, "v=spf1 -all", "v=spf1 mx -all"), "failed", "2 SPF", "leave one"),
        (
            "spf",
            change(*SPF, "v=spf1 include:x.example -all"),
            "failed",
            "x.example",
            "as broken: mend it",
        ),
        ("dkim", change(*DKIM), "failed", "has no TXT record", "what `watchword dns` prints"),
        ("dkim", change(*DKIM, "v=DKIM1; p="), "failed", "revoked", "publish"),
        ("dkim", change(*DKIM, "v=DKIM1; p=MIIBIjANBg"), "failed", "another key", "publish"),
        ("dkim", change(*DKIM, "v=DKIM1", "p=x"), "failed", "2 TXT records", "leave only"),
        (
            "dmarc",
            change(DMARC, "TXT"),
            "warning",
            "has no DMARC record",
            "p=none; rua=mailto:ada@demo.ex",
        ),
        ("dmarc", change(DMARC, "TXT", "v=DMARC1; p="), "failed", "has no policy", "p=none"),
        ("dmarc", change(DMARC, "TXT", "v=DMARC1; p=none"), "ok", "“none”", ""),
        ("mx", change("demo.example", "MX", "0 ."), "failed", "takes no emails", "MX record"),
        ("mx", change("demo.example", "MX"), "failed", "no MX record and no address", "MX record"),
        ("mx", change("mail.demo.example", "A"), "failed", LOST, "MX record"),
        ("reverse", change("mail.demo.example", "A", "192.0.2.9"), "failed", "not that", "reverse"),
        (
            "reverse",
            change("25.100.51.198.in-addr.arpa", "PTR"),
            "failed",
            "has no name",
            "reverse",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    examined: ExaminedService,
    check: str,
    edit: Callable[[DnsServer], None],
    state: str,
    detail: str,
    advice: str,
) -> None:
    edit(examined.dns)
    found = examined.find(f"dns.{check}")
    assert found.state == state
    assert detail in found.detail
    assert advice in (found.advice or "")


def test_a_long_answer_comes_over_tcp(examined: ExaminedService) -> None:
    texts = [f"text {number} {'x' * 200}" for number in range(5)]
    examined.dns.add("demo.example", "TXT", *texts, "v=spf1 mx -all")
    assert examined.find("dns.spf").state is CheckState.OK
    assert examined.dns.over_tcp


def test_a_server_that_fails_or_is_silent_stops_nothing_else(examined: ExaminedService) -> None:
    examined.dns.rcode = dns.rcode.SERVFAIL
    *found, other = examined.examine(*NAMES, "mail.server")
    assert [one.state for one in found] == [CheckState.FAILED] * len(NAMES)
    assert "DNS has no answer about TXT of demo.example" in found[0].detail
    assert other.state is CheckState.OK


def test_the_domain_above_may_have_the_dmarc_record(examined: ExaminedService) -> None:
    examined.edit_config("alerts@demo", "alerts@news.demo")
    assert "_dmarc.demo.example" in examined.find("dns.dmarc").detail


def test_dns_proposes_what_follows_from_what_is_there(examined: ExaminedService) -> None:
    def run() -> list[tuple[str, str, str]]:
        options = ("--dns-server", examined.dns.address, "--sending-ip", SENDING_IP)
        found = examined.service.run_json("dns", *options, "--json")["records"]
        return [(one["state"], one["value"], one["note"]) for one in found]

    assert [state for state, *_ in run()] == ["published"] * 3
    examined.dns.add("demo.example", "TXT", "v=spf1 include:relay.example ~all")
    examined.dns.add("relay.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    examined.dns.add("_dmarc.demo.example", "TXT")
    examined.dns.add("one._domainkey.demo.example", "TXT", "v=DKIM1; p=another")
    key, spf, dmarc = run()
    assert key[0] == "change"
    assert spf[:2] == ("change", "v=spf1 include:relay.example ip4:198.51.100.25 ~all")
    assert spf[2] == "was v=spf1 include:relay.example ~all; 1 of 10 look-ups"
    assert dmarc[:2] == ("new", "v=DMARC1; p=none; rua=mailto:ada@demo.example")
    examined.dns.is_silent = True
    done = examined.service.run("dns", "--dns-server", examined.dns.address)
    assert "as if nothing were there" in done.stderr
    assert '"v=spf1 a mx -all"  ; new; name the hosts that send for you' in done.stdout


def test_emails_without_a_key_are_named(examined: ExaminedService) -> None:
    examined.edit_config('[[mail.dkim]]\nselector = "one"\nkey = "dkim.pem"\n', "")
    found = examined.find("dns.dkim")
    assert (found.state, found.detail) == (
        "warning",
        "emails are not signed: there is no [[mail.dkim]]",
    )
    assert "make a key (docs/how-to/get-mail-delivered.md)" in str(found.advice)
