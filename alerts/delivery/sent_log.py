"""What was sent, kept beside the ledger: a ledger restored from a backup does not know.

A file a day holds eight bytes for each change that was sent to each subscription, written when the
mail server had said that it has the message. What stands there is neither composed nor sent again,
whatever the ledger says; what is older than a week is no backup's matter.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: How old a backup may be.
_DAYS = 8
#: So many marks are kept loose before they are sorted in among the others.
_LOOSE = 100_000
SIZE = 8


def mark(email: str, topic: str, question_id: str, kind: str, digest: str) -> bytes:
    """What stands for a change that is sent to a subscription; numbers of the ledger's would not
    outlive it.
    """
    said = "\n".join((email, topic, question_id, kind, digest))
    return hashlib.sha256(said.encode()).digest()[:SIZE]


class Already:
    """The marks of what was sent in the last days; none are kept where there is no folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._old: NDArray[np.uint64] | None = None
        self._new: set[bytes] = set()

    def holds(self, marks: bytes, now: datetime) -> bool:
        """Whether all of some marks, one after another, are there; False for none."""
        single = (marks[at : at + SIZE] for at in range(0, len(marks), SIZE))
        return bool(marks) and all(self._holds(one, now) for one in single)

    def _holds(self, one: bytes, now: datetime) -> bool:
        if one in self._new:
            return True
        if self._old is None:
            self._old = self._read(now)
        wanted = np.frombuffer(one, "<u8")
        place = np.searchsorted(self._old, wanted)[0]
        return bool(place < self._old.size and self._old[place] == wanted[0])

    def add(self, marks: bytes, now: datetime) -> None:
        """Note what was sent. Raises ``OSError``."""
        if self._folder is None or not marks:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _name(now)).open("ab") as file:
            file.write(marks)
        self._new.update(marks[at : at + SIZE] for at in range(0, len(marks), SIZE))
        if len(self._new) > _LOOSE:
            self._old, self._new = self._read(now), set()

    def _read(self, now: datetime) -> NDArray[np.uint64]:
        """All marks, sorted; files of days long past are removed."""
        parts = [np.empty(0, "<u8")]
        oldest = _name(now - timedelta(days=_DAYS))
        for path in sorted(self._folder.glob("*.sent")) if self._folder else ():
            if path.name < oldest:
                path.unlink()
                continue
            whole = path.read_bytes()
            parts.append(np.frombuffer(whole[: len(whole) // SIZE * SIZE], "<u8"))
        return np.unique(np.concatenate(parts))


def _name(day: datetime) -> str:
    return f"{day:%Y-%m-%d}.sent"
