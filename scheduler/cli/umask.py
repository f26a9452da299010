"""Who may read what this program creates: nobody but its own user.

The ledger, its log, the Maildir, the sent log and the captures hold addresses and tokens. Feed
files are for a web server of any user: :mod:`alerts.feeds` gives them their own permissions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

#: Files 0600 and folders 0700.
_PRIVATE = 0o077


@contextmanager
def private_files() -> Iterator[int]:
    """Let only this process's user read what it creates in the block, and yield the former umask.

    The umask belongs to the whole process and is inherited by the crawls that it starts.
    """
    with use_umask(_PRIVATE) as former:
        yield former


@contextmanager
def use_umask(umask: int) -> Iterator[int]:
    """Create files with a umask in the block, such as the user's own, and yield the former one."""
    former = os.umask(umask)
    try:
        yield former
    finally:
        os.umask(former)
