"""The base of our errors, and the exit statuses of the command line.

Every exception class in ``alerts`` and ``scheduler`` derives from :class:`WatchwordError`, so the
command line needs to know only the base: it prints the message and exits with the class's status.
The crawler knows nothing of this. Its own exceptions stop at its boundary: the spider reports
them as lines, and ``scheduler.crawls`` turns them into values with a reason.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """Exit statuses of ``watchword``; those from 64 on are those of BSD's ``sysexits.h``."""

    OK = 0
    PARTIAL = 1  #: done in part; standard error says what failed
    USAGE = 64  #: EX_USAGE: wrong arguments, query or email address
    DATA = 65  #: EX_DATAERR: the input or the ledger cannot be read
    UNAVAILABLE = 69  #: EX_UNAVAILABLE: the source or the mail server cannot be used
    RETRY = 75  #: EX_TEMPFAIL: try again later, for example when another process holds the ledger
    CONFIG = 78  #: EX_CONFIG: the config is wrong
    INTERRUPTED = 130  #: 128 + SIGINT, as shells report Ctrl-C


class WatchwordError(Exception):
    """An error that a user or the operator can act on.

    ``str(error)`` is one sentence without a full stop at its end. It names the file, key, address
    or query at fault and, where that is not plain, says what to do. It holds no secrets.
    """

    #: The exit status of the command that this error ends.
    exit_status: ClassVar[ExitStatus] = ExitStatus.DATA


class MissingExtra(WatchwordError):
    """A part of the service needs a package that is installed only on demand."""

    exit_status = ExitStatus.CONFIG

    def __init__(self, extra: str, package: str, feature: str) -> None:
        """Say what to install.

        Args:
            extra: The name of the extra in ``pyproject.toml``: ``chat``.
            package: What is missing, by the name that people know: ``Apprise``.
            feature: What needs it: ``[channels.apprise]``.
        """
        super().__init__(
            f"{feature} needs {package}, which is not installed: pip install 'watchword[{extra}]'"
        )
