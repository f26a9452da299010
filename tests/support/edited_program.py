"""The program with edited modules, run as a process of its own, as a developer would run it.

Enums and config sections are read once, when their module is imported, so an edit of them cannot
be tried out in the test's own process.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.paths import REPOSITORY


class EditedModules:
    """Finds modules among the edited files of a folder, each named as its module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where an edited module is; None for all others (importlib's protocol)."""
        file = self.folder / f"{name}.py"
        return spec_from_file_location(name, file) if file.exists() else None


class EditedProgram:
    """A copy of some modules, edited, and the folder of a service that runs with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def edit(self, module: str, before: str, addition: str) -> None:
        """Add some text to a module, above the first line that begins with ``before``."""
        source = REPOSITORY.joinpath(*module.split(".")).with_suffix(".py").read_text()
        above, line, below = source.partition(f"\n{before}")
        assert line, f"{module} has no line that begins with {before!r}"
        (self.folder / f"{module}.py").write_text(f"{above}\n{addition}{line}{below}")

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Return what the command ``watchword`` prints; its exit status must be ``expect``."""
        return self._start("watchword", *arguments, expect=expect)

    def call(self, function: Callable[[Path], Any]) -> Any:
        """Return what a function of a test module returns (JSON) when it is called over there.

        It is called with the folder.
        """
        return json.loads(self._start(f"{function.__module__}:{function.__name__}"))

    def _start(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", __name__, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            check=False,
            text=True,
            timeout=100,
        )
        assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr * bool(expect)


def main() -> None:
    """Run the command, or call a function and print its result, with the edited modules here."""
    sys.meta_path.insert(0, EditedModules(Path.cwd()))
    module, _, function = sys.argv.pop(1).partition(":")
    if function:
        called = getattr(importlib.import_module(module), function)
        sys.stdout.write(json.dumps(called(Path.cwd())))
    else:
        importlib.import_module("scheduler.cli").main()


if __name__ == "__main__":
    main()
