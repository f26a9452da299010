"""Where secrets come from: the file itself, a file that it names, the environment, systemd.

For a key ``password`` of the section ``[channels.smtp]``, the first of these is in force:

1. the environment variable ``WATCHWORD_CHANNELS_SMTP_PASSWORD``;
2. the file ``$CREDENTIALS_DIRECTORY/channels.smtp.password``
   (https://systemd.io/CREDENTIALS/);
3. ``password_file`` in the config, the path of a file that holds nothing else;
4. ``password`` in the config.

The second table of ``[[subscriptions]]`` counts as ``subscriptions.1``. A key that holds a list,
such as ``operator.notify``, takes one value from each line of the variable or file.

One newline at the end of a file is not part of the secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import inspect

from alerts.secret import Secret
from scheduler.config.errors import ConfigError
from scheduler.config.introspection import find_secret_type, find_struct, is_list
from scheduler.config.paths import resolve_path

#: Where systemd puts the credentials of a service.
_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class SecretSources:
    """The places that secrets are looked for in, besides the config file's own values."""

    folder: Path  #: of the config file: relative paths are taken from it
    environment: Mapping[str, str]
    file: Path | None = None  #: the config file; None for a config that stands in none

    def fill(self, values: Any, info: inspect.Type, place: str = "") -> Any:
        """Return a copy of a section's table in which all its secrets are found.

        Args:
            values: The table, as TOML gave it. Anything else is returned as it is.
            info: The section's type.
            place: The dotted name of the section: ``channels.smtp``; empty for the whole file.

        Raises:
            ConfigError: A secret is given twice in the config, or its file cannot be read.
        """
        struct = find_struct(info)
        if struct is None or not isinstance(values, dict):
            return values
        filled = dict(values)
        for field in struct.fields:
            name = f"{place}.{field.name}" if place else field.name
            if kind := find_secret_type(field.type):
                self._fill_secret(filled, field.name, name, kind, is_list=is_list(field.type))
            elif is_list(field.type) and isinstance(tables := filled.get(field.name), list):
                filled[field.name] = [
                    self.fill(table, field.type, f"{name}.{number}")
                    for number, table in enumerate(tables)
                ]
            elif isinstance(field.type, inspect.DictType) and isinstance(
                tables := filled.get(field.name), dict
            ):
                filled[field.name] = {
                    key: self.fill(table, field.type, f"{name}.{key}")
                    for key, table in tables.items()
                }
            elif isinstance(field.type, inspect.StructType):
                section = self.fill(filled.get(field.name, {}), field.type, name)
                if section or field.name in filled:
                    filled[field.name] = section
        return filled

    def _fill_secret(
        self, values: dict[str, Any], key: str, name: str, kind: type[Secret], *, is_list: bool
    ) -> None:
        if key in values and f"{key}_file" in values:
            raise ConfigError(f"{name}: give it or {name}_file, not both")
        path = values.pop(f"{key}_file", None)
        found = next(self._find(path, name), None)
        if found is not None and is_list:
            lines = filter(None, map(str.strip, found.reveal().splitlines()))
            values[key] = [kind(line, found.source, found.file) for line in lines]
        elif found is not None:
            values[key] = kind(found.reveal(), found.source, found.file)
        elif isinstance(value := values.get(key), str) and not is_list:
            values[key] = kind(value, name, self.file)
        elif is_list and isinstance(value, list):
            values[key] = [
                kind(item, name, self.file) if isinstance(item, str) else item for item in value
            ]

    def _find(self, path: Any, name: str) -> Iterator[Secret]:
        """Give the text in each place besides the config that has it, the one in force first."""
        variable = f"WATCHWORD_{name.upper().replace('.', '_').replace('-', '_')}"
        if variable in self.environment:
            yield Secret(self.environment[variable], f"${variable}")
        if credentials := self.environment.get(_CREDENTIALS_VARIABLE):
            credential = Path(credentials, name)
            if credential.exists():
                yield _read_secret(credential, f"${_CREDENTIALS_VARIABLE}/{name}")
        if path is not None:
            if not isinstance(path, str):
                raise ConfigError(f"{name}_file: expected text, the path of a file")
            yield _read_secret(resolve_path(path, self.folder, f"{name}_file"), f"{name}_file")


def _read_secret(path: Path, source: str) -> Secret:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{source}: {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: {path} is not UTF-8 text") from error
    if not text.strip():
        raise ConfigError(f"{source}: {path} is empty")
    return Secret(text.removesuffix("\n").removesuffix("\r"), source, path)
