"""The metrics: name, type, meaning and labels of each, from which the reference page is written.

Names follow the rules of Prometheus: base units, and ``_total`` at the end of a counter. Which
values a label can have is fixed by the code or the config, so that a metric has few series, and
none of them names a person.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Literal

import msgspec

MetricType = Literal["counter", "gauge", "gaugehistogram", "histogram"]

#: What stands for a label's value that is none of those that it may have.
OTHER = "other"
#: Names of sources, jobs, phases and outcomes, and patterns of routes: no ``@``, and no sentence.
_PLAIN_VALUE = re.compile(r"[\w ./{}:+-]{0,64}", re.ASCII)
_MAX_WORDS = 3


class Label(Enum):
    """The labels, each with what it names."""

    ACTIVITY = "activity", "`crawl` or `delivery`"
    JOB_NAME = "job_name", "a job of the service: `round`, `match`, `deliver`, `crawl london`"
    KIND = "kind", "of an alarm: `blocked`, `queue`, `job match`; of a change: `asked`, `answered`"
    OUTCOME = "outcome", "`sent`, `retry`, `refused`, `failed`, `content_rejected` or `in_doubt`"
    PHASE = "phase", "`queued`, `sending`, `handing_over` or `in_doubt`"
    REASON = "reason", "`bounces`, `complaint` or `operator`"
    ROLE = "role", "of a process of a cluster: `serve`, `work` or `schedule`"
    ROUTE = "route", "the pattern of an address: `/topic/{slug}`; `other` where there is no page"
    SOURCE = "source", "the source's name in the config; empty for the whole service"
    STATE = "state", "of the service: `well`, `not_yet`, `trouble`; of subscribers and alerts"
    STATUS = "status", "of a question: `answered`; of an answer by HTTP: `2xx` to `5xx`"
    VERSION = "version", "the version of this software: `1.0.0`"
    WINDOW = "window", "how far back it is measured: `1d` or `30d`"

    def __init__(self, label: str, meaning: str) -> None:
        self.label = label
        self.meaning = meaning


class Metric(msgspec.Struct, frozen=True):
    """What is known of a metric before it is measured."""

    name: str
    type: MetricType
    meaning: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()  #: upper bounds, without infinity

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels, in the order of their values."""
        return tuple(label.label for label in self.labels)


def check_value(value: str) -> str:
    """Return the value of a label, or ``other`` for text that no label may hold."""
    is_plain = _PLAIN_VALUE.fullmatch(value) and value.count(" ") < _MAX_WORDS
    return value if is_plain else OTHER


BUILD = Metric("watchword_build_info", "gauge", "Always 1.", (Label.VERSION,))
LEDGER_REACHABLE = Metric(
    "watchword_ledger_reachable",
    "gauge",
    "1 if the ledger could be read; 0 if not, and then what is read from it is missing.",
)
HEALTH = Metric(
    "watchword_health_state",
    "gauge",
    "1 for the state that the service is in, 0 for the others; as on `/status`.",
    (Label.STATE,),
)
ALARMS = Metric(
    "watchword_alarms_open",
    "gauge",
    "Open alarms. Without any there is no series.",
    (Label.KIND, Label.SOURCE),
)
PAUSED = Metric(
    "watchword_paused",
    "gauge",
    "1 for what the operator has paused. Without any there is no series.",
    (Label.ACTIVITY, Label.SOURCE),
)
JOB_GOOD_END = Metric(
    "watchword_job_last_good_end_timestamp_seconds",
    "gauge",
    "When a job last ended without a failure, in seconds since 1970.",
    (Label.JOB_NAME,),
)
JOB_FAILURES = Metric(
    "watchword_job_failures_in_a_row",
    "gauge",
    "How often a job has failed since its last good end.",
    (Label.JOB_NAME,),
)
JOB_RUNNING = Metric(
    "watchword_job_running", "gauge", "Runs that have begun and not ended.", (Label.JOB_NAME,)
)
SOURCE_COMPLETE = Metric(
    "watchword_source_last_complete_crawl_timestamp_seconds",
    "gauge",
    "When the last crawl that read everything ended, in seconds since 1970.",
    (Label.SOURCE,),
)
SOURCE_QUESTIONS = Metric(
    "watchword_source_questions",
    "gauge",
    "Questions in the ledger. `suspect` stands for those whose page may be read wrongly.",
    (Label.SOURCE, Label.STATUS),
)
SOURCE_HELD = Metric(
    "watchword_source_held_changes",
    "gauge",
    "Changes that wait for the operator's approval.",
    (Label.SOURCE, Label.KIND),
)
SOURCE_REFUSED = Metric(
    "watchword_source_refused_pages",
    "gauge",
    "Pages that the source refuses to serve while it serves others.",
    (Label.SOURCE,),
)
OUTBOX = Metric(
    "watchword_outbox_messages", "gauge", "Messages that are not done with.", (Label.PHASE,)
)
OUTBOX_OLDEST = Metric(
    "watchword_outbox_oldest_age_seconds",
    "gauge",
    "Age of the oldest message that is not done with; 0 without one.",
    (Label.PHASE,),
)
DELIVERIES = Metric(
    "watchword_delivery_attempts_last_hour",
    "gauge",
    "Delivery attempts of the last 60 minutes.",
    (Label.OUTCOME,),
)
SUPPRESSED = Metric(
    "watchword_suppressed_addresses",
    "gauge",
    "Addresses that nothing may be sent to.",
    (Label.REASON,),
)
SUBSCRIBERS = Metric(
    "watchword_subscribers",
    "gauge",
    "Subscribers: `confirmed` with an active alert, of these `paused`; `suspended`; `pending` "
    "have not confirmed yet.",
    (Label.STATE,),
)
ALERTS = Metric("watchword_alerts", "gauge", "Active alerts of all subscribers.")
TOPICS = Metric("watchword_topics", "gauge", "Topics with an active alert.")
DIGESTS_DUE = Metric(
    "watchword_digests_due",
    "gauge",
    "Subscribers whose digests are to be composed now; some of them turn out to need none.",
)
DIGESTS_LATENESS = Metric(
    "watchword_digests_lateness_seconds",
    "gauge",
    "How long the digest that is due for longest waits to be composed; 0 without one.",
)
PROCESSES = Metric(
    "watchword_processes",
    "gauge",
    "Processes of a cluster that reached the ledger in the last three minutes; none without one.",
    (Label.ROLE,),
)
DELAY = Metric(
    "watchword_publication_to_inbox_delay_seconds",
    "gaugehistogram",
    "From the publication of a change on the source's site to the first immediate email about it: "
    "an upper bound, as on the operator's pages. Each change of the time before now counts once.",
    (Label.SOURCE, Label.WINDOW),
    # A crawl an hour finds a change after 0 to 60 minutes; 36 hours is when subscribers are told.
    (300, 600, 900, 1800, 2700, 3600, 5400, 7200, 10800, 21600, 43200, 86400, 129600),
)
REQUESTS = Metric(
    "watchword_http_requests_total",
    "counter",
    "Requests that this process has answered.",
    (Label.ROUTE, Label.STATUS),
)
DURATION = Metric(
    "watchword_http_request_duration_seconds",
    "histogram",
    "Time from a request's head to the end of its answer, in this process.",
    (Label.ROUTE,),
    # A cached page takes a millisecond, a search 10 to 300, an export up to 30 seconds.
    (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

#: Those of which each process has its own, because they are about it.
PROCESS_METRICS = (BUILD, REQUESTS, DURATION)
#: Those that are read from the ledger. The first is there whether or not that can be done.
LEDGER_METRICS = (
    *(LEDGER_REACHABLE, HEALTH, ALARMS, PAUSED, JOB_GOOD_END, JOB_FAILURES, JOB_RUNNING),
    *(SOURCE_COMPLETE, SOURCE_QUESTIONS, SOURCE_HELD, SOURCE_REFUSED, OUTBOX, OUTBOX_OLDEST),
    *(DELIVERIES, SUPPRESSED, SUBSCRIBERS, ALERTS, TOPICS, DIGESTS_DUE, DIGESTS_LATENESS),
    *(PROCESSES, DELAY),
)
