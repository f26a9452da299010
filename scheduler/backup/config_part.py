"""The config in a backup, with the secrets and templates that it names."""

from __future__ import annotations

import shutil
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from alerts.secret import Secret
from scheduler.backup.manifest import BackupPart, Role, hash_file
from scheduler.config import Config

CONFIG_FILE, TEMPLATES_FILE = "config.toml", "templates.tar"
#: What stands in a config in place of a secret that was left out.
REMOVED = "REMOVED"
#: Before the name of a credential of systemd, as the origin of a secret.
CREDENTIAL = "credential "
_CREDENTIALS = "$CREDENTIALS_DIRECTORY/"


class ConfigParts(msgspec.Struct, frozen=True):
    """What was copied of a config, and what was not."""

    parts: list[BackupPart]
    left_out: list[str]  #: secrets that are not in the backup, by where they come from


def copy_config_parts(
    config: Config, file: Path | None, folder: Path, *, with_secrets: bool
) -> ConfigParts:
    """Copy a config and what it names into a folder.

    Args:
        config: The config that is in force.
        file: The file it was read from; None for built-in defaults.
        folder: On this machine.
        with_secrets: Whether to copy passwords and keys, also those in the config's file.

    Raises:
        OSError: A file cannot be read or written.
    """
    parts, left_out = [], []
    base = file.parent.absolute() if file else Path.cwd()
    if file is not None:
        text = file.read_text(encoding="utf-8-sig")
        cleaned = text if with_secrets else remove_secrets(text, config)
        if cleaned is None:
            left_out.append(f"{file}: its secrets could not be taken out of it")
        else:
            target = folder / CONFIG_FILE
            target.write_text(cleaned, encoding="utf-8")
            parts.append(BackupPart(CONFIG_FILE, "config", hash_file(target), file.name))
    secrets = dict(_list_secret_files(config, file, base))
    for number, (origin, path) in enumerate(secrets.items(), start=1):
        if with_secrets and path.is_file():
            parts.append(_copy(path, folder / f"secret-{number}", "secret", origin))
        else:
            left_out.append(origin)
    left_out += _list_variables(config)
    if config.templates is not None and config.templates.is_dir():
        parts.append(_pack_templates(config.templates, folder / TEMPLATES_FILE, base))
    return ConfigParts(parts, left_out)


def remove_secrets(text: str, config: Config) -> str | None:
    """Return a config without the secrets in it; None where one of them would be left."""
    hidden = [secret for secret in config.secrets if secret.list_hidden_parts()]
    for secret in hidden:
        shown = str(secret) if "://" in secret.reveal() else REMOVED
        for quote in ('"', "'"):
            text = text.replace(f"{quote}{secret.reveal()}{quote}", f'"{shown}"')
    values = list(_list_texts(tomllib.loads(text)))
    secrets = {secret.reveal() for secret in hidden}
    return None if secrets.intersection(values) else text


def _list_texts(values: Any) -> Iterator[str]:
    match values:
        case str():
            yield values
        case dict():
            for value in values.values():
                yield from _list_texts(value)
        case list():
            for value in values:
                yield from _list_texts(value)


def _list_secret_files(config: Config, file: Path | None, base: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that hold a secret and nothing else, each with its origin."""
    for secret in config.secrets:
        if secret.file is None or secret.file == file:
            continue
        if secret.source.startswith(_CREDENTIALS):
            yield f"{CREDENTIAL}{secret.source.removeprefix(_CREDENTIALS)}", secret.file
        else:
            yield _name_origin(secret.file, base), secret.file
    for key in config.mail.dkim:
        yield _name_origin(key.key, base), key.key


def _name_origin(path: Path, base: Path) -> str:
    """Return a path as it is to be found again: from the config's folder, if it is below it."""
    whole = path.absolute()
    return str(whole.relative_to(base) if whole.is_relative_to(base) else whole)


def _list_variables(config: Config) -> list[str]:
    """Return the variables of the environment that secrets came from."""

    def is_variable(secret: Secret) -> bool:
        return secret.file is None and secret.source.startswith("$")

    return list(dict.fromkeys(one.source for one in config.secrets if is_variable(one)))


def _copy(path: Path, target: Path, role: Role, origin: str) -> BackupPart:
    shutil.copyfile(path, target)
    return BackupPart(target.name, role, hash_file(target), origin)


def _pack_templates(templates: Path, target: Path, base: Path) -> BackupPart:
    with tarfile.open(target, "w", dereference=True) as archive:
        for path in _iter_files(templates):
            archive.add(path, arcname=path.relative_to(templates))
    origin = _name_origin(templates, base)
    return BackupPart(target.name, "templates", hash_file(target), origin)


def _iter_files(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield the files below a folder, also those behind links, and no link that leads in a circle.

    What is no file is no template either: a link to nothing, as an editor leaves while a file is
    open, or a pipe.
    """
    real = folder.resolve()
    if real in above:
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield from _iter_files(path, above | {real})
        elif path.is_file():
            yield path
