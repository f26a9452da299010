"""The metrics of the service, in the form that Prometheus reads.

Owns their names and what they say. What is about the service is read from the ledger and is the
same whichever process is asked; what is about a process, such as its requests, is that process's
own. Must not know who may see them.
"""

from alerts.metrics.definitions import LEDGER_METRICS, PROCESS_METRICS, Label, Metric
from alerts.metrics.request_metrics import RequestMeter, find_patterns
from alerts.metrics.service_metrics import ServiceMetrics

__all__ = [
    "LEDGER_METRICS",
    "PROCESS_METRICS",
    "Label",
    "Metric",
    "RequestMeter",
    "ServiceMetrics",
    "find_patterns",
]
