"""Captures of a crawl, which are kept in a folder of this machine or in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from crawler.plan import CrawlPlan
from crawler.storage import Folder, parse_folder


@contextmanager
def keep_captures(plan: CrawlPlan) -> Iterator[CrawlPlan]:
    """Yield the plan with a folder of this machine for its captures.

    Where the plan names a URL, the folder is a temporary one, and its files are moved there when
    the block ends. Until then the captures of this crawl cannot be read, and if this process is
    killed they are lost; what the crawl has read is in the ledger all the same.

    Raises:
        OSError: The files could not be moved.
    """
    folder = parse_folder(plan.archive_folder) if plan.archive_folder else None
    if folder is None or folder.path is not None:
        yield plan
        return
    with TemporaryDirectory(prefix="watchword-captures-") as spool:
        try:
            yield msgspec.structs.replace(plan, archive_folder=spool)
        finally:
            _move_files(Path(spool), folder)


def _move_files(spool: Path, folder: Folder) -> None:
    for path in sorted(spool.iterdir()):
        folder.write(path.name, path.read_bytes())
        path.unlink()
