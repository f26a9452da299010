"""Build a release and try it: ``python -m tools.release``.

In ``dist/`` are then the wheel, the source distribution, the bill of materials and their hashes.
The first two are built twice and must be the same, byte for byte; the wheel is built a third time
from the source distribution. The wheel is installed into an empty environment for each Python that
is found (``$PYTHONS``, else python3.11 to python3.13 on the path), with the versions of the lock,
and has to play the demo and serve its pages from a folder without a checkout.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import requests

from tools.sbom import build_sbom

_ROOT = Path(__file__).parents[1]
_DIST = _ROOT / "dist"
_PYTHONS = ("python3.11", "python3.12", "python3.13")
#: Files of the packages that only their authors need.
_NOT_INSTALLED = re.compile(r"\.pot$")
#: Seconds until the pages of an installed service must answer: ten times what it takes.
_START_SECONDS = 30


class ReleaseFault(Exception):
    """What is wrong with the release."""


def read_version() -> str:
    """Return the version of the project.

    Raises:
        ReleaseFault: The changelog has no section for it.
    """
    version = str(tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"])
    heading = rf"^## \[?{re.escape(version)}\]? - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (_ROOT / "CHANGELOG.md").read_text(), re.MULTILINE):
        raise ReleaseFault(f"CHANGELOG.md has no section for {version} with a date")
    return version


def build(source: Path, folder: Path, epoch: str) -> tuple[Path, Path]:
    """Build in a folder; return the wheel and the source distribution.

    Args:
        source: The checkout, or an unpacked source distribution.
        folder: Where to put them.
        epoch: The time that all files get, in seconds since 1970.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": epoch}
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True)
    [wheel], [archive] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, archive


def find_epoch() -> str:
    """Return the time of the last commit, or that of the environment."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return os.environ["SOURCE_DATE_EPOCH"]
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.check_output(command, cwd=_ROOT, text=True).strip()


def check_same(one: Path, other: Path) -> None:
    """Raise `ReleaseFault` unless two files are the same."""
    if one.read_bytes() != other.read_bytes():
        raise ReleaseFault(f"{one.name} was not built the same twice")


def build_twice(scratch: Path) -> tuple[Path, Path]:
    """Build into ``dist/``, and again, and from the source distribution; compare."""
    epoch = find_epoch()
    wheel, archive = build(_ROOT, _DIST, epoch)
    for built, again in zip((wheel, archive), build(_ROOT, scratch / "again", epoch), strict=True):
        check_same(built, again)
    shutil.unpack_archive(archive, scratch / "source")
    [unpacked] = (scratch / "source").iterdir()
    check_same(wheel, build(unpacked, scratch / "third", epoch)[0])
    return wheel, archive


def check_contents(wheel: Path) -> None:
    """Raise `ReleaseFault` if the wheel lacks a file of the packages that git knows."""
    held = set(zipfile.ZipFile(wheel).namelist())
    command = ["git", "ls-files", "alerts", "crawler", "scheduler", "templates"]
    for name in subprocess.check_output(command, cwd=_ROOT, text=True).split():
        place = f"alerts/{name}" if name.startswith("templates/") else name
        if place not in held and not _NOT_INSTALLED.search(name):
            raise ReleaseFault(f"{wheel.name} lacks {name}")


def find_pythons() -> Iterator[str]:
    """Give the interpreters to try, by their paths."""
    for name in os.environ.get("PYTHONS", "").split() or _PYTHONS:
        if found := shutil.which(name):
            yield found


def try_installed(wheel: Path, python: str, folder: Path) -> str:
    """Install the wheel into an empty environment, and use it; return what was seen."""
    subprocess.run([python, "-m", "venv", folder / "environment"], check=True)
    pip: list[str | Path] = [
        folder / "environment" / "bin" / "pip",
        "install",
        "--quiet",
        "--no-deps",
    ]
    lock: list[str | Path] = ["--require-hashes", "-r", _ROOT / "requirements.lock"]
    for arguments in (lock, [wheel]):
        subprocess.run([*pip, "--disable-pip-version-check", *arguments], check=True)
    home = folder / "home"
    home.mkdir()
    command = folder / "environment" / "bin" / "watchword"

    def run(*arguments: str) -> str:
        environment = {"PATH": os.defpath, "HOME": str(home)}
        return subprocess.check_output([command, *arguments], cwd=home, env=environment, text=True)

    said = run("--version").splitlines()[0]
    shown = json.loads(run("demo", "--once", "--out", "demo"))
    if not shown["total"]["sent"] or shown["total"]["sent"] != len(shown["mails"]):
        raise ReleaseFault(f"{python}: the demo sent {shown['total'].get('sent', 0)} emails")
    pages = fetch_pages(command, home)
    return f"{said}, {shown['total']['sent']} emails in the demo, {pages} pages"


def fetch_pages(command: Path, home: Path) -> int:
    """Start the service and fetch its pages and what they show; return how many there were."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    (home / "config.toml").write_text(
        f'[web]\nport = {port}\n[sources.london]\nurl = "http://127.0.0.1:1"\nenabled = false\n'
    )
    with subprocess.Popen([command, "run"], cwd=home, stderr=subprocess.DEVNULL) as process:
        try:
            site = f"http://127.0.0.1:{port}"
            front = fetch_soon(f"{site}/")
            paths = sorted({*re.findall(r'(?:href|src)="(/[^"#?]*)"', front), "/api/openapi.json"})
            for path in paths:
                requests.get(f"{site}{path}", timeout=10).raise_for_status()
            return len(paths)
        finally:
            process.terminate()


def fetch_soon(address: str) -> str:
    """Return a page of a service that has just been started."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            return requests.get(address, timeout=10).text
        except requests.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def write_hashes() -> None:
    """Write ``SHA256SUMS``, as ``sha256sum --check`` reads it."""
    files = sorted(path for path in _DIST.iterdir() if path.name != "SHA256SUMS")
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (_DIST / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    """Build, check, and print a line for each step."""
    version = read_version()
    shutil.rmtree(_DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheel, archive = build_twice(Path(scratch))
        print(f"built twice and from its source, the same: {wheel.name}, {archive.name}")
        check_contents(wheel)
        subprocess.run(
            [sys.executable, "-m", "twine", "check", "--strict", wheel, archive], check=True
        )
        sbom = json.dumps(build_sbom((_ROOT / "requirements.lock").read_text()), indent=2)
        (_DIST / f"watchword-{version}.cdx.json").write_text(f"{sbom}\n")
        pythons = list(find_pythons())
        if not pythons:
            raise ReleaseFault("no Python to try it on was found: name some in PYTHONS")
        for number, python in enumerate(pythons):
            print(f"{python}: {try_installed(wheel, python, Path(scratch, f'python{number}'))}")
    write_hashes()
    print(f"dist/ holds {', '.join(sorted(path.name for path in _DIST.iterdir()))}")


if __name__ == "__main__":
    main()
