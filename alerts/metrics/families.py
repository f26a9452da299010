"""Metrics with their values, as prometheus-client writes them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import Metric as Family
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily

from alerts.ledger.metric_counts import OPEN_PHASES
from alerts.metrics import definitions as names
from alerts.metrics.definitions import Metric, check_value
from alerts.metrics.figures import BriefFigures, CountedFigures
from alerts.operator import Health

#: The values of a metric, by the values of its labels.
_Values = Mapping[tuple[str, ...], float]


def build_family(metric: Metric) -> Family:
    """Return a metric without values."""
    family = GaugeHistogramMetricFamily if metric.type == "gaugehistogram" else GaugeMetricFamily
    return family(metric.name, metric.meaning, labels=metric.label_names)


def build_gauge(metric: Metric, values: _Values) -> Family:
    """Return a gauge; its values by those of the labels, in the order of the definition."""
    family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.label_names)
    for labels, value in values.items():
        family.add_metric([check_value(one) for one in labels], value)
    return family


def iter_brief_families(figures: BriefFigures) -> Iterator[Family]:
    """Give the metrics of what is read from few rows."""
    yield build_gauge(
        names.HEALTH, {(one.replace(" ", "_"),): one is figures.state for one in Health}
    )
    yield build_gauge(names.ALARMS, {(a.kind, a.source or ""): 1 for a in figures.open_alarms})
    yield build_gauge(names.PAUSED, {(p.activity, p.source or ""): 1 for p in figures.paused})
    yield from _iter_jobs(figures)
    yield build_gauge(
        names.SOURCE_COMPLETE,
        {(s.source,): s.last_good.timestamp() for s in figures.sources if s.last_good},
    )
    yield build_gauge(names.SOURCE_HELD, _fill(figures.held, figures))
    yield from _iter_messages(figures)
    yield build_gauge(names.DIGESTS_DUE, {(): figures.due.subscribers})
    oldest = figures.due.oldest
    yield build_gauge(names.DIGESTS_LATENESS, {(): _measure_age(oldest, figures.now)})
    yield build_gauge(names.PROCESSES, _by_one_label(figures.live_processes))


def _fill(held: Mapping[tuple[str, ...], int], figures: BriefFigures) -> _Values:
    """Return the held changes, with a zero for each source that has none: a graph needs it."""
    empty = {s.source for s in figures.sources} - {labels[0] for labels in held}
    return {**dict.fromkeys(((one, "asked") for one in empty), 0), **held}


def _iter_jobs(figures: BriefFigures) -> Iterator[Family]:
    yield build_gauge(
        names.JOB_GOOD_END, {(j.name,): j.good_at.timestamp() for j in figures.jobs if j.good_at}
    )
    yield build_gauge(names.JOB_FAILURES, {(j.name,): j.failures_in_a_row for j in figures.jobs})
    yield build_gauge(names.JOB_RUNNING, {(j.name,): j.running for j in figures.jobs})


def _iter_messages(figures: BriefFigures) -> Iterator[Family]:
    numbers = dict.fromkeys(OPEN_PHASES, 0) | {one.phase: one.number for one in figures.messages}
    ages = dict.fromkeys(OPEN_PHASES, 0.0) | {
        one.phase: _measure_age(one.oldest, figures.now) for one in figures.messages
    }
    yield build_gauge(names.OUTBOX, _by_one_label(numbers))
    yield build_gauge(names.OUTBOX_OLDEST, _by_one_label(ages))
    yield build_gauge(names.DELIVERIES, _by_one_label(figures.attempts))
    yield build_gauge(names.SUPPRESSED, _by_one_label(figures.suppressed))


def iter_counted_families(figures: CountedFigures) -> Iterator[Family]:
    """Give the metrics of what takes a look at many rows."""
    yield build_gauge(
        names.SOURCE_QUESTIONS,
        {
            (source, status): number
            for source, found in figures.questions.items()
            for status, number in found.items()
        },
    )
    yield build_gauge(names.SOURCE_REFUSED, _by_one_label(figures.refused_pages))
    counted = figures.subscribers
    states = {
        "confirmed": counted.confirmed,
        "paused": counted.paused,
        "suspended": counted.suspended,
        "pending": counted.pending,
    }
    yield build_gauge(names.SUBSCRIBERS, _by_one_label(states))
    yield build_gauge(names.ALERTS, {(): counted.alerts})
    yield build_gauge(names.TOPICS, {(): counted.topics})
    yield _build_delays(figures.delays)


def _build_delays(delays: Mapping[tuple[str, str], Sequence[float]]) -> Family:
    metric = names.DELAY
    family = GaugeHistogramMetricFamily(metric.name, metric.meaning, labels=metric.label_names)
    for labels, seconds in delays.items():
        ordered = sorted(seconds)
        buckets = [(str(float(b)), float(bisect_right(ordered, b))) for b in metric.buckets]
        buckets.append(("+Inf", float(len(ordered))))
        family.add_metric([check_value(one) for one in labels], buckets, sum(ordered))
    return family


def _by_one_label(values: Mapping[str, float]) -> _Values:
    return {(label,): value for label, value in values.items()}


def _measure_age(moment: datetime | None, now: datetime) -> float:
    """Return seconds since a moment; 0 without one, and for one that has not come."""
    return max((now - moment).total_seconds(), 0.0) if moment else 0.0
