"""``make trials``: each fault in turn while many subscribers are sent their digests."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

from tests.trials.far_network import find_hindrance
from tests.trials.faults import FAULTS
from tests.trials.trial import run_faults

#: Problems that are printed: one cause often has many.
_MAX_PROBLEMS = 40


def main() -> int:
    """Run a trial and print what was seen; return 1 if something is not as it must be."""
    parser = argparse.ArgumentParser(prog="make trials", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=20_000)
    parser.add_argument(
        "--fault", action="append", choices=FAULTS, help="only these, in this order"
    )
    parser.add_argument("--keep", type=Path, help="an empty folder for the logs")
    options = parser.parse_args()
    faults = [FAULTS[name] for name in options.fault or FAULTS]
    hindrance = find_hindrance() if any(fault.needs_network for fault in faults) else None
    if hindrance:
        _say(f"left out, because {hindrance}:")
        _say("".join(f"  {fault.name}\n" for fault in faults if fault.needs_network).rstrip())
        faults = [fault for fault in faults if not fault.needs_network]
    with tempfile.TemporaryDirectory() as folder:
        report = run_faults(options.keep or Path(folder), options.subscribers, faults, _say)
    problems = [*report.problems, *report.late]
    for line in (*report.figures, *problems[:_MAX_PROBLEMS]):
        _say(line)
    _say(f"{len(faults)} waves, {len(problems)} problems")
    return 1 if problems else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    sys.exit(main())
