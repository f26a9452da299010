"""A real disk of a few kilobytes, which a test fills."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def mount_small_disk(disk: Path) -> Iterator[Callable[[str], None]]:
    """A disk of 64 kB at ``disk``, and what sets its size."""
    disk.mkdir()

    def mount(options: str) -> int:
        command = ["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    if mount("size=64k"):
        pytest.skip("a disk can be mounted by root only")

    def resize(size: str) -> None:
        assert mount(f"remount,size={size}") == 0

    yield resize
    # A command that ran in this process may still have its ledger open: the disk goes after it.
    subprocess.run(["/bin/umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file that takes it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):  # which says that it is full
        while True:
            file.write(b"x" * 4096)
    return filler
