"""The metrics that are read from the ledger, whichever process is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import Metric as Family
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError

from alerts.errors import WatchwordError
from alerts.ledger import Ledger
from alerts.metrics.definitions import LEDGER_METRICS, LEDGER_REACHABLE
from alerts.metrics.families import (
    build_family,
    build_gauge,
    iter_brief_families,
    iter_counted_families,
)
from alerts.metrics.figures import (
    BriefFigures,
    CountedFigures,
    count_many_figures,
    read_brief_figures,
)
from alerts.operator import BriefStatus, Remembered

#: Seconds for which what changes from moment to moment is kept. Prometheus asks every 15 to 60
#: seconds; whoever asks more often is given the same numbers.
_BRIEF_AGE = 5.0
#: Seconds for which the numbers are kept that take a look at many rows. `Remembered` keeps them
#: for longer where they take longer than a second.
_COUNTED_AGE = 60.0


class LedgerCollector(Collector):
    """Reads the metrics of the ledger when a registry of prometheus-client asks for them."""

    def __init__(self, ledger: Ledger, read_status: Callable[[], BriefStatus]) -> None:
        """Prepare; nothing is read yet.

        Args:
            ledger: Of the service.
            read_status: Returns the judgement on the service now.
        """
        self._ledger, self._read_status = ledger, read_status
        self._brief = Remembered(self._read_brief, _BRIEF_AGE)
        self._counted = Remembered(self._count, _COUNTED_AGE)

    def collect(self) -> Iterator[Family]:
        """Return the metrics; of a ledger that cannot be read, that it cannot."""
        try:
            families = [*iter_brief_families(self._brief.get())]
            families += iter_counted_families(self._counted.get())
        except (DBAPIError, WatchwordError):
            families = [build_gauge(LEDGER_REACHABLE, {(): 0})]
        else:
            families.append(build_gauge(LEDGER_REACHABLE, {(): 1}))
        return iter(families)

    def describe(self) -> Iterator[Family]:
        """Return the metrics without values, which needs no ledger."""
        return (build_family(metric) for metric in LEDGER_METRICS)

    def _read_brief(self) -> BriefFigures:
        status = self._read_status()
        with self._ledger.reading() as connection:
            return read_brief_figures(connection, status)

    def _count(self) -> CountedFigures:
        figures = self._brief.get()
        sources = [one.source for one in figures.sources]
        with self._ledger.reading() as connection:
            return count_many_figures(connection, sources, figures.now)
