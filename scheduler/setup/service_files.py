"""Writing a new service: its files are made beside their place, checked, and then put there.

The config comes last. Until it is there, there is no service: whatever ends the program before
that, the next `watchword init` begins again, and keeps the secrets that it finds.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alerts.errors import ExitStatus, WatchwordError
from scheduler.config import parse_config
from scheduler.setup.answers import (
    DKIM_KEY_FILE,
    OPERATOR_PASSWORD_FILE,
    SMTP_PASSWORD_FILE,
    SetupAnswers,
)
from scheduler.setup.config_text import write_config_text
from scheduler.setup.deployment_files import (
    DEPLOYMENT_NAMES,
    UNIT_NAME,
    build_deployment_files,
    find_place,
)

CONFIG_NAME = "config.toml"
#: What `--replace` makes of the config that was there.
_FORMER_NAME = "config.toml.former"
_SECRETS = (OPERATOR_PASSWORD_FILE, DKIM_KEY_FILE, SMTP_PASSWORD_FILE)
_STAGING_NAME = ".watchword-init"
#: 24 random bytes are 32 characters and 192 bits, more than anybody can guess.
_PASSWORD_BYTES = 24
#: Bits that every verifier of DKIM must take, and the most that fit easily into DNS (RFC 8301 3.2).
_DKIM_BITS = 2048
#: Of the data: a web server of another user passes through to the feeds, and lists nothing.
_DATA_MODE = 0o711
#: They hold no secret, and are copied to where everybody may read them.
_DEPLOYMENT_MODE = 0o644


class SetupError(WatchwordError):
    """The new service cannot be written; the message says what to do."""

    exit_status = ExitStatus.CONFIG


@dataclass(frozen=True)
class NewService:
    """What was written."""

    config: Path
    kept: tuple[Path, ...]  #: files with secrets that were there before
    operator_password: str | None  #: the one that was made; None if it was given or there before
    deployment: tuple[Path, ...]  #: the unit and the proxy's config; none for a trial


def write_service(
    folder: Path,
    answers: SetupAnswers,
    given: Mapping[str, str],
    *,
    program: Path,
    replace: bool = False,
    with_unit: bool = True,
) -> NewService:
    """Write the config, the secrets and the folders of a new service: all or nothing.

    Args:
        folder: Of the config. It is made if it is missing.
        answers: What the service is like.
        given: Secrets of the operator's own, by the path of their file below ``folder``.
        program: The command ``watchword``, which systemd is to start.
        replace: Whether a config that is there is replaced, and kept as ``config.toml.former``.
        with_unit: Whether a unit for systemd is written beside the config, if the pages have TLS.

    Raises:
        SetupError: There is a config, or another program is writing one.
        ConfigError: The config would be wrong.
        OSError: Something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / CONFIG_NAME
    with _open_staging(folder) as staging:
        if config.exists() and not replace:
            raise SetupError(
                f"{config} is there already: nothing was changed. `--replace` writes a new one "
                f"and keeps this one as {_FORMER_NAME}; `--folder` writes it elsewhere"
            )
        made = _prepare_secrets(folder, staging, given)
        text = write_config_text(answers.build_values())
        parse_config(text, staging, str(config))
        _write_file(staging / CONFIG_NAME, text)
        started = _write_deployment_files(folder, staging, answers, program)
        if not with_unit:
            (staging / UNIT_NAME).unlink(missing_ok=True)
            started = tuple(path for path in started if path.name != UNIT_NAME)
        _put_in_place(folder, staging, answers.data_folder)
    generated = None if OPERATOR_PASSWORD_FILE in given else made.get(OPERATOR_PASSWORD_FILE)
    old = (folder / name for name in _SECRETS if name not in made)
    kept = tuple(path for path in old if path.exists())
    return NewService(config, kept, generated, started)


@contextmanager
def _open_staging(folder: Path) -> Iterator[Path]:
    """Give an empty folder inside ``folder`` that no other process uses; remove it afterwards."""
    descriptor = os.open(folder, os.O_RDONLY)
    staging = folder / _STAGING_NAME
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(f"another `watchword init` is writing {folder}") from error
        shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
        staging.mkdir(mode=0o700)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(descriptor)


def _prepare_secrets(folder: Path, staging: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Write the secrets into the staging folder; return those that are new, by their path.

    Those that are there already are kept unless others are given: the DKIM key may be in DNS.
    """
    (staging / "secrets").mkdir(mode=0o700)
    made: dict[str, str] = {}
    for name in _SECRETS:
        if name in given:
            made[name] = given[name]
        elif (folder / name).is_file():
            shutil.copyfile(folder / name, staging / name)
        elif name == OPERATOR_PASSWORD_FILE:
            made[name] = secrets.token_urlsafe(_PASSWORD_BYTES)
        elif name == DKIM_KEY_FILE:
            made[name] = _generate_key()
    for name, text in made.items():
        _write_file(staging / name, text.rstrip("\n") + "\n")
    return made


def _generate_key() -> str:
    """Return a new private key for DKIM, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_DKIM_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write_deployment_files(
    folder: Path, staging: Path, answers: SetupAnswers, program: Path
) -> tuple[Path, ...]:
    """Write the unit and the proxy's config, if the pages have TLS; return where they will be."""
    if not answers.public_url.startswith("https:"):
        return ()
    place = find_place(program, folder / CONFIG_NAME, answers.data_folder or folder / "var")
    made = build_deployment_files(place, answers.public_url, answers.port)
    for name, text in made.items():
        _write_file(staging / name, text)
        (staging / name).chmod(_DEPLOYMENT_MODE)
    return tuple(folder / name for name in made)


def _write_file(path: Path, text: str) -> None:
    """Write a file that only its owner can read, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _put_in_place(folder: Path, staging: Path, data_folder: Path | None) -> None:
    """Move what is ready from the staging folder to its place, the config last."""
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    for path in sorted((staging / "secrets").iterdir()):
        path.chmod(0o600)
        path.replace(folder / "secrets" / path.name)
    data = data_folder or folder / "var"
    if not data.exists():
        data.mkdir(parents=True)
        data.chmod(_DATA_MODE)
    for name in DEPLOYMENT_NAMES:
        if (staging / name).exists():
            (staging / name).replace(folder / name)
    config, former = folder / CONFIG_NAME, folder / _FORMER_NAME
    if config.exists():
        former.unlink(missing_ok=True)
        former.hardlink_to(config)
    (staging / CONFIG_NAME).replace(config)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
