"""Export: records in the formats of other programs.

Owns CSV, JSON Lines, JSON-LD, Akoma Ntoso and citations. Everything in it is pure: it must not know
the ledger, the web or the command line, which decide what is exported and where to.
"""

from alerts.export.akoma_ntoso import build_debate
from alerts.export.citations import Citation, build_citation
from alerts.export.json_ld import build_json_ld
from alerts.export.tables import encode_csv, encode_csv_header, encode_json_lines

__all__ = [
    "Citation",
    "build_citation",
    "build_debate",
    "build_json_ld",
    "encode_csv",
    "encode_csv_header",
    "encode_json_lines",
]
