"""The operator: alarms about the service, the emails about alarms, and the state of the service.

Owns what the operator is notified of. Must not know the pages and commands that show it.
"""

from alerts.operator.alarms import DamageSurvey, update_mail_alarms, update_report_alarm
from alerts.operator.clock_alarm import CLOCK_ALARM, update_clock_alarm
from alerts.operator.completeness import (
    RECENT_PERIOD,
    Completeness,
    measure_completeness,
    update_gap_alarm,
)
from alerts.operator.current_status import build_brief_status, build_status
from alerts.operator.emails import queue_operator_emails
from alerts.operator.footer import FooterReader, FooterState, summarise_status
from alerts.operator.health import Finding, Health, HealthLimits, combine_states
from alerts.operator.impact import PAST_KINDS, Impact, find_impact
from alerts.operator.job_alarms import (
    BACKUP_JOB,
    are_cluster_alarms_true,
    find_cluster_alarms,
    update_backup_alarm,
    update_cluster_alarms,
    update_job_alarms,
)
from alerts.operator.limit_alarm import update_limit_alarm
from alerts.operator.overview import (
    DAYS_OF_SUBSCRIBERS,
    DiskMeter,
    Figures,
    MessageDays,
    Remembered,
    StoredPart,
    count_figures,
    find_advice,
)
from alerts.operator.public_status import PublicSourceStatus, PublicStatus
from alerts.operator.service_status import BriefStatus, ServiceStatus
from alerts.operator.status import SourceReading, SourceStatus

__all__ = [
    "BACKUP_JOB",
    "CLOCK_ALARM",
    "DAYS_OF_SUBSCRIBERS",
    "PAST_KINDS",
    "RECENT_PERIOD",
    "BriefStatus",
    "Completeness",
    "DamageSurvey",
    "DiskMeter",
    "Figures",
    "Finding",
    "FooterReader",
    "FooterState",
    "Health",
    "HealthLimits",
    "Impact",
    "MessageDays",
    "PublicSourceStatus",
    "PublicStatus",
    "Remembered",
    "ServiceStatus",
    "SourceReading",
    "SourceStatus",
    "StoredPart",
    "are_cluster_alarms_true",
    "build_brief_status",
    "build_status",
    "combine_states",
    "count_figures",
    "find_advice",
    "find_cluster_alarms",
    "find_impact",
    "measure_completeness",
    "queue_operator_emails",
    "summarise_status",
    "update_backup_alarm",
    "update_clock_alarm",
    "update_cluster_alarms",
    "update_gap_alarm",
    "update_job_alarms",
    "update_limit_alarm",
    "update_mail_alarms",
    "update_report_alarm",
]
