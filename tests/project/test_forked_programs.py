"""A program that the fork server starts is like one that Python starts anew."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked_programs import fork_programs
from tests.support.paths import REPOSITORY

pytestmark = pytest.mark.process

PROBE = REPOSITORY / "tests" / "support" / "probe_process.py"


@pytest.fixture(params=[True, False], ids=["forked", "new"])
def start(request: pytest.FixtureRequest) -> Iterator[None]:
    with fork_programs(wanted=request.param):
        yield


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o031)
    yield
    os.umask(before)


@pytest.fixture
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_234_567_890, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def no_hangup() -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("start", "umask", "limit", "no_hangup")
@pytest.mark.parametrize("is_session", [False, True])
def test_it_has_what_it_was_given(tmp_path: Path, is_session: bool) -> None:
    read, write = os.pipe()
    done = subprocess.run(
        [sys.executable, str(PROBE), "one", str(write)],
        cwd=tmp_path,
        env={"TZ": "Asia/Tokyo", "PATH": "", **_python_variables()},
        input="typed",
        pass_fds=[write],
        start_new_session=is_session,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(write)
    with os.fdopen(read) as passed:
        assert passed.read() == "passed"
    leads = str(is_session)
    assert done.stdout.splitlines() == [
        f"one {tmp_path} Asia/Tokyo JST 0o31 1234567890 True {leads} typed",
        str([0, 1, 2, write]),
    ]
    assert (done.returncode, done.stderr) == (7, "seven\n")


def _python_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}


@pytest.mark.usefixtures("start")
def test_its_end_is_told() -> None:
    with subprocess.Popen([sys.executable, str(PROBE), "wait"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.kill()
        assert process.wait(20) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


@pytest.mark.usefixtures("start")
def test_a_defect_is_printed_with_its_traceback() -> None:
    command = [sys.executable, str(PROBE), "fail"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: a defect\n")
    assert done.stdout == "in the buffer"


def test_other_python_variables_start_python_anew() -> None:
    command = [sys.executable, str(PROBE), "flags"]
    environment = {**os.environ, "PYTHONOPTIMIZE": "2"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "optimized 2, forked False\n"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "optimized 0, forked True\n"
