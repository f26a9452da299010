"""What matching a million topics costs, beside reading the same text and beside a search engine.

Every round times each way once, one after another, in processor time, so that a busy moment of the
machine favours none; ratios are taken within a round: median (least-most).

- fold and split: the paragraphs folded to plain letters and split at what is no letter, in C; what
  nobody who looks for words in a text can leave out
- match: the batch from its texts to all pairs of a topic and a record (``Matcher.match``)
- Tantivy, Xapian: one query after the other on an index of the batch (made beforehand) with our
  words, and which records it finds; a sample of the queries, the total worked out from it. Xapian
  parses each query's text; Tantivy, whose parser knows no prefixes, has them built beforehand
"""

from __future__ import annotations

import gc
import math
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from alerts.matching import BATCH_SIZE, FieldTexts, Matcher
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.matcher import MatcherLayer, compile_layer
from alerts.queries import FIELDS, Query, parse_canonical
from benchmarks.sample_queries import (
    SyntheticLanguage,
    draw_queries,
    draw_records,
    draw_subscriptions,
)
from benchmarks.tantivy_index import InexpressibleQuery, TantivyIndex
from benchmarks.xapian_index import XapianIndex, import_xapian

ROUNDS = 7
SUBSCRIPTIONS = 1_000_000
SAMPLE = 3000
_LETTERS = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256)
)

Workload = Callable[[], object]
T = TypeVar("T")


def measure_seconds(workload: Workload) -> float:
    """The processor time of ``workload``."""
    began = time.process_time()
    workload()
    return time.process_time() - began


def time_rounds(workloads: dict[str, Workload]) -> dict[str, list[float]]:
    """The seconds of each way in each round."""
    for way in workloads.values():
        way()  # unmeasured: caches fill, memory is taken
    timed: dict[str, list[float]] = {name: [] for name in workloads}
    for _ in range(ROUNDS):
        for name, way in workloads.items():
            timed[name].append(measure_seconds(way))
    return timed


def fold_and_split(texts: Sequence[FieldTexts]) -> None:
    """All words of the texts, as plainly as can be."""
    for record in texts:
        for field in FIELDS:
            for paragraph in record.get(field, ()):
                paragraph.encode("ascii", "watchword-fold").translate(_LETTERS).split()


def format_spread(values: Sequence[float], digits: int = 1) -> str:
    """Median and range."""
    some = (statistics.median(values), min(values), max(values))
    median, least, most = (f"{value:,.{digits}f}" for value in some)
    return f"{median} ({least}-{most})"


def compute_ratios(timed: Sequence[float], by: Sequence[float]) -> list[float]:
    """Each round's time over the same round's other time."""
    return [mine / theirs for mine, theirs in zip(timed, by, strict=True)]


def main() -> None:
    """Draw texts and topics, compile, match, compare; print the table."""
    language = SyntheticLanguage(1)
    batch = draw_records(language, BATCH_SIZE)
    words = sum(len(p.split()) for record in batch for some in record.values() for p in some)
    print(f"{BATCH_SIZE} records, {words / BATCH_SIZE:.0f} words each; {ROUNDS} rounds")
    topics = _measure_compiling(draw_subscriptions(language, SUBSCRIPTIONS))
    matcher = Matcher.from_layer(topics[-1])
    _compare_engines(matcher, topics[0], batch, topics[1])
    _measure_growth(language, topics[1], matcher, batch)
    _measure_joining(matcher, topics[0], batch, language)
    del topics, matcher
    gc.collect()
    _measure_unique_topics(language, batch)


def _measure_compiling(drawn: list[str]) -> tuple[list[str], list[str], MatcherLayer]:
    """The unique topics, all subscriptions, and the topics compiled; what that took."""
    layers: list[MatcherLayer] = []

    def make() -> None:
        layers.append(compile_layer(dict(enumerate(dict.fromkeys(drawn)))))

    took = measure_seconds(make)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    unique = list(dict.fromkeys(drawn))
    print(f"{len(drawn):,} subscriptions, {len(unique):,} unique")
    print(
        f"compiled, the unique ones found out too: {took:.1f} s; peak of the process {peak:.0f} MB"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topics.npz"
        save_layer(layers[0], path, "bench")
        size = path.stat().st_size / 1e6
        again = [
            measure_seconds(lambda: load_layer(path, lambda _: "bench")) for _ in range(ROUNDS)
        ]
        print(
            f"saved in {size:.0f} MB; loaded in {format_spread([1000 * s for s in again])} ms: "
            f"1/{took / statistics.median(again):.0f} of compiling\n"
        )
        loaded = load_layer(path, lambda _: "bench")
    assert loaded is not None
    return unique, drawn, loaded


def _compare_engines(
    matcher: Matcher, unique: list[str], batch: Sequence[FieldTexts], drawn: list[str]
) -> None:
    chosen = random.Random(2)
    samples = {"subscription": chosen.sample(drawn, SAMPLE), "topic": chosen.sample(unique, SAMPLE)}
    totals = {"subscription": len(drawn), "topic": len(unique)}
    with tempfile.TemporaryDirectory() as folder:
        engines = _prepare_engines(batch, samples, folder)
        timed = time_rounds(
            {
                "fold and split": lambda: fold_and_split(batch),
                "match": lambda: matcher.match(batch),
                **{name: way for name, (way, _) in engines.items()},
            }
        )
    matches = matcher.match(batch).topics.size
    print(f"{matches:,} matches, {matches / len(unique):.2f} a topic")
    print(_format_row("fold and split, ms", timed["fold and split"], 1000))
    print(_format_row("match, ms", timed["match"], 1000))
    print(
        _format_row(
            "match / fold and split", compute_ratios(timed["match"], timed["fold and split"]), 1
        )
    )
    for name, (_, asked) in engines.items():
        whole = [s * totals[name.split()[-1]] / asked for s in timed[name]]
        print(_format_row(f"{name}, µs", timed[name], 1e6 / asked))
        print(
            _format_row("  that many / match", compute_ratios(whole, timed["match"]), 1, digits=0)
        )
    print()


def _prepare_engines(
    batch: Sequence[FieldTexts], samples: dict[str, list[str]], folder: str
) -> dict[str, tuple[Workload, int]]:
    """A query after the other by each engine, and how many of the sample it can express."""
    found: dict[str, tuple[Workload, int]] = {}
    tantivy = TantivyIndex(batch)
    for name, forms in samples.items():
        built = list(_translate_queries(tantivy.translate_query, forms))
        found[f"Tantivy, a query a {name}"] = (
            partial(_search_all, tantivy.search, built),
            len(built),
        )
    if (module := import_xapian()) is None:
        print("Xapian is not installed for this Python, and is left out")
        return found
    xapian = XapianIndex(module, folder, batch)
    for name, forms in samples.items():
        texts = list(_translate_queries(xapian.translate_query, forms))
        found[f"Xapian, a query a {name}"] = partial(_search_all, xapian.search, texts), len(texts)
    return found


def _translate_queries(express: Callable[[Query], T], forms: Sequence[str]) -> Iterator[T]:
    """The forms in an engine's terms, but for the few that it has no words for."""
    for form in forms:
        try:
            yield express(parse_canonical(form))
        except InexpressibleQuery:
            continue


def _search_all(search: Callable[[T], object], some: Sequence[T]) -> None:
    for query in some:
        search(query)


def _format_row(name: str, values: Sequence[float], scale: float, digits: int = 1) -> str:
    return f"{name:<38}{format_spread([scale * value for value in values], digits)}"


def _measure_growth(
    language: SyntheticLanguage, drawn: list[str], matcher: Matcher, batch: Sequence[FieldTexts]
) -> None:
    """How cost grows: with the records, and with the topics."""
    more = [*batch, *draw_records(language, BATCH_SIZE)]
    sizes = (75, 150, 300, 600, 1200)
    by_size = time_rounds({str(n): lambda n=n: matcher.match(more[:n]) for n in sizes})  # type: ignore[misc]
    cells = "; ".join(f"{n}: {1000 * statistics.median(by_size[str(n)]):.0f}" for n in sizes)
    print(
        f"match, ms by records                  {cells}; "
        f"exponent {_fit_exponent(sizes, by_size):.2f}"
    )
    counts = (SUBSCRIPTIONS // 10, SUBSCRIPTIONS)
    fewer = Matcher(dict(enumerate(dict.fromkeys(drawn[: counts[0]]))))
    by_count = time_rounds(
        {
            str(counts[0]): lambda: fewer.match(batch),
            str(counts[1]): lambda: matcher.match(batch),
        }
    )
    cells = "; ".join(f"{n:,}: {1000 * statistics.median(by_count[str(n)]):.0f}" for n in counts)
    exponent = _fit_exponent(counts, by_count)
    print(f"match, ms by subscriptions            {cells}; exponent {exponent:.2f}\n")


def _fit_exponent(sizes: Sequence[int], timed: dict[str, list[float]]) -> float:
    """The slope of the line through the medians, both in logarithms."""
    xs = [math.log(size) for size in sizes]
    ys = [math.log(statistics.median(timed[str(size)])) for size in sizes]
    return statistics.linear_regression(xs, ys).slope


def _measure_joining(
    matcher: Matcher, unique: list[str], batch: Sequence[FieldTexts], language: SyntheticLanguage
) -> None:
    """What one new topic costs, and one record alone."""
    known = set(unique)
    new = [form for form in draw_queries(language, 600) if form not in known][:300]
    took = []
    for topic, form in enumerate(new, len(unique)):
        took.append(1000 * measure_seconds(lambda t=topic, f=form: matcher.join(t, f)))  # type: ignore[misc]
    print(f"a new topic joins, ms                 {format_spread(took, 2)}")
    matcher.merge_layers()
    alone = [1000 * measure_seconds(lambda r=record: matcher.match([r])) for record in batch[:300]]  # type: ignore[misc]
    print(f"one record alone, ms                  {format_spread(alone, 2)}\n")


def _measure_unique_topics(language: SyntheticLanguage, batch: Sequence[FieldTexts]) -> None:
    """A million topics that all differ, most of them boolean."""
    drawn: dict[str, None] = {}
    while len(drawn) < SUBSCRIPTIONS:
        drawn |= dict.fromkeys(draw_queries(language, 200_000, boolean=0.6))
    layers: list[MatcherLayer] = []
    took = measure_seconds(
        lambda: layers.append(compile_layer(dict(enumerate(islice(drawn, SUBSCRIPTIONS)))))
    )
    drawn.clear()
    matcher = Matcher.from_layer(layers[0])
    timed = time_rounds(
        {"fold and split": lambda: fold_and_split(batch), "match": lambda: matcher.match(batch)}
    )
    matches = matcher.match(batch).topics.size
    print(f"{SUBSCRIPTIONS:,} unique topics, 60 % boolean: compiled in {took:.0f} s")
    print(f"{matches:,} matches")
    print(_format_row("match, ms", timed["match"], 1000))
    by_text = compute_ratios(timed["match"], timed["fold and split"])
    print(_format_row("match / fold and split", by_text, 1))


if __name__ == "__main__":
    main()
