"""The processor time of a piece of code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class ProcessorTime:
    """What a block used; 0 until it has ended."""

    seconds: float = 0.0


@contextmanager
def measure_processor_time() -> Iterator[ProcessorTime]:
    """Measure the block."""
    used = ProcessorTime()
    begun = time.process_time()
    try:
        yield used
    finally:
        used.seconds = time.process_time() - begun


@contextmanager
def assert_takes_less_than(seconds: float) -> Iterator[None]:
    """Assert that the block takes less processor time.

    For input that would take minutes if the time grew with its square. The limit is at least ten
    times what the block takes on a quiet machine: processor time doubles on a busy one, and the
    probes that measure coverage add to it.

    Args:
        seconds: The limit, in seconds of processor time of all threads of this process.
    """
    with measure_processor_time() as used:
        yield
    assert used.seconds < seconds
