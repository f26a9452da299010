"""Loading the config: one TOML file; anything wrong in it is one clear line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from alerts.delivery import ChannelSettings, list_channel_names, load_channel
from alerts.errors import MissingExtra
from alerts.secret import Secret
from crawler.storage import Folder, RemoteFolder, parse_folder
from scheduler.config.checks import check_characters, check_config
from scheduler.config.errors import ConfigError
from scheduler.config.explanation import explain_error, suggest
from scheduler.config.introspection import get_section_info
from scheduler.config.paths import resolve_paths
from scheduler.config.secret_sources import SecretSources
from scheduler.config.sections import Config, SourceSection

SectionT = TypeVar("SectionT", bound=msgspec.Struct)

#: A word of a message that is longer than a path may be: it is a value that is quoted, cut here.
_LONG_WORD = re.compile(r"(\S{60})\S{300,}")
#: Characters of a config. The longest has some thousand subscriptions, of 100 characters each.
_MAX_LENGTH = 5_000_000

DEFAULT_PATH = Path("config.toml")


def load_config(path: Path | None) -> Config:
    """Load a config file.

    Args:
        path: The file. None for ``config.toml`` in the working folder, or, when there is none, the
            defaults.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong.
    """
    if path is None and not DEFAULT_PATH.exists():
        return parse_config("", Path(), str(DEFAULT_PATH))
    path = path or DEFAULT_PATH
    try:
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(_MAX_LENGTH + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text ({error.reason})") from error
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"{path}: has more than {_MAX_LENGTH} characters, which no config has")
    return parse_config(text, path.parent, str(path), file=path)


def parse_config(
    text: str,
    folder: Path,
    name: str,
    environment: Mapping[str, str] = os.environ,
    file: Path | None = None,
) -> Config:
    """Return the config that a text holds.

    Args:
        text: TOML.
        folder: What relative paths are taken from.
        name: What errors call the text: ``config.toml``.
        environment: Where secrets may come from: see :mod:`scheduler.config.secret_sources`.
        file: The file that the text was read from; None for another text.

    Raises:
        ConfigError: Something in the text is wrong.
    """
    try:
        table = tomllib.loads(text.removeprefix("\ufeff"))
    # A number with thousands of digits is a ValueError as well, and brackets a thousand deep are a
    # RecursionError.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: is not TOML: {error}") from error
    try:
        check_characters(table)
        config = _build_config(table, SecretSources(folder, environment, file))
        config = resolve_paths(config, folder)
        check_config(config)
    except ConfigError as error:
        line = _LONG_WORD.sub(r"\1...", str(error))
        raise ConfigError(f"{name}: {line}") from error.__cause__
    return config


def _build_config(table: dict[str, Any], secrets: SecretSources) -> Config:
    sources = table.get("sources")
    for source, values in sources.items() if isinstance(sources, dict) else ():
        _convert(values, SourceSection, f"sources.{source}")  # its message names the source
    channels = table.pop("channels", {})
    if not isinstance(channels, dict):
        raise ConfigError("channels: expected sections, like [channels.smtp]")
    config = _convert(secrets.fill(table, get_section_info(Config)), Config)
    return msgspec.structs.replace(config, channels=_build_channels(config, channels, secrets))


def _build_channels(
    config: Config, tables: dict[str, Any], secrets: SecretSources
) -> dict[str, ChannelSettings]:
    """Return the settings of every channel section, and of the channel that carries email."""
    _check_mail_channel(config.mail.channel)
    settings = {
        name: _build_channel(name, values, secrets)
        for name, values in {config.mail.channel: {}, **tables}.items()
    }
    _check_schemes(settings)
    return settings


def _check_mail_channel(name: str) -> None:
    if name not in list_channel_names() or "mailto" not in load_channel(name).schemes:
        known = ", ".join(list_channel_names("mailto"))
        raise ConfigError(f"mail.channel: there is no channel {name!r}; there are: {known}")


def _build_channel(name: str, values: Any, secrets: SecretSources) -> ChannelSettings:
    place, names = f"channels.{name}", list_channel_names()
    if name not in names:
        raise ConfigError(f"unknown section {place}{suggest(name, list(names))}")
    try:
        section = load_channel(name)
    except MissingExtra as error:
        raise ConfigError(str(error)) from error
    return _convert(secrets.fill(values, get_section_info(section), place), section, place)


def _check_schemes(settings: Mapping[str, ChannelSettings]) -> None:
    """Check that no two channels carry the same scheme; for email, ``mail.channel`` chooses."""
    owners: dict[str, str] = {}
    for name, channel in settings.items():
        for scheme in channel.schemes - {"mailto"}:
            if scheme in owners:
                raise ConfigError(
                    f"channels.{name}: {scheme}:// is carried by channels.{owners[scheme]} already"
                )
            owners[scheme] = name


def _convert(values: Any, section: type[SectionT], place: str = "") -> SectionT:
    try:
        return msgspec.convert(values, section, dec_hook=_decode_text)
    except msgspec.ValidationError as error:
        raise ConfigError(explain_error(error, section, values, place)) from error


def _decode_text(kind: type[Any], value: Any) -> Any:
    """Decode the values that TOML writes as text: paths, secrets, the database's URL."""
    if isinstance(value, kind):
        return value
    if isinstance(value, str) and (kind is Path or issubclass(kind, Secret)):
        return kind(value)
    if isinstance(value, str) and kind is Folder:
        return _open_folder(value)
    raise TypeError(f"Expected `str`, got `{type(value).__name__}`")


def _open_folder(text: str) -> Folder:
    """Return the folder that a path or URL names; raise `ValueError` if it cannot be used."""
    folder = parse_folder(text)
    if isinstance(folder, RemoteFolder):
        folder.check()
    return folder
