"""What is installed only on demand says how to get it, when the config asks for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

COMMAND = (
    "import sys; sys.modules[{module!r}] = None; sys.argv = ['watchword', 'subscriptions']; {run}"
)
RUN = "from scheduler.cli import main; main()"


@pytest.mark.parametrize(
    ("module", "config", "needs", "extra"),
    [
        (
            "psycopg",
            '[ledger]\nurl = "postgresql://watchword:hidden@db.example/watchword"\n',
            "a ledger on PostgreSQL needs psycopg",
            "postgres",
        ),
        (
            "apprise",
            "[channels.apprise]\n",
            "config.toml: channels.apprise needs Apprise",
            "chat",
        ),
    ],
)
def test_a_missing_extra_is_named(
    tmp_path: Path, module: str, config: str, needs: str, extra: str
) -> None:
    (tmp_path / "config.toml").write_text(config)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(module=module, run=RUN)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    error = f"watchword: {needs}, which is not installed: pip install 'watchword[{extra}]'\n"
    assert (done.returncode, done.stderr) == (78, error)


def test_the_other_channels_work_without_apprise(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(module="apprise", run=RUN)],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
