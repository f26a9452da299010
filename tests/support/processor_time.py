"""The processor time of a piece of code, without what measuring its coverage costs."""

from __future__ import annotations

import sys
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
    """Measure the block; coverage is not measured meanwhile."""
    used = ProcessorTime()
    tracer = sys.gettrace()
    sys.settrace(None)
    begun = time.process_time()
    try:
        yield used
    finally:
        used.seconds = time.process_time() - begun
        sys.settrace(tracer)


@contextmanager
def assert_takes_less_than(seconds: float) -> Iterator[None]:
    """Assert that the block takes less processor time; coverage is not measured meanwhile."""
    with measure_processor_time() as used:
        yield
    assert used.seconds < seconds
