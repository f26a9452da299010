"""All metrics that one web process shows."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import choose_encoder

from alerts.ledger import Ledger
from alerts.metrics.definitions import BUILD
from alerts.metrics.ledger_collector import LedgerCollector
from alerts.metrics.request_metrics import RequestMetrics
from alerts.operator import BriefStatus


class ServiceMetrics:
    """The metrics of the ledger, and those of this process."""

    def __init__(self, ledger: Ledger, read_status: Callable[[], BriefStatus]) -> None:
        """Prepare; the ledger is read when somebody asks.

        Args:
            ledger: Of the service.
            read_status: Returns the judgement on the service now.
        """
        self._registry = CollectorRegistry()
        self._registry.register(LedgerCollector(ledger, read_status))
        ProcessCollector(registry=self._registry)
        build = Gauge(BUILD.name, BUILD.meaning, BUILD.label_names, registry=self._registry)
        build.labels(version("watchword")).set(1)
        self.requests = RequestMetrics(self._registry)

    def write(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics, and their media type. It reads the ledger, so it needs a thread.

        Args:
            accept: The ``Accept`` header of the request, which chooses the format: OpenMetrics or
                the text format of Prometheus. Its parameters are ignored. They ask for other ways
                to write names that ours are not, and prometheus-client raises a TypeError where a
                version is no number.
        """
        media_types = [accepted.partition(";")[0] for accepted in accept.split(",")]
        encode, media_type = choose_encoder(",".join(media_types))
        return encode(self._registry), media_type
