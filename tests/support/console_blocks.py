"""Commands of a document, run in order, and what they print compared with what the document shows.

A block of code that is marked ``console`` holds commands after ``$ `` and what each prints. ``...``
stands for any text, also of several lines, and a space for a tab.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.MULTILINE)
#: A line that ends the output of a command in what the shell prints, with the exit status.
_END = "end-of-command"


@dataclass(frozen=True)
class ShownCommand:
    """A command of a document."""

    command: str
    shown: str  #: what the document says that it prints

    def matches(self, printed: str) -> bool:
        """Return whether the command printed what is shown."""
        pattern = re.escape(self.shown.strip()).replace(re.escape("..."), ".*?")
        return re.fullmatch(pattern, printed.strip().replace("\t", " "), re.DOTALL) is not None


def list_commands(page: str) -> Iterator[ShownCommand]:
    """Yield the commands of a page in order."""
    for block in _BLOCK.finditer(page):
        for found in _COMMAND.finditer(block[1]):
            yield ShownCommand(found["command"], found["shown"])


def run_commands(
    commands: list[ShownCommand], folder: Path, environment: Mapping[str, str]
) -> list[tuple[int, str]]:
    """Run commands in one shell.

    Returns:
        Of each, its exit status and what it printed.
    """
    script = "".join(f"{one.command}\necho {_END} $?\n" for one in commands)
    ran = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    *outputs, _ = re.split(rf"{_END} (\d+)\n", ran.stdout)
    return [
        (int(status), printed) for printed, status in zip(outputs[::2], outputs[1::2], strict=True)
    ]
