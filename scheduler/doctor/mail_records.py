"""Checks of the DNS records by which others judge our emails: SPF, DKIM, DMARC, MX, reverse."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from alerts.mail import SigningKey
from scheduler.config import Config, load_signing_keys
from scheduler.doctor.dns import (
    MAX_LOOKUPS,
    DnsLookup,
    FindRecords,
    RecordKind,
    SendingHost,
    evaluate_spf,
    find_sending_host,
    list_spf_records,
    propose_spf,
)
from scheduler.doctor.examination import Examination
from scheduler.doctor.report import CheckResult, failed, ok, skipped, warning

#: Labels of a domain that cannot be registered: nobody else can look them up.
_LOCAL_DOMAINS = ("localdomain", "local", "localhost", "test", "invalid")


def find_obstacle(config: Config) -> str | None:
    """Return why no DNS records are expected; None if they are."""
    if getattr(config.channels[config.mail.channel], "host", None) is None:
        return f"the channel {config.mail.channel} sends nothing to others"
    domain = config.mail_identity.domain
    if "." not in domain or domain.rpartition(".")[2] in _LOCAL_DOMAINS:
        return f"{domain} is no public domain: set mail.from_address"
    return None


def check_spf(examination: Examination) -> Iterator[CheckResult]:
    """Check that the SPF record lets our mail server send."""
    name, config = "dns.spf", examination.config
    if reason := find_obstacle(config):
        yield skipped(name, reason)
        return
    domain = config.mail_identity.domain
    records = list_spf_records(examination.lookup.find(domain, "TXT"))
    host = find_sending_host(config, examination.sending_ip)
    if len(records) != 1:
        found = f"{domain} has {len(records) or 'no'} SPF records"
        text = "publish one TXT record" if not records else "leave one, which has the terms of all"
        proposed = propose_spf(None, host.ip) if not records else None
        yield failed(name, found, f"{text}{f': {proposed}' if proposed else ''}")
        return
    yield _judge_spf(examination, domain, records[0], host.ip, host.reason)


def _judge_spf(
    examination: Examination, domain: str, record: str, ip: str | None, reason: str
) -> CheckResult:
    # 0.0.0.0 sends nothing: the walk finds what is wrong with the record itself.
    verdict = evaluate_spf(domain, record, ip or "0.0.0.0", examination.lookup.find)  # noqa: S104
    count = f"{verdict.lookups} of {MAX_LOOKUPS} look-ups"
    if verdict.errors:
        advice = "receivers treat such a record as broken: mend it"
        return failed("dns.spf", f"“{record}”: {verdict.errors[0]}", advice)
    if ip is None:
        return ok("dns.spf", f"“{record}” ({count}); not compared with the sender: {reason}")
    if verdict.result == "pass":
        return ok("dns.spf", f"“{record}” lets {ip} send ({count})")
    advice = f"change the TXT record of {domain} to: {propose_spf(record, ip)}"
    return failed("dns.spf", f"“{record}” gives {verdict.result} for {ip} ({count})", advice)


def check_dkim(examination: Examination) -> Iterator[CheckResult]:
    """Check that each signing key is published."""
    name, config = "dns.dkim", examination.config
    if reason := find_obstacle(config):
        yield skipped(name, reason)
        return
    keys = load_signing_keys(config)
    if not keys:
        advice = "make a key (docs/how-to/get-mail-delivered.md): many providers reject such emails"
        yield warning(name, "emails are not signed: there is no [[mail.dkim]]", advice)
    for key in keys:
        yield _judge_key(examination, key)


def _judge_key(examination: Examination, key: SigningKey) -> CheckResult:
    place = f"{key.selector}._domainkey.{key.domain}"
    texts = examination.lookup.find(place, "TXT")
    advice = f"publish at {place} what `watchword dns` prints"
    if not texts:
        return failed("dns.dkim", f"{place} has no TXT record", advice)
    ours = _parse_tags(key.dns_record)["p"]
    published = _parse_tags(texts[0]).get("p", "")
    if len(texts) > 1:
        detail = f"{place} has {len(texts)} TXT records"
        return failed("dns.dkim", detail, "leave only that of the key in the config")
    if not published:
        return failed("dns.dkim", f"{place} says that the key is revoked", advice)
    if published != ours:
        return failed("dns.dkim", f"{place} has another key than the config", advice)
    if "y" in _parse_tags(texts[0]).get("t", "").split(":"):
        return warning("dns.dkim", f"{place} says that it is a test (t=y)", "remove t=y")
    return ok("dns.dkim", f"{place} has the key of the config")


def _parse_tags(text: str) -> dict[str, str]:
    """Return the tags of a record, ``v=DKIM1; p=...``, without white space in the values."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): re.sub(r"\s", "", value) for name, _, value in pairs}


def check_dmarc(examination: Examination) -> Iterator[CheckResult]:
    """Check that there is a DMARC record, for the domain or one above it."""
    name, config = "dns.dmarc", examination.config
    if reason := find_obstacle(config):
        yield skipped(name, reason)
        return
    domain = config.mail_identity.domain
    for above in _list_domains(domain):
        texts = examination.lookup.find(f"_dmarc.{above}", "TXT")
        found = [text for text in texts if text.replace(" ", "").lower().startswith("v=dmarc1")]
        if found:
            yield _judge_dmarc(above, found)
            return
    advice = f"publish a TXT record at _dmarc.{domain}: {_propose_dmarc(config)}"
    yield warning(name, f"{domain} has no DMARC record", advice)


def _judge_dmarc(domain: str, found: list[str]) -> CheckResult:
    if len(found) > 1:
        detail = f"_dmarc.{domain} has {len(found)} records, which count as none"
        return failed("dns.dmarc", detail, "leave one")
    policy = _parse_tags(found[0]).get("p", "").lower()
    if policy not in {"none", "quarantine", "reject"}:
        detail = f"“{found[0]}” at _dmarc.{domain} has no policy"
        return failed("dns.dmarc", detail, "add p=none, or a stricter one")
    return ok("dns.dmarc", f"_dmarc.{domain} has the policy “{policy}”")


def _list_domains(domain: str) -> Iterable[str]:
    """Give a domain and those above it that have a dot: where DMARC is looked for."""
    labels = domain.split(".")
    return (".".join(labels[at:]) for at in range(len(labels) - 1))


def _propose_dmarc(config: Config) -> str:
    """Return a DMARC record that asks for nothing but reports."""
    email = config.operator.email
    return f"v=DMARC1; p=none{f'; rua=mailto:{email}' if email else ''}"


def check_mx(examination: Examination) -> Iterator[CheckResult]:
    """Check that bounces and replies can arrive."""
    name, config = "dns.mx", examination.config
    if reason := find_obstacle(config):
        yield skipped(name, reason)
        return
    domain = (config.mail.bounce_address or config.mail.from_address).rpartition("@")[2]
    records = examination.lookup.find(domain, "MX")
    advice = f"publish an MX record for {domain} that names the server with its mailboxes"
    hosts = [record.split()[-1].rstrip(".") for record in records]
    if hosts == [""]:
        detail = f"{domain} says that it takes no emails (RFC 7505), so bounces are lost"
        yield failed(name, detail, advice)
    elif not hosts and not examination.lookup.find_addresses(domain):
        yield failed(name, f"{domain} has no MX record and no address", advice)
    elif lost := [host for host in hosts if not examination.lookup.find_addresses(host)]:
        yield failed(name, f"the mail server {lost[0]} of {domain} has no address", advice)
    else:
        yield ok(name, f"emails to {domain} go to {', '.join(hosts) or 'its own address'}")


def check_reverse(examination: Examination) -> Iterator[CheckResult]:
    """Check that the sending address has a name, and that the name has the address."""
    name = "dns.reverse"
    if reason := find_obstacle(examination.config):
        yield skipped(name, reason)
        return
    host = find_sending_host(examination.config, examination.sending_ip)
    if host.ip is None:
        yield skipped(name, host.reason)
        return
    names = examination.lookup.find_names(host.ip)
    confirmed = [one for one in names if host.ip in examination.lookup.find_addresses(one)]
    advice = (
        f"have whoever gave you {host.ip} set its reverse record to the name of the mail server, "
        "and that name's A or AAAA record to the address"
    )
    if confirmed:
        yield ok(name, f"{host.ip} is {confirmed[0]}, and the other way round")
    elif names:
        yield failed(name, f"{host.ip} is {names[0]}, which has not that address", advice)
    else:
        yield failed(name, f"{host.ip} has no name", advice)


class DnsProposal(msgspec.Struct, frozen=True):
    """A TXT record that should be there, and what is there instead."""

    name: str  #: with a full stop at its end
    value: str  #: without quotation marks
    state: Literal["new", "change", "published"]  #: what is to be done; the last: nothing
    note: str = ""  #: what else is to be known


def propose_records(
    config: Config, lookup: DnsLookup | None, sending_ip: str | None = None
) -> list[DnsProposal]:
    """Return the records that our emails need, as they follow from those that are there.

    Args:
        config: With the sender and its keys.
        lookup: Asks DNS; None to propose as if nothing were there.
        sending_ip: From which emails go out, where the operator says it.

    Raises:
        LookupFailed: DNS gave no answer.
    """
    domain = config.mail_identity.domain
    find = lookup.find if lookup is not None else _find_nothing
    keys = [_propose_key(key, find) for key in load_signing_keys(config)]
    spf = _propose_spf(domain, find, find_sending_host(config, sending_ip))
    texts = find(f"_dmarc.{domain}", "TXT")
    there = next((one for one in texts if one.lower().startswith("v=dmarc1")), None)
    dmarc = DnsProposal(
        f"_dmarc.{domain}.", there or _propose_dmarc(config), "published" if there else "new"
    )
    return [*keys, spf, dmarc]


def _find_nothing(_name: str, _kind: RecordKind) -> list[str]:
    return []


def _propose_key(key: SigningKey, find: FindRecords) -> DnsProposal:
    place = f"{key.selector}._domainkey.{key.domain}"
    texts = find(place, "TXT")
    published = _parse_tags(texts[0]).get("p") if len(texts) == 1 else None
    if published == _parse_tags(key.dns_record)["p"]:
        return DnsProposal(f"{place}.", texts[0], "published")
    return DnsProposal(f"{place}.", key.dns_record, "change" if texts else "new")


def _propose_spf(domain: str, find: FindRecords, host: SendingHost) -> DnsProposal:
    records = list_spf_records(find(domain, "TXT"))
    name = f"{domain}."
    if not records:
        note = "" if host.ip else "name the hosts that send for you"
        return DnsProposal(name, propose_spf(None, host.ip), "new", note)
    if len(records) > 1:
        note = f"instead of {len(records)} records, which receivers reject; add their other terms"
        return DnsProposal(name, propose_spf(records[0], host.ip), "change", note)
    if host.ip is None:
        note = f"see that it lets your mail server send: {host.reason}"
        return DnsProposal(name, records[0], "published", note)
    verdict = evaluate_spf(domain, records[0], host.ip, find)
    count = f"{verdict.lookups} of {MAX_LOOKUPS} look-ups"
    if verdict.result == "pass" and not verdict.errors:
        return DnsProposal(name, records[0], "published", count)
    note = f"{verdict.errors[0]}" if verdict.errors else f"was {records[0]}; {count}"
    return DnsProposal(name, propose_spf(records[0], host.ip), "change", note)
