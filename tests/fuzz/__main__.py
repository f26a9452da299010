"""``make fuzz``: every reader of input from outside, with random input, for a time."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.runner import run_targets
from tests.fuzz.targets import open_targets


def main() -> int:
    """Run the targets and print a line for each; return 1 if an input failed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800, help="for all targets together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="to draw the same again")
    parser.add_argument("--target", help="only this one")
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    failures = 0
    with tempfile.TemporaryDirectory() as folder, open_targets(Path(folder)) as targets:
        chosen = [one for one in targets if options.target in {None, one.name}]
        for report in run_targets(chosen, options.seconds, options.seed, Path("fuzz-failures")):
            sys.stdout.write(f"{report}\n")
            for failure in report.iter_failures():
                sys.stdout.write(f"{failure}\n")
            failures += len(report.failures)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
