"""What can be wrong with a backup."""

from __future__ import annotations

from alerts.errors import ExitStatus, WatchwordError


class BackupFailed(WatchwordError):
    """A backup could not be made now. Nothing of it is left, and older ones are as they were."""

    exit_status = ExitStatus.RETRY


class BackupDamaged(WatchwordError):
    """A backup, or what was to be backed up, is not whole."""


class BackupNotFound(WatchwordError):
    """There is no backup where one was named."""


class RestoreRefused(WatchwordError):
    """Something stands in the way of a restore, which changed nothing; the message says what."""


class RestoreFailed(WatchwordError):
    """A restore could not be made now; it can be run again once what it names is mended."""

    exit_status = ExitStatus.RETRY


class ProgramMissing(WatchwordError):
    """A program of PostgreSQL is not installed, or its version does not fit the server."""

    exit_status = ExitStatus.UNAVAILABLE
