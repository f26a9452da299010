"""``make walk``: take the walk of a new operator, print it, and write its page."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.support.paths import REPOSITORY
from tests.walk.machine import Machine, prepare_root
from tests.walk.needs import Supplies, fetch_supplies, list_missing
from tests.walk.network import open_network
from tests.walk.observations import NotAsItMustBe, Site
from tests.walk.page import MAX_COMMANDS, MAX_MINUTES, WalkedStep, format_minutes, format_page
from tests.walk.steps import Step, build_steps, shorten
from tests.walk.surroundings import open_surroundings

PAGE = REPOSITORY / "docs/tutorial/operator-walk.md"
#: Kept from one walk to the next: a Debian and the packages.
_SUPPLIES = REPOSITORY / ".walk"
#: What the command ends with where the walk cannot be made.
_UNAVAILABLE = 69


def main() -> int:
    """Walk; return 1 if something is not as it must be."""
    parser = argparse.ArgumentParser(prog="make walk", description=__doc__)
    parser.add_argument("--keep", type=Path, help="a folder for the machine, kept afterwards")
    options = parser.parse_args()
    if missing := list_missing():
        _say("The walk needs:", *(f"  {one}" for one in missing))
        return _UNAVAILABLE
    _say("Fetching a Debian and the packages (minutes, the first time) ...")
    supplies = fetch_supplies(_SUPPLIES)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="watchword-walk-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        walked = _walk(supplies, folder)
    except (NotAsItMustBe, RuntimeError) as error:
        _say(f"NOT AS IT MUST BE: {error}")
        return 1
    finally:
        if options.keep is None:
            shutil.rmtree(folder)
    PAGE.write_text(format_page(walked, supplies.fetch_seconds, datetime.now(UTC).date()))
    return _judge(walked, supplies.fetch_seconds)


def _walk(supplies: Supplies, folder: Path) -> list[WalkedStep]:
    """Boot a machine and take each step on it."""
    (folder / "outside").mkdir()
    root = folder / "machine"
    with open_network(), open_surroundings(folder / "outside", supplies.caddy_package) as outside:
        prepare_root(supplies.base, root, supplies.wheels, supplies.service, outside.authority)
        with Machine(root, folder / "console") as machine:
            site = Site(machine, outside)
            return [_take(site, step) for step in build_steps(supplies.service.name)]


def _take(site: Site, step: Step) -> WalkedStep:
    """Type a command, and look at what came of it."""
    _say("", f"$ {step.command}")
    began = time.monotonic()
    done = site.machine.run(step.command)
    _say(shorten(done.output, step.shown))
    if done.status not in step.statuses:
        raise NotAsItMustBe(f"it ended with {done.status}: {done.output[-2000:]}")
    seen = [line for look in step.observations for line in look(site, done.output)]
    seconds = time.monotonic() - began
    _say(*(f"  {line}" for line in seen), f"  [{seconds:.1f} s]")
    return WalkedStep(step, done.output, seconds, tuple(seen))


def _judge(walked: list[WalkedStep], fetch_seconds: float) -> int:
    total = sum(one.seconds for one in walked) + fetch_seconds
    _say("", f"{len(walked)} commands, {format_minutes(total)}, {PAGE.relative_to(REPOSITORY)}")
    if len(walked) > MAX_COMMANDS or total > MAX_MINUTES * 60:
        _say(f"That is more than {MAX_COMMANDS} commands or {MAX_MINUTES} minutes.")
        return 1
    return 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
