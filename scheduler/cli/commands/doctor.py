"""The commands that look at the service from all sides: doctor, dns."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.model import Recipient
from scheduler.cli.config import get_config
from scheduler.cli.errors import print_error
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import print_result
from scheduler.clock import wall_clock
from scheduler.config import ConfigError
from scheduler.doctor import (
    CheckResult,
    CheckState,
    DnsLookup,
    DnsProposal,
    Examination,
    LookupFailed,
    choose_exit_status,
    examine,
    judge_config_error,
    propose_records,
)

#: A TXT record holds strings of at most 255 bytes (RFC 1035 3.3; RFC 6376 3.6.2.2 joins them).
_DNS_STRING_LENGTH = 255
#: The port of DNS (RFC 1035 4.2).
_DNS_PORT = 53
_COLOURS = {
    CheckState.OK: "green",
    CheckState.WARNING: "yellow",
    CheckState.FAILED: "red",
    CheckState.SKIPPED: None,
}


class IpAddress(click.ParamType[str]):
    """An IP address of either version."""

    name = "ip"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address in its usual form."""
        try:
            return str(ip_address(value))
        except ValueError:
            self.fail(f"expected an IP address, got {value!r}", param, ctx)


class DnsServer(click.ParamType[tuple[str, int]]):
    """A DNS server: ``9.9.9.9``, ``127.0.0.1:5353``, ``[::1]:53``."""

    name = "ip[:port]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the IP address and the port."""
        if isinstance(value, tuple):
            return value
        host, _, port = str(value).rpartition(":") if _has_port(str(value)) else (value, "", "")
        try:
            return str(ip_address(host.strip("[]"))), int(port or _DNS_PORT)
        except ValueError:
            self.fail(f"expected an IP address, with or without a port, got {value!r}", param, ctx)


def _has_port(text: str) -> bool:
    """Return whether a port follows the address: in IPv6 the address is in brackets then."""
    return "]:" in text or text.count(":") == 1


dns_server_option = click.option(
    "--dns-server",
    type=DnsServer(),
    metavar="IP[:PORT]",
    help="Ask this DNS server instead of the system's, to see what others see.",
)
sending_ip_option = click.option(
    "--sending-ip",
    type=IpAddress(),
    metavar="IP",
    help="The address from which your mail server sends, where it is not this machine's.",
)


class DoctorReport(msgspec.Struct, frozen=True):
    """What `watchword doctor` found."""

    checks: list[CheckResult]


@click.command(cls=ServiceCommand, data=(DoctorReport,))
@click.option("--send-to", metavar="EMAIL", help="Send a signed test email to this address.")
@click.option("--live", is_flag=True, help="Read one listing and one page of each source.")
@dns_server_option
@sending_ip_option
@click.pass_context
def doctor_command(
    context: click.Context,
    send_to: str | None,
    live: bool,
    dns_server: tuple[str, int] | None,
    sending_ip: str | None,
) -> int:
    """Check the service from all sides and say what to do.

    Looks at the config, files, database, clock, DNS, mail server, public address, sources and past
    runs, each on its own: one that fails stops no other. Changes nothing. Run it as the user of the
    service, while the service runs.

    The exit status is 0 where all is well, 1 where there are only warnings, and else that of the
    first failure: 78 config or files, 65 database, 69 DNS, mail, address or source, 75 any other.

    \b
    Examples:
      watchword doctor
      watchword doctor --send-to you@example.org --live
    """
    recipient = Recipient.parse(send_to) if send_to else None
    if recipient is not None and not recipient.is_email:
        raise click.UsageError("--send-to takes an email address")
    try:
        config = get_config(context)
    except ConfigError as error:
        results = judge_config_error(str(error))
    else:
        examination = Examination(
            config, wall_clock, DnsLookup(dns_server), recipient, sending_ip, is_live=live
        )
        results = examine(examination)
    lines = [line for result in results for line in _format_result(result)]
    print_result("\n".join([*lines, "", _format_summary(results)]), DoctorReport(list(results)))
    return choose_exit_status(results)


def _format_result(result: CheckResult) -> list[str]:
    """Return the lines of one result: its state, what was found, and what to do."""
    state = click.style(f"{result.state:<8}", fg=_COLOURS[result.state])
    line = f"{state}{result.check:<20} {result.detail}"
    return [line, f"{'':8}{'':20} → {result.advice}"] if result.advice else [line]


def _format_summary(results: tuple[CheckResult, ...]) -> str:
    counts = {state: sum(one.state is state for one in results) for state in CheckState}
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number)


class DnsRecordList(msgspec.Struct, frozen=True):
    """The DNS records of our emails."""

    records: list[DnsProposal]


@click.command(cls=ServiceCommand, data=(DnsRecordList,))
@dns_server_option
@sending_ip_option
@click.option("--offline", is_flag=True, help="Do not look up what is there.")
@click.pass_context
def dns_command(
    context: click.Context,
    dns_server: tuple[str, int] | None,
    sending_ip: str | None,
    offline: bool,
) -> int:
    """Print the DNS records for DKIM, SPF and DMARC.

    Receiving mail servers use them to check that our emails are from us. What is published already
    is looked up: a record that is right is marked so, and of another one the change is proposed.

    \b
    Examples:
      watchword dns
      watchword dns --sending-ip 198.51.100.7
    """
    config = get_config(context)
    try:
        lookup = None if offline else DnsLookup(dns_server)
        records = propose_records(config, lookup, sending_ip)
    except LookupFailed as error:
        print_error(f"{error}; these are the records as if nothing were there")
        records = propose_records(config, None, sending_ip)
    unsigned = [] if config.mail.dkim else ["; no key in [[mail.dkim]]: messages are not signed"]
    lines = [*unsigned, *map(_format_record, records)]
    print_result("\n".join(lines), DnsRecordList(records))
    return ExitStatus.OK


def _format_record(record: DnsProposal) -> str:
    """Return a record as a line of a zone file, with its state and note as a comment."""
    comment = "; ".join(filter(None, [record.state, record.note]))
    return f"{record.name} TXT {_quote_dns_text(record.value)}  ; {comment}"


def _quote_dns_text(text: str) -> str:
    """Return a TXT record's value as quoted strings, none longer than the format allows."""
    starts = range(0, len(text), _DNS_STRING_LENGTH)
    return " ".join(f'"{text[start : start + _DNS_STRING_LENGTH]}"' for start in starts)
