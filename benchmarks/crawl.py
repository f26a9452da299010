"""What a crawl of the replica's 2,000 questions asks for, takes and needs, and the crawl after it.

The real command in a folder of its own, against a server on a socket, with no delay between two
requests; on the source itself the delay is most of the time.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from alerts.rendering import find_shipped_templates
from crawler.replica import build_large_world, create_site
from scheduler.web import serve

QUESTIONS = 2000
WATCHWORD = Path(sys.executable).with_name("watchword")


def run_service_once(folder: Path) -> float:
    """One round of the service; the seconds that it took."""
    began = time.perf_counter()
    subprocess.run([WATCHWORD, "once", "--quiet"], cwd=folder, check=True)
    return time.perf_counter() - began


def query_ledger(folder: Path, query: str) -> list[tuple[str, ...]]:
    """What the service's ledger says."""
    with closing(sqlite3.connect(folder / "var" / "ledger.sqlite3")) as ledger:
        return ledger.execute(query).fetchall()


def count_request_kinds(requests: list[str]) -> Counter[str]:
    """How often pages, listings and robots.txt were asked for."""
    return Counter(
        "pages" if "/find-an-answer/" in r else "listings" if "find-an-answer" in r else "others"
        for r in requests
    )


def main() -> None:
    """Crawl twice and print both."""
    start = datetime.now(UTC)
    world = build_large_world(start, QUESTIONS)
    site = create_site(world, lambda: start + world.stages[0], find_shipped_templates())
    with serve(site) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        section = f'[sources.london]\nurl = "{url}"\ndelay_seconds = 0\ndays_back = 700\n'
        (folder / "config.toml").write_text(section)
        print(f"{'crawl':8}{'seconds':>9}{'peak MB':>9}{'changes':>9}  requests")
        for crawl in ("first", "second"):
            before = (
                query_ledger(folder, "select count(*) from change")[0][0]
                if crawl == "second"
                else 0
            )
            seconds = run_service_once(folder)
            asked = count_request_kinds(site.state.requests)
            site.state.requests.clear()
            [*_, (printed, verdict)] = query_ledger(folder, "select report, verdict from crawl_run")
            peak = json.loads(printed)["peak_megabytes"]
            changes = int(query_ledger(folder, "select count(*) from change")[0][0]) - int(before)
            told = ", ".join(f"{n} {kind}" for kind, n in asked.items())
            print(f"{crawl:8}{seconds:9.1f}{peak:9}{changes:9}  {told} ({verdict})")
        captures = sum(path.stat().st_size for path in (folder / "var/captures").iterdir())
        print(f"archive: {captures / 1e6:.1f} MB for {QUESTIONS} questions")


if __name__ == "__main__":
    main()
