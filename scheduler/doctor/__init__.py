"""The examination of a service from all sides, for `watchword doctor`.

Owns the checks, each with what it found and what to do, and the proposals for DNS. It changes
nothing, upgrades no ledger, and sends nothing but the test email that is asked for.
"""

from scheduler.doctor.checks import examine, judge_config_error
from scheduler.doctor.dns import DnsLookup, LookupFailed
from scheduler.doctor.examination import Examination
from scheduler.doctor.mail_records import DnsProposal, propose_records
from scheduler.doctor.report import CheckResult, CheckState, choose_exit_status

__all__ = [
    "CheckResult",
    "CheckState",
    "DnsLookup",
    "DnsProposal",
    "Examination",
    "LookupFailed",
    "choose_exit_status",
    "examine",
    "judge_config_error",
    "propose_records",
]
