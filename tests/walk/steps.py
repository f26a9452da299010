"""What the operator types, why, and what must be true after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.walk.machine import ACCOUNT, SUBSCRIBER
from tests.walk.needs import PACKAGES
from tests.walk.network import HOST_NAME
from tests.walk.observations import (
    Site,
    publish_records,
    see_files,
    see_first_crawl,
    see_mailbox,
    see_metrics,
    see_pages,
    see_programs,
    see_restored_ledger,
    see_service,
)

#: Looks at a machine after a command, given what that printed; returns what was seen, as sentences.
Observation: TypeAlias = Callable[[Site, str], list[str]]

SENDER = f"alerts@{HOST_NAME}"
_INSTALL = "sudo DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends"


@dataclass(frozen=True)
class Step:
    """One command of the operator."""

    command: str
    reason: str  #: a sentence or two for the page
    observations: tuple[Observation, ...] = ()
    shown: int = 8  #: lines of its output that the page shows
    statuses: tuple[int, ...] = (0,)  #: with which it may end


def build_steps(wheel: str) -> tuple[Step, ...]:
    """Return the steps in their order.

    Args:
        wheel: Name of the file that the operator has downloaded.
    """
    return (
        Step(
            f"{_INSTALL} {' '.join(PACKAGES)}",
            "From Debian: a web server that gets certificates by itself, a mail server, and the "
            "installer for programs in Python.",
            (see_programs,),
            shown=3,
        ),
        Step(
            f"pipx install ./{wheel}",
            "The release is one file. Log in again after it: `~/.local/bin` is then on the path.",
            shown=3,
        ),
        Step(
            f"watchword init --public-url https://{HOST_NAME} --from {SENDER}"
            f" --smtp localhost:25 --operator-email {ACCOUNT}@{HOST_NAME}",
            "The config, a password, a key to sign emails with, a unit and a proxy's config. On a "
            "terminal it asks for what no option says.",
            (see_files,),
            shown=20,
        ),
        Step(
            "watchword dns",
            "What to publish at the domain, so that mailbox providers take the emails. Paste it "
            "into the domain's zone.",
            (publish_records,),
        ),
        Step(
            "sudo systemctl enable --now ~/watchword.service",
            "The unit that `init` has filled in. It runs the service as you, not as root.",
            (see_service,),
        ),
        Step(
            "sudo cp Caddyfile /etc/caddy/Caddyfile",
            "The web server with TLS: two lines say the name and the port.",
        ),
        Step(
            "sudo systemctl reload caddy",
            "Caddy gets a certificate when it has read its config.",
            (see_pages,),
        ),
        Step(
            f"watchword doctor --send-to {SUBSCRIBER}@{HOST_NAME}",
            "Looks at everything that often goes wrong, and sends a sample digest.",
            (see_mailbox, see_first_crawl),
            shown=40,
            statuses=(0, 1),
        ),
        Step(
            "curl --silent http://127.0.0.1:8080/metrics",
            "What a monitor on this machine is told. [Monitor the service](../how-to/monitor.md) "
            "has alert rules and a dashboard.",
            (see_metrics,),
        ),
        Step(
            "watchword backup ~/backups",
            "Everything, while the service runs. The copy is opened and compared before it counts.",
        ),
        Step(
            "watchword restore ~/backups --to ~/second",
            "The newest backup, into a folder of its own.",
            (see_restored_ledger,),
            shown=14,
        ),
        Step(
            "watchword status --config ~/second/config.toml",
            "The restored service is whole, and knows the questions.",
        ),
    )


def shorten(output: str, lines: int) -> str:
    """Return the first and the last lines of an output, without a password in it."""
    text = re.sub(r"^(  )[\w-]{32}$", r"\1(a password)", output.strip(), flags=re.MULTILINE)
    found = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in text.split("\n")]
    if len(found) > lines:
        first = lines // 2
        last = len(found) - (lines - first - 1)
        found = [*found[:first], f"… ({last - first} lines more)", *found[last:]]
    return "\n".join(found)


#: Characters of a line that a page of the site shows without a scroll bar.
_WIDTH = 110
