"""What the checks are given, and how they are run: each in a thread of its own, with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from alerts.errors import WatchwordError
from alerts.model import Recipient
from crawler.event_log import get_logger
from scheduler.clock import Clock
from scheduler.config import Config
from scheduler.doctor.dns import DnsLookup
from scheduler.doctor.report import CheckResult, failed

log = get_logger("watchword.doctor")

#: Seconds for one conversation with a server: who waits at a terminal has given up by then.
CONVERSATION_SECONDS = 10.0
#: Seconds for all of one check: the longest has five conversations, and a few questions to DNS.
_CHECK_SECONDS = 90.0


@dataclass(frozen=True)
class Examination:
    """What the checks look at, and what they may do."""

    config: Config
    clock: Clock
    lookup: DnsLookup
    send_to: Recipient | None = None  #: who is sent a test email; None for nobody
    sending_ip: str | None = None  #: from which emails go out; None to find it out
    is_live: bool = False  #: whether pages of the sources are read


#: A group of checks. It may raise: then it counts as failed, and the others go on.
Check: TypeAlias = Callable[[Examination], Iterable[CheckResult]]


@dataclass
class _Run:
    """A check under way."""

    name: str
    check: Check
    results: list[CheckResult] = field(default_factory=list)

    def run(self, examination: Examination) -> None:
        """Run the check; whatever it raises becomes a result."""
        try:
            for result in self.check(examination):
                self.results.append(result)
        except (WatchwordError, OSError) as error:
            advice = "mend what the message names, and run `watchword doctor` again"
            self.results.append(failed(self.name, " ".join(str(error).split()), advice))
        except Exception as error:
            log.exception("a check could not be made", check=self.name)
            detail = f"the check itself failed: {type(error).__name__}: {error}"
            self.results.append(failed(self.name, detail, "please report this, with the log line"))


def run_checks(
    examination: Examination, checks: Mapping[str, Check], seconds: float = _CHECK_SECONDS
) -> tuple[CheckResult, ...]:
    """Run all checks at once and return what they found, in their order.

    Args:
        examination: What they look at.
        checks: By name.
        seconds: After which a check that has not ended counts as failed.
    """
    runs = [_Run(name, check) for name, check in checks.items()]
    threads = [
        threading.Thread(target=run.run, args=(examination,), name=run.name, daemon=True)
        for run in runs
    ]
    for thread in threads:
        thread.start()
    found: list[CheckResult] = []
    for run, thread in zip(runs, threads, strict=True):
        thread.join(seconds)
        found += list(run.results)
        if thread.is_alive():
            advice = "is something between this machine and the server that swallows packets?"
            found.append(failed(run.name, f"it had not ended after {seconds:.0f} seconds", advice))
    return tuple(found)
