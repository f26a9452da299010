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
    """Assert that the block takes less processor time."""
    with measure_processor_time() as used:
        yield
    assert used.seconds < seconds
