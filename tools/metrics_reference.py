"""The reference of metrics, ``docs/reference/metrics.md``, from their definitions."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.metrics import LEDGER_METRICS, PROCESS_METRICS, Label, Metric

_INTRODUCTION = """\
# Metrics

`/metrics` shows them to whom `[metrics]` in the [config](configuration.md) allows it, as
OpenMetrics or in the text format of Prometheus, whichever the request accepts.
[Monitor the service](../how-to/monitor.md) says how to scrape them, what to be alerted of, and has
a dashboard. This page is written from the code by `make docs`.

No label holds an address, a query or other text of people: values are names of ours, names of the
config, and patterns of addresses. Anything else would read `other`.
"""
_OF_THE_SERVICE = """\
They are read from the ledger, so every web process shows the same. What is read from few rows is
read anew after 5 seconds; questions, subscribers, alerts, topics and the delay after 60, and less
often where that takes more than a fiftieth of the time.
"""
_OF_A_PROCESS = """\
Each web process counts its own requests from 0 when it starts, as Prometheus expects of a counter.
Scrape each process by itself, not through a load balancer.
"""
_SECTIONS = (
    ("Of the service", _OF_THE_SERVICE, LEDGER_METRICS),
    ("Of a process", _OF_A_PROCESS, PROCESS_METRICS),
)
_STANDARD = """\
The client library adds `process_cpu_seconds_total`, `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_start_time_seconds`, `process_open_fds` and
`process_max_fds`.
"""
_TABLE_HEAD = "| metric | type | labels | meaning |\n|---|---|---|---|\n"


def build_metrics_reference() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, *_iter_sections(), _STANDARD, _build_labels()])


def _iter_sections() -> Iterator[str]:
    for title, about, metrics in _SECTIONS:
        rows = "".join(_format_row(metric) for metric in metrics)
        yield f"## {title}\n\n{about}\n{_TABLE_HEAD}{rows}"


def _format_row(metric: Metric) -> str:
    labels = ", ".join(f"`{name}`" for name in metric.label_names)
    buckets = f" Buckets: {', '.join(f'{one:g}' for one in metric.buckets)}." * bool(metric.buckets)
    return f"| `{metric.name}` | {metric.type} | {labels} | {metric.meaning}{buckets} |\n"


def _build_labels() -> str:
    rows = "".join(f"| `{one.label}` | {one.meaning} |\n" for one in Label)
    return f"## Labels\n\n| label | |\n|---|---|\n{rows}"
