"""A value that is the same for everybody, kept until what it is made of changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

#: Seconds after which a value is made anew, whatever has changed.
_MAX_AGE = 60.0


class _Kept(msgspec.Struct, Generic[T], frozen=True):
    key: Hashable
    made_at: float
    value: T


class KeptValue(Generic[T]):
    """The newest value of one kind. Any thread may ask for it."""

    def __init__(self) -> None:
        self._kept: _Kept[T] | None = None
        self._making = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value; while it is made, whoever else asks waits for it.

        Args:
            key: What it is made of. A value with another key, or older than a minute, is made anew.
            make: Makes it.
        """
        with self._making:
            kept, now = self._kept, time.monotonic()
            if kept is None or kept.key != key or now - kept.made_at >= _MAX_AGE:
                kept = self._kept = _Kept(key, now, make())
            return kept.value
