"""A service in the places that Debian has for one: root makes it, and its own user owns it.

What is written into folders of that user is written with that user's rights, so that nothing there
can lead root elsewhere.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scheduler.setup.answers import SetupAnswers
from scheduler.setup.deployment_files import fill_program, read_deployment_file
from scheduler.setup.service_files import CONFIG_NAME, NewService, SetupError, write_service

SYSTEM_USER = "watchword"
CONFIG_FOLDER, DATA_FOLDER = Path("/etc/watchword"), Path("/var/lib/watchword")
UNIT_FOLDER = Path("/etc/systemd/system")
#: The service, and its backups every night.
SYSTEM_UNITS = ("watchword.service", "watchword-backup.service", "watchword-backup.timer")
#: Days: the timer makes a backup every night, and half a day late is no alarm.
BACKUP_DAYS = 1.5
_FOLDER_MODE, _UNIT_MODE = 0o750, 0o644


def install_system_service(
    answers: SetupAnswers, given: Mapping[str, str], *, program: Path, replace: bool
) -> tuple[NewService, tuple[Path, ...]]:
    """Make the user, the folders, the config with its secrets, and the units of a service.

    Args:
        answers: What the service is like. Where its data is, and that it is backed up, is added.
        given: Secrets of the operator's own; as for :func:`write_service`.
        program: The command ``watchword``, which systemd is to start.
        replace: Whether a config and units that are there are replaced.

    Returns:
        What was written for the user of the service, and the units.

    Raises:
        SetupError: It cannot be made; nothing was written.
        OSError: Something cannot be written.
    """
    _check_system(program, replace=replace)
    user = _make_user()
    _make_folders(user)
    answers = dataclasses.replace(answers, data_folder=DATA_FOLDER, backup_days=BACKUP_DAYS)
    with _acting_as(user):
        made = write_service(
            CONFIG_FOLDER, answers, given, program=program, replace=replace, with_unit=False
        )
    return made, _write_units(program)


def _check_system(program: Path, *, replace: bool) -> None:
    """Check that a service can be made for the whole machine, before anything is changed.

    Args:
        program: The command ``watchword``, which the service's user is to run.
        replace: Whether a config and units that are there may be replaced.

    Raises:
        SetupError: It cannot; the message says what to do.
    """
    if os.geteuid() != 0:
        raise SetupError("only root may make a service for the machine: run it with sudo")
    for path in (program, Path(sys.executable)):
        if closed := _find_closed(path):
            raise SetupError(
                f"{closed} is closed to the user {SYSTEM_USER}, who has to run {path}: install "
                "the program where everybody can read it, such as /opt/watchword"
            )
    paths = (CONFIG_FOLDER / CONFIG_NAME, *(UNIT_FOLDER / name for name in SYSTEM_UNITS))
    there = [str(path) for path in paths if path.exists()]
    if there and not replace:
        raise SetupError(
            f"{there[0]} is there already: nothing was changed. `--replace` writes it anew, and "
            "keeps the config that was there, and all secrets"
        )


def _find_closed(program: Path) -> Path | None:
    """Return what keeps other users from running a program; None if nothing does."""
    file = program.resolve()
    needed = {file: stat.S_IROTH | stat.S_IXOTH} | dict.fromkeys(file.parents, stat.S_IXOTH)
    return next((path for path, bits in needed.items() if path.stat().st_mode & bits != bits), None)


def _make_user() -> pwd.struct_passwd:
    """Return the user of the service; make it, without a login, if it is missing.

    Raises:
        SetupError: It cannot be made.
    """
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--home-dir", str(DATA_FOLDER)]
        command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
    path = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        raise SetupError(f"there is no user {SYSTEM_USER}, and no useradd to make one")
    made = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
    if made.returncode:
        raise SetupError(f"the user {SYSTEM_USER} cannot be made: {made.stderr.strip()}")
    return pwd.getpwnam(SYSTEM_USER)


def _make_folders(user: pwd.struct_passwd) -> None:
    """Make the folders of the config and of the data; what is there stays as it is."""
    for folder in (CONFIG_FOLDER, DATA_FOLDER):
        if not folder.exists():
            folder.mkdir(mode=_FOLDER_MODE)
            os.chown(folder, user.pw_uid, user.pw_gid)
            folder.chmod(_FOLDER_MODE)


@contextmanager
def _acting_as(user: pwd.struct_passwd) -> Iterator[None]:
    """Have the rights of a user, and no others, while the block runs; then those of before."""
    former = os.geteuid(), os.getegid(), os.getgroups()
    os.setgroups([user.pw_gid])
    os.setegid(user.pw_gid)
    os.seteuid(user.pw_uid)
    try:
        yield
    finally:
        os.seteuid(former[0])
        os.setegid(former[1])
        os.setgroups(former[2])


def _write_units(program: Path) -> tuple[Path, ...]:
    """Write the units into systemd's folder, each in one step; return where they are."""
    UNIT_FOLDER.mkdir(parents=True, exist_ok=True)
    paths = tuple(UNIT_FOLDER / name for name in SYSTEM_UNITS)
    for path in paths:
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(fill_program(read_deployment_file(path.name), program), "utf-8")
        draft.chmod(_UNIT_MODE)
        draft.replace(path)
    return paths
