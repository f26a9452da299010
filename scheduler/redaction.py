"""What must not be printed: the secrets of the config, in whatever this process writes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from types import TracebackType

from alerts.secret import Secret, redact

#: The secrets of the config that this process has loaded.
_SECRETS: list[Secret] = []


def hide(secrets: Iterable[Secret]) -> None:
    """Leave some secrets, and no others, out of all that is printed from now on."""
    _SECRETS[:] = secrets


def redact_line(line: str) -> str:
    """Return a text without the secrets that were given to :func:`hide`."""
    return redact(line, _SECRETS)


def print_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write the traceback of an exception that nobody handled; to be ``sys.excepthook``."""
    lines = traceback.format_exception(kind, error, trace)
    sys.stderr.write(redact_line("".join(lines)))
