"""The mutants that no test noticed, as the documentation names them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tools.mutants import Edit, Mutant, Outcome, find_edit

_PAGE = Path("docs/explanation/mutation.md")
#: Why edits are harmless. A key is the module and both lines, so it stays true when lines move.
_REASONS = Path("tools/harmless_mutants.toml")
_BEGIN, _END = "<!-- survivors -->\n", "<!-- end of survivors -->\n"
_NOT_COVERED = "not covered yet"


def describe_survivors(survivors: Sequence[Mutant]) -> Iterator[str]:
    """Yield a line for each survivor: file, line, what was there, what it became."""
    for one in survivors:
        edit = find_edit(one)
        untested = " (no test)" if one.outcome is Outcome.NO_TESTS else ""
        yield f"{one.path}:{edit.line}: {edit.before} → {edit.after or '(nothing)'}{untested}"


def write_survivors(table: str, survivors: Iterable[Mutant]) -> None:
    """Write a table and the survivors, with why they are harmless, into the documentation."""
    before, _, rest = _PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [table, "", *_list_by_reason(survivors)]
    _PAGE.write_text("\n".join((before + _BEGIN, *lines, _END + after)))


def _list_by_reason(survivors: Iterable[Mutant]) -> Iterator[str]:
    reasons = tomllib.loads(_REASONS.read_text())
    path: Path | None = None
    for one in survivors:
        if one.path != path:
            path = one.path
            yield f"\n`{path}`\n"
        edit = find_edit(one)
        reason = reasons.get(path.as_posix(), {}).get(make_key(edit), _NOT_COVERED)
        yield f"- {edit.line}: {_quote(edit.before)} → {_quote(edit.after)}: {reason}"


def make_key(edit: Edit) -> str:
    """Return what names an edit within its module."""
    return f"{edit.before} → {edit.after}"


def _quote(code: str) -> str:
    mark = "``" if "`" in code else "`"
    return f"{mark} {code} {mark}" if mark == "``" else f"`{code}`" if code else "nothing"
