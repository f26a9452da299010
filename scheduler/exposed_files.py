"""Files with secrets that other users of this machine can read, of which the operator is warned."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

from alerts.ledger import find_file
from crawler.event_log import get_logger
from scheduler.config import Config

_log = get_logger("watchword.files")


def list_exposed_files(config: Config) -> tuple[str, ...]:
    """Return a sentence for each file with secrets or addresses that other users can read.

    Only the file's own permissions count, as with the keys of SSH: a folder above it that is closed
    today may be opened tomorrow. The group may read it: Debian's way is ``root:watchword 0640``.
    """
    paths = dict.fromkeys(path.absolute() for path in _list_secret_files(config))
    return tuple(
        f"{path} can be read by other users of this machine: chmod o-rwx {shlex.quote(str(path))}"
        for path in paths
        if _is_exposed(path)
    )


def warn_of_exposed_files(config: Config) -> None:
    """Log a warning for each such file."""
    for warning in list_exposed_files(config):
        _log.warning(warning)


def _list_secret_files(config: Config) -> Iterator[Path]:
    yield from (one.file for one in config.secrets if one.file and one.list_hidden_parts())
    yield from (entry.key for entry in config.mail.dkim)
    if ledger := find_file(config.ledger.url.reveal()):
        yield from (ledger.with_name(f"{ledger.name}{end}") for end in ("", "-wal", ".limits"))
    yield from filter(None, [config.ledger.sent_log.path])
    yield from filter(None, (channel.private_folder for channel in config.channels.values()))


def _is_exposed(path: Path) -> bool:
    """Return whether the permissions of a file or folder let everybody read it."""
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
