"""A real Postfix of our own, on a free port, where it is installed and may be run."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

#: Why it is left out; None where it is not.
SKIP_REASON = (
    "Postfix is not installed"
    if shutil.which("postfix") is None
    else None
    if os.geteuid() == 0
    else "Postfix is started by root alone"
)

_MASTER = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.demo.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
default_transport = discard
relay_transport = discard
smtpd_peername_lookup = no
"""


class PostfixStartError(Exception):
    """It is installed, and something on this machine keeps it from running; says what."""


class Postfix(msgspec.Struct, frozen=True):
    """A running one."""

    port: int
    log: Path

    def count_accepted(self) -> Counter[str]:
        """How often each Message-ID came into its queue."""
        text = self.log.read_text()
        names = dict(re.findall(r"cleanup\[\d+\]: (\w+): message-id=(<[^>]+>)", text))
        queued = set(re.findall(r"qmgr\[\d+\]: (\w+): from=<", text))
        return Counter(names[key] for key in queued if key in names)


@contextmanager
def run_postfix() -> Iterator[Postfix]:
    """Postfix, taking mail for anybody and throwing it away."""
    folder = Path(tempfile.mkdtemp(prefix="watchword-postfix-"))
    folder.chmod(0o755)
    port = _free_port()
    for name in ("conf", "queue", "data", "log"):
        (folder / name).mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    (folder / "conf" / "main.cf").write_text(_MAIN.format(folder=folder))
    (folder / "conf" / "master.cf").write_text(_MASTER.format(port=f"127.0.0.1:{port}"))
    command = ["postfix", "-c", str(folder / "conf")]
    try:
        _start(command, port)
        log = folder / "log" / "mail.log"
        if not log.exists():
            raise PostfixStartError("Postfix runs here, and cannot write its log")
        yield Postfix(port, log)
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str], port: int) -> None:
    done = subprocess.run([*command, "start"], check=False, capture_output=True, timeout=60)
    try:
        _wait_for(port)
    except OSError as error:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise PostfixStartError(f"Postfix did not start here: {said or error}") from error


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
