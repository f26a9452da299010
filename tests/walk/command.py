"""Commands on this machine, for what the operator's machine and its surroundings are made of."""

from __future__ import annotations

import os
import subprocess


def run_here(*command: str) -> str:
    """Run a command here; return its output.

    Raises:
        RuntimeError: It failed; with what it printed.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return done.stdout
