"""What is done to a system under chaos."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.system import SystemUnderChaos

#: How long a database is away or locked, in seconds.
_DATABASE_SECONDS = 5
_HOUR = 3600.0
_FAR_AHEAD = 500 * 24 * _HOUR


@dataclass(frozen=True)
class Fault:
    """One kind of harm, which is done and undone."""

    name: str
    begin: Callable[[SystemUnderChaos], object]
    end: Callable[[SystemUnderChaos], object] = lambda _system: None
    #: Whether the health of the service must say so while it lasts.
    is_shown: bool = False
    #: Whether a message may arrive twice, with the same Message-ID: ``explanation/delivery.md``.
    may_double: bool = False


def _kill(system: SystemUnderChaos) -> None:
    system.kill_daemon()
    system.start_daemon()


def _stop(system: SystemUnderChaos) -> None:
    status = system.stop_daemon(seconds=20)
    assert status == 0, f"the daemon did not end cleanly on SIGTERM: {status}"
    system.start_daemon()


def _reply(moment: str, reply: str) -> Callable[[SystemUnderChaos], object]:
    return lambda system: system.mail_server.script.update({moment: reply})


def _mail_is_well(system: SystemUnderChaos) -> None:
    system.mail_server.script.clear()


def _mail_fault(name: str, moment: str, reply: str, *, is_shown: bool) -> Fault:
    begin = _reply(moment, reply)
    return Fault(f"mail server: {name}", begin, _mail_is_well, is_shown, reply == "accept-drop")


def _source_fault(name: str, field: str) -> Fault:
    return Fault(
        f"source: {name}",
        lambda system: setattr(system.source.faults, field, True),
        lambda system: setattr(system.source.faults, field, False),
        is_shown=True,
    )


def _clock_fault(name: str, seconds: float, *, is_shown: bool) -> Fault:
    return Fault(
        f"clock: {name}",
        lambda system: system.set_clock(system.clock_offset + seconds),
        lambda system: system.set_clock(system.clock_offset - seconds),
        is_shown,
    )


COMMON_FAULTS: tuple[Fault, ...] = (
    Fault("daemon: kill -9", _kill, may_double=True),
    Fault("daemon: SIGTERM", _stop),
    _clock_fault("500 days ahead", _FAR_AHEAD, is_shown=True),
    _clock_fault("an hour ahead", _HOUR, is_shown=False),
    _clock_fault("two hours behind", -2 * _HOUR, is_shown=False),
    _mail_fault("hangs up at once", "banner", "drop", is_shown=True),
    _mail_fault("421 to every session", "banner", "421 4.3.2 shutting down", is_shown=True),
    _mail_fault("wants a login", "MAIL", "530 5.7.0 Authentication required", is_shown=True),
    _mail_fault("blocks us", "RCPT", "554 5.7.1 Service unavailable; blocked", is_shown=True),
    _mail_fault("refuses senders", "MAIL", "550 5.7.1 sender rejected", is_shown=True),
    _mail_fault("greylists", "RCPT", "451 4.7.1 try again later", is_shown=False),
    _mail_fault("452 at MAIL", "MAIL", "452 4.3.1 too many messages", is_shown=False),
    _mail_fault("lost within the message", "body", "drop", is_shown=False),
    _mail_fault("lost after the dot", "dot", "accept-drop", is_shown=False),
    _source_fault("an empty listing", "blank_listing"),
    _source_fault("a maintenance page", "maintenance"),
)
_DISK_IS_FULL = Fault(
    "disk: full",
    lambda system: system.fill_disk(),
    lambda system: system.free_disk(),
    is_shown=True,
)


def list_faults(system: SystemUnderChaos) -> list[Fault]:
    """Return all that can be done to ``system``."""
    return [
        *COMMON_FAULTS,
        *([_DISK_IS_FULL] if system.has_own_disk else []),
        *map(_database_fault, system.database.harms),
    ]


def _database_fault(harm: str) -> Fault:
    return Fault(
        f"database: {harm}",
        lambda system: system.database.hurt(harm, _DATABASE_SECONDS),
        may_double=True,  # a message whose acknowledgement could not be noted is in doubt
    )


def draw_faults(chance: random.Random, faults: list[Fault]) -> list[Fault]:
    """Return one fault, or two of different parts of the system."""
    first, second = chance.sample(faults, 2)
    is_same_part = first.name.partition(":")[0] == second.name.partition(":")[0]
    return [first] if is_same_part or chance.random() < 0.5 else [first, second]
