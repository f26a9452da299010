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
_KEPT_DAYS = 8
#: So many marks are kept loose before they are sorted in among the others.
_MAX_UNSORTED = 100_000
SENT_KEY_BYTES = 8


def compute_sent_key(email: str, topic: str, question_id: str, kind: str, digest: str) -> bytes:
    """What stands for a change that is sent to a subscription; numbers of the ledger's would not
    outlive it.
    """
    said = "\n".join((email, topic, question_id, kind, digest))
    return hashlib.sha256(said.encode()).digest()[:SENT_KEY_BYTES]


class SentLog:
    """The marks of what was sent in the last days; none are kept where there is no folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._sorted_keys: NDArray[np.uint64] | None = None
        self._new_keys: set[bytes] = set()

    def contains(self, keys: bytes, now: datetime) -> bool:
        """Whether all of some marks, one after another, are there; False for none."""
        single = (keys[at : at + SENT_KEY_BYTES] for at in range(0, len(keys), SENT_KEY_BYTES))
        return bool(keys) and all(self._contains_one(one, now) for one in single)

    def _contains_one(self, one: bytes, now: datetime) -> bool:
        if one in self._new_keys:
            return True
        if self._sorted_keys is None:
            self._sorted_keys = self._read(now)
        wanted = np.frombuffer(one, "<u8")
        place = np.searchsorted(self._sorted_keys, wanted)[0]
        return bool(place < self._sorted_keys.size and self._sorted_keys[place] == wanted[0])

    def add(self, keys: bytes, now: datetime) -> None:
        """Note what was sent. Raises ``OSError``."""
        if self._folder is None or not keys:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _file_name(now)).open("ab") as file:
            file.write(keys)
        self._new_keys.update(
            keys[at : at + SENT_KEY_BYTES] for at in range(0, len(keys), SENT_KEY_BYTES)
        )
        if len(self._new_keys) > _MAX_UNSORTED:
            self._sorted_keys, self._new_keys = self._read(now), set()

    def _read(self, now: datetime) -> NDArray[np.uint64]:
        """All marks, sorted; files of days long past are removed."""
        parts = [np.empty(0, "<u8")]
        oldest = _file_name(now - timedelta(days=_KEPT_DAYS))
        for path in sorted(self._folder.glob("*.sent")) if self._folder else ():
            if path.name < oldest:
                path.unlink()
                continue
            whole = path.read_bytes()
            parts.append(
                np.frombuffer(whole[: len(whole) // SENT_KEY_BYTES * SENT_KEY_BYTES], "<u8")
            )
        return np.unique(np.concatenate(parts))


def _file_name(day: datetime) -> str:
    return f"{day:%Y-%m-%d}.sent"
