"""The text of a new config: the example with some keys set, and all its advice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The header of a section, in force or commented out.
_HEADER = re.compile(r"(?:# )?\[+[a-z_.-]+\]+$")
#: A key, in force or commented out.
_KEY = re.compile(r"(?:# )?([a-z_]+) = ")
#: A comment behind a value, with the spaces in front of it.
_COMMENT = re.compile(r"\s+# [^\"]*$")


def write_config_text(values: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the example config with some keys set.

    Args:
        values: Header of a section, such as ``[web]`` → key → value. A section and a key that are
            commented out are brought into force; ``KEY_file`` stands below the key.
    """
    lines = _read_example().splitlines()
    for header, keys in values.items():
        at = next(at for at, line in enumerate(lines) if line.removeprefix("# ") == header)
        lines[at] = header
        for key, value in keys.items():
            _set_key(lines, at, key, value)
    return "\n".join(lines) + "\n"


def _read_example() -> str:
    """Return the text of ``config.example.toml``: inside the wheel, else beside the packages."""
    name = "config.example.toml"
    installed = Path(__file__).parents[1] / name
    path = installed if installed.is_file() else Path(__file__).parents[2] / name
    return path.read_text(encoding="utf-8")


def _set_key(lines: list[str], header: int, key: str, value: object) -> None:
    """Set a key of the section whose header is the line with the number ``header``.

    The comment behind the key's example value stays.
    """
    setting = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for at in range(header + 1, len(lines)):
        found = _KEY.match(lines[at])
        if _HEADER.match(lines[at]):
            break
        if found and found[1] == key:
            comment = _COMMENT.search(lines[at].removeprefix("# "))
            lines[at] = setting + (comment[0] if comment else "")
            return
        if found and found[1] == key.removesuffix("_file"):
            lines.insert(at + 1, setting)
            return
    lines.insert(header + 1, setting)
