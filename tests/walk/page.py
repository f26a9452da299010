"""The page of the documentation that a walk writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tests.walk.network import HOST_NAME
from tests.walk.steps import Step, shorten

#: Most commands and minutes from a bare Debian to a service, by our own promise.
MAX_COMMANDS = 12
MAX_MINUTES = 10


@dataclass(frozen=True)
class WalkedStep:
    """A step that was taken."""

    step: Step
    output: str
    seconds: float  #: of the command, and of the wait for what it starts
    seen: tuple[str, ...]


def format_page(walked: Sequence[WalkedStep], fetch_seconds: float, today: date) -> str:
    """Return the page.

    Args:
        walked: All steps, in order.
        fetch_seconds: That fetching the packages took before.
        today: The day of the walk.
    """
    total = sum(one.seconds for one in walked) + fetch_seconds
    head = _HEAD.format(
        commands=len(walked),
        minutes=format_minutes(total),
        fetched=format_minutes(fetch_seconds),
        day=f"{today.day} {today:%B %Y}",
        host=HOST_NAME,
    )
    parts = [_format_step(number, one) for number, one in enumerate(walked, start=1)]
    return "\n".join((head, *parts, _END))


def _format_step(number: int, walked: WalkedStep) -> str:
    step = walked.step
    lines = [
        f"## {number}. {_name_command(step.command)}",
        "",
        step.reason,
        "",
        "```console",
        f"$ {step.command}",
        *shorten(walked.output, step.shown).splitlines(),
        "```",
        "",
        f"{walked.seconds:.0f} seconds.",
        "",
        *(f"- {line}" for line in walked.seen),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _name_command(command: str) -> str:
    """Return the program and what it is told to do: ``apt-get install``, ``watchword init``."""
    words = [word for word in command.split() if word != "sudo" and "=" not in word]
    return f"`{words[0]} {words[1]}`" if not words[1].startswith(("-", "http")) else f"`{words[0]}`"


def format_minutes(seconds: float) -> str:
    """Return a time as ``4 min 10 s``."""
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"


_HEAD = """\
# From a bare Debian to a service

<!-- Written by `make walk`. Change tests/walk, and walk again. -->

Here is everything that a new operator types on a Debian 12 with nothing installed, to have a
service with TLS, signed email, metrics and a backup: **{commands} commands, {minutes}**. Of that,
{fetched} went into fetching packages that an earlier walk had not fetched; without any at hand it
takes half a minute more, or what your network needs. The account is an ordinary one that may use
`sudo`.

Before you begin:

- The name of the service leads to the machine, here `{host}`, and ports 80 and 443 can be reached.
- The wheel of the release is in your home folder.
- You can change the DNS records of the domain.

`make walk` types these commands in a Debian in a container, unchanged. It fails when one
of them does not do what this page says, and when it takes more than ten minutes. This page is from
its run on {day}. The Internet of that Debian is a pretended one: names, an authority for
certificates and a replica of the source are at their real addresses. Under each command are its
time, with the wait for what it starts, and what was then seen, on the machine and from another one.
"""
_END = """\
## Then

- [Get the emails delivered](../how-to/get-mail-delivered.md): what mailbox providers want besides.
- [Monitor the service](../how-to/monitor.md), and
  [back it up every night](../how-to/back-up-and-restore.md).
- [Under /etc and /opt](../how-to/deploy-with-systemd.md), where the machine is not yours alone, or
  [in containers](../how-to/deploy-in-containers.md).
"""
