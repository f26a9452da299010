"""Every error of ours derives from one base and carries the exit status of the command line."""

import importlib
import inspect
import pkgutil

import pytest

import alerts
import scheduler
from alerts.errors import ExitStatus, WatchwordError
from alerts.feeds import FeedsNotWritten

#: Errors that are raised once all the rest is done, each with what the rest is.
PARTIAL_FAILURES = {FeedsNotWritten: "the other feeds are written, and digests go out"}


def _list_error_classes() -> list[type[Exception]]:
    found: dict[str, type[Exception]] = {}
    for package in (alerts, scheduler):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name:
                continue
            for _, member in inspect.getmembers(importlib.import_module(module.name)):
                if inspect.isclass(member) and issubclass(member, Exception):
                    found[f"{member.__module__}.{member.__qualname__}"] = member
    return [kind for name, kind in found.items() if name.startswith(("alerts.", "scheduler."))]


@pytest.mark.parametrize("kind", _list_error_classes(), ids=lambda kind: kind.__qualname__)
def test_error_derives_from_the_base_and_has_an_exit_status(kind: type[Exception]) -> None:
    assert issubclass(kind, WatchwordError)
    assert isinstance(kind.exit_status, ExitStatus)
    assert kind.exit_status is not ExitStatus.OK
    assert kind.exit_status is not ExitStatus.PARTIAL or kind in PARTIAL_FAILURES
