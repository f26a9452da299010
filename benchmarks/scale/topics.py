"""What millions of subscriptions cost the matcher: memory, loading, matching, joining at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from alerts.ledger.topic_ranges import TOPICS_PER_RANGE
from alerts.matching import Matcher
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.matcher import compile_layer
from benchmarks.memory import read_peak_megabytes
from benchmarks.processor_time import describe_load
from benchmarks.sample_queries import SyntheticLanguage, draw_records, draw_subscriptions
from benchmarks.scale.apart import get_fork_server
from crawler.storage import LocalFolder

P = ParamSpec("P")
T = TypeVar("T")
#: Of a day. All are matched in one batch.
_QUESTIONS = 60
_ROUNDS = 5
_FINGERPRINT = "bench"


class CompileResult(msgspec.Struct, frozen=True):
    """What compiling all ranges took, each in turn, and joining all topics at once."""

    topics: int
    compile_seconds: float
    megabytes: float  #: of the files
    peak_megabytes: int


class MatchResult(msgspec.Struct, frozen=True):
    """What a process costs that has loaded all ranges."""

    load_seconds: float
    match_seconds: float  #: the fastest of some rounds
    matches: int
    peak_megabytes: int


class JoinResult(msgspec.Struct, frozen=True):
    """What topics cost that are new to a process all at once."""

    topics: int
    seconds: float
    peak_megabytes: int


def measure_topics(sizes: Sequence[int]) -> None:
    """Print the table, for each number of subscriptions. Each step is a process of its own."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            _run_apart(_draw_forms, size, folder)
            compiled = _run_apart(_compile_ranges, folder)
            joined = _run_apart(_join_at_once, folder)
            matched = _run_apart(_match_all, folder)
        ranges = -(-compiled.topics // TOPICS_PER_RANGE)
        print(
            f"{size:,} subscriptions, {compiled.topics:,} topics in {ranges} ranges "
            f"({describe_load()}; processor time)\n"
            f"  compiled in {compiled.compile_seconds:.1f} s, range by range, peak "
            f"{compiled.peak_megabytes} MB; {compiled.megabytes:.0f} MB of files\n"
            f"  loaded in {matched.load_seconds * 1e3:.0f} ms; matched with {_QUESTIONS} questions "
            f"in {matched.match_seconds * 1e3:.0f} ms, {matched.matches:,} matches; one process "
            f"with all ranges has {matched.peak_megabytes} MB\n"
            f"  {joined.topics:,} topics join at once in {joined.seconds:.1f} s, peak "
            f"{joined.peak_megabytes} MB",
            flush=True,
        )


def _run_apart(function: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T:
    """Run a function in a new process, so that its peak of memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_fork_server()) as pool:
        return pool.submit(function, *args, **keywords).result()


def _draw_forms(size: int, folder: str) -> None:
    drawn = dict.fromkeys(draw_subscriptions(SyntheticLanguage(1), size))
    Path(folder, "forms").write_text("".join(f"{form}\n" for form in drawn))


def _read_ranges(folder: str) -> Iterator[dict[int, str]]:
    with Path(folder, "forms").open() as lines:
        numbered = enumerate(line.rstrip("\n") for line in lines)
        while some := dict(islice(numbered, TOPICS_PER_RANGE)):
            yield some


def _compile_ranges(folder: str) -> CompileResult:
    files, topics, seconds = LocalFolder(f"{folder}/compiled"), 0, 0.0
    for number, forms in enumerate(_read_ranges(folder)):
        began = time.process_time()
        layer = compile_layer(forms)
        seconds += time.process_time() - began
        save_layer(layer, files, number, _FINGERPRINT)
        topics += len(forms)
    size = sum(file.stat().st_size for file in files.path.iterdir())
    return CompileResult(topics, seconds, size / 1e6, read_peak_megabytes())


def _match_all(folder: str) -> MatchResult:
    files, matchers = LocalFolder(f"{folder}/compiled"), []
    count = sum(1 for _ in _read_ranges(folder))
    batch = draw_records(SyntheticLanguage(1), _QUESTIONS)
    began = time.process_time()
    for number in range(count):
        layer = load_layer(files, number, lambda _ids: _FINGERPRINT)
        assert layer is not None
        matchers.append(Matcher.from_layer(layer))
    loaded = time.process_time() - began
    times, matches = [], 0
    for _ in range(_ROUNDS):
        began = time.process_time()
        matches = sum(matcher.match(batch).topics.size for matcher in matchers)
        times.append(time.process_time() - began)
    return MatchResult(loaded, min(times), matches, read_peak_megabytes())


def _join_at_once(folder: str) -> JoinResult:
    """Let the topics of a million subscriptions join, or all where there are fewer."""
    forms: dict[int, str] = {}
    for some in islice(_read_ranges(folder), 3):
        forms |= some
    forms = dict(islice(forms.items(), 226_000))
    matcher = Matcher({})
    began = time.process_time()
    matcher.join_all(forms)
    return JoinResult(len(forms), time.process_time() - began, read_peak_megabytes())
