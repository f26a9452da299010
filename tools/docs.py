"""Write the documentation that follows from the code: ``python -m tools.docs``.

These are the pages of ``docs/reference`` that the modules beside this one build as a whole, the
tables and references between ``<!-- table: NAME -->`` and ``<!-- end of table -->`` in other pages,
the JSON Schema of what commands print, and keys that ``config.example.toml`` does not show yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from alerts.limits import Limit
from alerts.model import ChangeKind, Frequency
from scheduler.config import build_reference, complete_example
from tools.command_reference import (
    build_command_reference,
    build_data_reference,
    format_schema,
)
from tools.metrics_reference import build_metrics_reference
from tools.reference_pages import build_reference_pages

_ROOT = Path(__file__).parent.parent
#: Below ``docs/``, the pages of which the code writes a part.
_PAGES_WITH_TABLES = (
    "explanation/delivery.md",
    "reference/command-line.md",
    "reference/pages-and-feeds.md",
    "reference/queries.md",
)
_TABLE = re.compile(
    r"(?<=<!-- table: )(?P<name>[a-z ]+) -->\n(?P<rows>.*?)(?=<!-- end of table -->)", re.DOTALL
)


def build_documents() -> dict[Path, str]:
    """Return the text of each document that the code has a part in."""
    documents = {_ROOT / "docs" / "reference" / "configuration.md": build_reference()}
    example = _ROOT / "config.example.toml"
    documents[example] = complete_example(example.read_text(encoding="utf-8"))
    documents[_ROOT / "docs" / "reference" / "schemas" / "command-line.json"] = format_schema()
    documents[_ROOT / "docs" / "reference" / "metrics.md"] = build_metrics_reference()
    for name, text in build_reference_pages().items():
        documents[_ROOT / "docs" / "reference" / name] = text
    for name in _PAGES_WITH_TABLES:
        page = _ROOT / "docs" / name
        documents[page] = fill_tables(page.read_text(encoding="utf-8"))
    return documents


def fill_tables(page: str) -> str:
    """Return a page with the rows of its tables written anew."""
    tables = {
        "frequencies": _build_frequencies(),
        "kinds of change": _build_change_kinds(),
        "limits": _build_limits(),
        "commands": build_command_reference(),
        "command data": build_data_reference(),
    }
    return _TABLE.sub(lambda match: f"{match['name']} -->\n{tables[match['name']]}", page)


def _build_frequencies() -> str:
    rows = ((f"`{frequency}`", frequency.info.label) for frequency in Frequency)
    return _format_table(("frequency", "digests are sent"), rows)


def _build_change_kinds() -> str:
    rows = ((kind.info.label, f"`change:{kind}`") for kind in ChangeKind)
    return _format_table(("headline in emails and feeds", "finds it"), rows)


def _build_limits() -> str:
    rows = []
    for limit in Limit:
        most = (f"{number:,} for {scope.label}" for scope, number in limit.rule.most.items())
        allowed = ", ".join(most).replace("for in all", "in all")
        rows.append((limit.value, limit.rule.period_label, allowed, limit.rule.reason))
    return _format_table(("what is limited", "in", "allowed", "why"), rows)


def _format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head, *body = (f"| {' | '.join(row)} |\n" for row in (header, *rows))
    return "".join([head, f"|{'---|' * len(header)}\n", *body])


if __name__ == "__main__":
    for path, text in build_documents().items():
        path.write_text(text, encoding="utf-8")
