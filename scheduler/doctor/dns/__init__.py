"""DNS: questions with a deadline, the rules of SPF, and from which address emails go out.

Must not know the checks, nor print anything.
"""

from scheduler.doctor.dns.lookup import DnsLookup, LookupFailed, RecordKind
from scheduler.doctor.dns.sending_host import SendingHost, find_sending_host
from scheduler.doctor.dns.spf import (
    MAX_LOOKUPS,
    FindRecords,
    evaluate_spf,
    list_spf_records,
    propose_spf,
)

__all__ = [
    "MAX_LOOKUPS",
    "DnsLookup",
    "FindRecords",
    "LookupFailed",
    "RecordKind",
    "SendingHost",
    "evaluate_spf",
    "find_sending_host",
    "list_spf_records",
    "propose_spf",
]
