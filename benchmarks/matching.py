"""What matching a million topics costs, compared with reading the text and with search engines.

Each round measures each workload once, one after the other, in processor time, so that a busy
moment of the machine affects all of them; ratios are taken within a round. Figures are medians,
with the least and the greatest in brackets.

- fold and split: the paragraphs folded to plain letters and split at everything else, in C, which
  every program that searches for words has to do
- match: from the texts of a batch to all pairs of a topic and a record (``Matcher.match``)
- Tantivy, Xapian: one query after the other, on an index of the batch that was made before and has
  the words of our tokenizer. A sample of the queries is run, and the total computed from it. Xapian
  parses the text of each query; Tantivy, whose parser has no prefixes, gets them ready made
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from alerts.matching import BATCH_SIZE, FieldTexts, Matcher

# Below the face, to measure compiling, saving and loading apart from matching.
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.matcher import MatcherLayer, compile_layer
from alerts.queries import FIELDS, Query, parse_canonical
from benchmarks.memory import read_peak_megabytes
from benchmarks.sample_queries import (
    SyntheticLanguage,
    draw_queries,
    draw_records,
    draw_subscriptions,
)
from benchmarks.tantivy_index import InexpressibleQuery, TantivyIndex
from benchmarks.xapian_index import XapianIndex, import_xapian
from crawler.storage import LocalFolder

ROUNDS = 7
SUBSCRIPTIONS = 1_000_000
SAMPLE = 3000
_LETTERS = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256)
)

Workload = Callable[[], object]
T = TypeVar("T")


def measure_seconds(workload: Workload) -> float:
    """Return the processor time of ``workload`` in seconds."""
    began = time.process_time()
    workload()
    return time.process_time() - began


def time_rounds(workloads: dict[str, Workload]) -> dict[str, list[float]]:
    """Return the seconds of each workload in each round."""
    for workload in workloads.values():
        workload()  # not measured: fills caches and allocates memory
    timed: dict[str, list[float]] = {name: [] for name in workloads}
    for _ in range(ROUNDS):
        for name, workload in workloads.items():
            timed[name].append(measure_seconds(workload))
    return timed


def fold_and_split(texts: Sequence[FieldTexts]) -> None:
    """Split the texts into words in the simplest way."""
    for record in texts:
        for field in FIELDS:
            for paragraph in record.get(field, ()):
                paragraph.encode("ascii", "watchword-fold").translate(_LETTERS).split()


def format_spread(values: Sequence[float], digits: int = 1) -> str:
    """Return the median and the range as text."""
    some = (statistics.median(values), min(values), max(values))
    median, least, most = (f"{value:,.{digits}f}" for value in some)
    return f"{median} ({least}-{most})"


def compute_ratios(timed: Sequence[float], by: Sequence[float]) -> list[float]:
    """Return each round's time divided by the other time of the same round."""
    return [mine / theirs for mine, theirs in zip(timed, by, strict=True)]


def main() -> None:
    """Draw texts and topics, compile, match and compare; print the table."""
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
    """Print what compiling takes; return the topics, all subscriptions, and the compiled topics."""
    layers: list[MatcherLayer] = []

    def make() -> None:
        layers.append(compile_layer(dict(enumerate(dict.fromkeys(drawn)))))

    took = measure_seconds(make)
    peak = read_peak_megabytes()
    unique = list(dict.fromkeys(drawn))
    print(f"{len(drawn):,} subscriptions, {len(unique):,} unique")
    print(f"compiled, duplicates removed: {took:.1f} s; peak memory of the process {peak} MB")
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFolder(folder)
        save_layer(layers[0], files, 0, "bench")
        size = sum(file.stat().st_size for file in files.path.iterdir()) / 1e6
        again = [
            measure_seconds(lambda: load_layer(files, 0, lambda _: "bench")) for _ in range(ROUNDS)
        ]
        print(
            f"saved in {size:.0f} MB; loaded in {format_spread([1000 * s for s in again])} ms: "
            f"1/{took / statistics.median(again):.0f} of compiling\n"
        )
        loaded = load_layer(files, 0, lambda _: "bench")
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
                **{name: workload for name, (workload, _) in engines.items()},
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
    for name, (_, count) in engines.items():
        whole = [s * totals[name.split()[-1]] / count for s in timed[name]]
        print(_format_row(f"{name}, µs", timed[name], 1e6 / count))
        print(
            _format_row("  that many / match", compute_ratios(whole, timed["match"]), 1, digits=0)
        )
    print()


def _prepare_engines(
    batch: Sequence[FieldTexts], samples: dict[str, list[str]], folder: str
) -> dict[str, tuple[Workload, int]]:
    """Return each engine's workload, and how many queries of the sample it can express."""
    found: dict[str, tuple[Workload, int]] = {}
    tantivy = TantivyIndex(batch)
    for name, forms in samples.items():
        built = list(_translate_queries(tantivy.translate_query, forms))
        found[f"Tantivy, a query a {name}"] = (
            partial(_search_all, tantivy.search, built),
            len(built),
        )
    if (module := import_xapian()) is None:
        print("Xapian is not installed for this Python: its lines are left out")
        return found
    xapian = XapianIndex(module, folder, batch)
    for name, forms in samples.items():
        texts = list(_translate_queries(xapian.translate_query, forms))
        found[f"Xapian, a query a {name}"] = partial(_search_all, xapian.search, texts), len(texts)
    return found


def _translate_queries(express: Callable[[Query], T], forms: Sequence[str]) -> Iterator[T]:
    """Generate the queries in an engine's terms, without those that it cannot express."""
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
    """Print how the time grows with the number of records and with that of topics."""
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
    """Return the slope of a line through the logarithms of sizes and of median times."""
    xs = [math.log(size) for size in sizes]
    ys = [math.log(statistics.median(timed[str(size)])) for size in sizes]
    return statistics.linear_regression(xs, ys).slope


def _measure_joining(
    matcher: Matcher, unique: list[str], batch: Sequence[FieldTexts], language: SyntheticLanguage
) -> None:
    """Print what one more topic costs, and one record alone."""
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
    """Print what a million different topics cost, most of them boolean."""
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
