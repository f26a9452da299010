"""A process that says how it was started: ``python probe_process.py WHAT [FILE]``."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path


def main(what: str, *files: str) -> int:
    """Do what the first argument names; return the exit status."""
    if what == "fail":
        sys.stdout.write("in the buffer")
        raise ValueError("a defect")
    if what == "flags":
        is_forked = "tests.support.forked_programs" in sys.modules
        sys.stdout.write(f"optimized {sys.flags.optimize}, forked {is_forked}\n")
        return 0
    if what == "wait":
        sys.stdout.write("waiting\n")
        sys.stdout.flush()
        time.sleep(100)
    open_files = _list_open_files()
    umask = os.umask(0)
    ignores_hangup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    is_leader = os.getsid(0) == os.getpid()
    size = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    given = [what, Path.cwd(), os.environ["TZ"], time.tzname[0], oct(umask), size]
    sys.stdout.write(" ".join(map(str, [*given, ignores_hangup, is_leader, sys.stdin.read()])))
    sys.stdout.write(f"\n{open_files}\n")
    sys.stderr.write("seven\n")
    for file in files:
        os.write(int(file), b"passed")
    return 7


def _list_open_files() -> list[int]:
    found = []
    for number in sorted(int(file.name) for file in Path("/proc/self/fd").iterdir()):
        try:
            os.fstat(number)
        except OSError:  # it was that of the list itself
            continue
        found.append(number)
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
