"""What the web server and its processes tell each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from alerts.errors import WatchwordError


class WorkFailed(WatchwordError):
    """Heavy work ended in an unexpected error."""


class WorkCall(NamedTuple):
    """What a process is to do."""

    work: Callable[..., object]
    args: tuple[object, ...]
    named: dict[str, object]
