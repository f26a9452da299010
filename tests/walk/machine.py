"""A bare Debian with systemd, booted in a container whose only network is the pretended outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.walk.command import run_here
from tests.walk.network import HOST_NAME, MACHINE_NAMESPACE, RESOLVER

RELEASE = "bookworm"
#: The account that a new operator works with. It may use sudo, as the first user of a Debian may.
ACCOUNT = "watchword"
#: Somebody else with a mailbox on the machine.
SUBSCRIBER = "clara"
#: What an installation of Debian has and debootstrap's smallest variant has not.
_USUAL = "systemd,systemd-sysv,dbus,ca-certificates,sudo,curl"
#: A start takes about 10 seconds, on a busy machine with two processors.
_MAX_BOOT_SECONDS = 120
_MAX_STOP_SECONDS = 30


@dataclass(frozen=True)
class CommandResult:
    """What a command did."""

    output: str  #: both streams, in order
    status: int
    seconds: float


def build_base(folder: Path) -> None:
    """Install a Debian into a folder, if it is not there yet."""
    if (folder / "etc/debian_version").exists():
        return
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    run_here("debootstrap", "--variant=minbase", f"--include={_USUAL}", RELEASE, str(partial))
    partial.rename(folder)


def fetch_packages(folder: Path, names: Iterable[str]) -> None:
    """Fetch Debian packages into the package cache of an installation; install none."""
    run_here("chroot", str(folder), "apt-get", "--quiet", "update")
    fetch = ("apt-get", "--quiet", "--yes", "--download-only", "install")
    run_here("chroot", str(folder), *fetch, *names)


def prepare_root(base: Path, root: Path, wheels: Path, service: Path, authority: Path) -> None:
    """Make the files of a new machine.

    Args:
        base: An installation of Debian.
        root: Where the machine's own copy goes.
        wheels: Folder with everything that pip will install.
        service: The wheel of the service, which the operator has downloaded.
        authority: Certificate of the authority that signs for the outside.
    """
    run_here("cp", "-a", "--reflink=auto", str(base), str(root))
    (root / "etc/hostname").write_text(f"{HOST_NAME}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {HOST_NAME} watch\n")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(RESOLVER)
    trusted = root / "usr/local/share/ca-certificates/outside.crt"
    shutil.copy(authority, trusted)
    run_here("chroot", str(root), "update-ca-certificates")
    for account in (ACCOUNT, SUBSCRIBER):
        run_here("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", account)
    sudoers = root / "etc/sudoers.d/operator"
    sudoers.write_text(f"{ACCOUNT} ALL=(ALL) NOPASSWD: ALL\n")
    sudoers.chmod(0o440)
    shutil.copytree(wheels, root / "srv/wheels")
    (root / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /srv/wheels\n")
    copy = root / "home" / ACCOUNT / service.name
    shutil.copy(service, copy)
    copy.chmod(0o644)


class Machine:
    """A booted Debian; a context manager that stops it."""

    def __init__(self, root: Path, log: Path) -> None:
        """Take the files of a machine, and where its console is written."""
        self.root = root
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Machine:
        command = (
            "systemd-nspawn",
            "--quiet",
            "--boot",
            f"--directory={self.root}",
            f"--machine={ACCOUNT}-walk",
            f"--network-namespace-path=/run/netns/{MACHINE_NAMESPACE}",
            "--resolv-conf=off",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
        )
        # Its own systemd wants the newer hierarchy of control groups, whichever this machine has.
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        try:
            self._wait_for_boot()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _wait_for_boot(self) -> None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        deadline = time.monotonic() + _MAX_BOOT_SECONDS
        state = ""
        while time.monotonic() < deadline and self._process.poll() is None:
            time.sleep(0.5)
            found = children.read_text().split() if children.exists() else []
            self._leader = int(found[0]) if found else 0
            if self._leader:
                state = self.run("systemctl is-system-running", "root").output.strip()
            if state in {"running", "degraded"}:
                return
        raise RuntimeError(f"the machine has not booted ({state}): see {self._log}")

    def run(self, command: str, account: str = ACCOUNT) -> CommandResult:
        """Run a command in a login shell of an account, as over SSH."""
        began = time.monotonic()
        enter = ("nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net")
        done = subprocess.run(
            (*enter, "--pid", "/bin/su", "--login", account, "--command", command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )
        return CommandResult(done.stdout, done.returncode, time.monotonic() - began)

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_MAX_STOP_SECONDS)
        if self._process.poll() is None:
            if self._leader:
                os.kill(self._leader, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
