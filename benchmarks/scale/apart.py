"""New processes, which inherit nothing but the imported modules."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext


def get_fork_server() -> ForkServerContext:
    """Return what starts processes: forks of one that has only imported the service.

    Their peak of memory is their own, and to start one takes 0.03 s and not a second.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.scale.crew", "benchmarks.scale.topics"])
    return context
