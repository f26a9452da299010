"""``make chaos``: episodes of faults on SQLite and PostgreSQL in turn, for a time."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time

from tests.chaos.episode import run_episode, run_undisturbed

#: Problems of one episode that are printed: one cause often has many.
_MAX_PROBLEMS = 40


def main() -> int:
    """Run episodes and print each; return 1 if one ended otherwise than undisturbed."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first episode")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="only this one")
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    undisturbed = run_undisturbed()
    databases = itertools.cycle(
        [options.database] if options.database else ["postgresql", "sqlite"]
    )
    failed, total, copies = 0, 0, 0
    for seed, database in zip(itertools.count(options.seed), databases, strict=False):
        if total and time.monotonic() > end:
            break
        report = run_episode(database, random.Random(seed), undisturbed)  # noqa: S311  # faults
        total += 1
        failed += bool(report.problems)
        copies += report.outcome.copies if report.outcome else 0
        sys.stdout.write(f"{'FAILED' if report.problems else 'well'}: seed {seed}, {database}\n")
        sys.stdout.writelines(f"  stage {n}: {name}\n" for n, name in enumerate(report.faults, 1))
        sys.stdout.writelines(f"  {problem}\n" for problem in report.problems[:_MAX_PROBLEMS])
        sys.stdout.flush()
    sys.stdout.write(f"{total} episodes, {failed} failed, {copies} copies of messages in doubt\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
