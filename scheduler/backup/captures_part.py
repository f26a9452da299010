"""The archive in a backup: what is there already is not copied again.

A capture file is stored under its name and some of its hash, so that no backup changes another's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from crawler.archive import CaptureFile, list_capture_files
from crawler.storage import Folder
from scheduler.backup.manifest import BackupCapture, FileHash, hash_pieces

#: Hexadecimal digits of a hash in a name: 64 bits tell all versions of a file apart.
_DIGITS = 16
#: Bytes that are copied at once.
_PIECE = 1 << 20


def back_up_captures(
    archive: Folder,
    stored: Folder,
    known: Sequence[BackupCapture],
    on_progress: Callable[[int, int], None],
) -> list[BackupCapture]:
    """Copy the files of the archive that are not stored yet; return all of them.

    Args:
        archive: The archive.
        stored: The folder of captures beside the backups.
        known: The captures of the newest backup: a file that has not changed since is not read.
        on_progress: Called with the files that are done and their number.

    Raises:
        OSError: A file cannot be read or stored.
    """
    before = {one.name: one for one in known}
    files = list_capture_files(archive)
    if files:
        stored.create()
    found = []
    for done, file in enumerate(files, start=1):
        if (capture := _back_up(file, stored, before.get(file.name))) is not None:
            found.append(capture)
        on_progress(done, len(files))
    return found


def _back_up(
    file: CaptureFile, stored: Folder, before: BackupCapture | None
) -> BackupCapture | None:
    """Store a file; return None for one that was deleted meanwhile, as old ones are."""
    info = file.folder.find(file.name)
    if info is None:
        return None
    if before is not None and before.version == info.version and _is_stored(before, stored):
        return before
    with tempfile.NamedTemporaryFile(prefix="watchword-capture-", dir=stored.path) as copy:
        try:
            found = _copy(file, Path(copy.name), info.size)
        except FileNotFoundError:
            return None
        name = f"{file.name}.{found.sha256[:_DIGITS]}"
        capture = BackupCapture(file.name, name, info.version, found)
        if not _is_stored(capture, stored):
            stored.upload(name, Path(copy.name))
    return capture


def _is_stored(capture: BackupCapture, stored: Folder) -> bool:
    file = stored.find(capture.stored)
    return file is not None and file.size == capture.hash.size


def _copy(file: CaptureFile, target: Path, size: int) -> FileHash:
    """Copy as much of a file as it had when it was looked at: a crawl may append to it."""
    with file.open() as source, target.open("wb") as written:

        def read_pieces() -> list[bytes]:
            left = size - written.tell()
            piece = source.read(min(_PIECE, left)) if left else b""
            written.write(piece)
            return [piece] if piece else []

        return hash_pieces(piece for pieces in iter(read_pieces, []) for piece in pieces)
