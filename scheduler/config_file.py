"""Reading the config: one TOML file, refused with one clear line when anything in it is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from alerts import channels
from alerts.subscriptions import email_address
from scheduler.config import (
    Config,
    DigestsSection,
    FeedsSection,
    LedgerSection,
    MailSection,
    Section,
    SiteSection,
    SourceSection,
    SubscriptionSection,
    TopicSection,
    WebSection,
)

DEFAULT_PATH = Path("config.toml")


class ConfigError(Exception):
    """The config cannot be used; the message names the file, the key, and what it should be."""


def load(path: Path | None) -> Config:
    """The config in ``path``; without a path the one in this folder, and the defaults without one.

    Raises :class:`ConfigError`.
    """
    if path is None and not DEFAULT_PATH.exists():
        return _placed(Config(), Path())
    path = path or DEFAULT_PATH
    try:
        return parse(path.read_text(encoding="utf-8"), path.parent, str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text ({error.reason})") from error


def parse(text: str, folder: Path, name: str) -> Config:
    """The config in ``text``; ``folder`` is what its paths are relative to."""
    try:
        table = tomllib.loads(text)
        if "folder" in table:
            raise ConfigError(f"{name}: unknown key folder")
        config = msgspec.convert(table, Config, dec_hook=_path)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {_explain(str(error))}") from error
    config = _placed(config, folder)
    _check(config, name)
    return config


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no way to read a {kind.__name__}")


# ------------------------------------------------------------------------------ what is wrong

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$?\.?(?P<where>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_TYPES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _explain(message: str) -> str:
    """msgspec's message in the words of the file: the dotted key first, then what it should be."""
    match = _AT.match(message)
    assert match is not None
    what, where = match["what"], (match["where"] or "").replace("[...]", "")
    if unknown := _UNKNOWN.search(what):
        key = f"{where}.{unknown[1]}" if where else unknown[1]
        near = difflib.get_close_matches(unknown[1], _known(where), n=1)
        return f"unknown key {key}" + (f" (did you mean {near[0]}?)" if near else "")
    for name, plain in _TYPES.items():
        what = what.replace(f"`{name}`", plain)
    return f"{where or 'the file'}: {what[0].lower()}{what[1:].replace('`', '')}"


def _known(where: str) -> list[str]:
    """The keys that the section ``where`` may hold."""
    sections: dict[str, type[Section]] = {
        "": Config,
        "ledger": LedgerSection,
        "site": SiteSection,
        "digests": DigestsSection,
        "feeds": FeedsSection,
        "mail": MailSection,
        "web": WebSection,
        "sources": SourceSection,
        "subscriptions": SubscriptionSection,
        "topics": TopicSection,
    }
    section = sections.get(re.split(r"[.\[]", where)[0], Config)
    return [f for f in section.__struct_fields__ if f != "folder"]


def _check(config: Config, name: str) -> None:
    """What types alone do not say."""
    try:
        ZoneInfo(config.digests.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"{name}: digests.zone: there is no time zone {config.digests.zone!r}; "
            "write one like Europe/London"
        ) from error
    if not 0 <= config.digests.hour <= 23:
        raise ConfigError(f"{name}: digests.hour: expected 0 to 23, got {config.digests.hour}")
    for place, address in [("mail.from_address", config.mail.from_address)] + [
        ("subscriptions.email", s.email) for s in config.subscriptions
    ]:
        try:
            email_address(address)
        except ValueError as error:
            raise ConfigError(f"{name}: {place}: {error}") from error
    for key, source in config.sources.items():
        if not re.fullmatch(r"https?://[^/\s]+", source.url.rstrip("/")):
            raise ConfigError(
                f"{name}: sources.{key}.url: expected scheme and host alone, "
                f"like https://www.london.gov.uk, got {source.url!r}"
            )
    try:
        channel(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error


def channel(config: Config) -> channels.Channel:
    """The way out that the config names, with its settings. Raises :class:`ConfigError`."""
    name = config.mail.channel
    try:
        settings = channels.settings(name)
    except KeyError as error:
        known = ", ".join(channels.names())
        raise ConfigError(
            f"mail.channel: there is no channel {name!r}; there are: {known}"
        ) from error
    values: dict[str, Any] = dict(config.channels.get(name, {}))
    if "envelope_from" in settings.__struct_fields__:
        values.setdefault("envelope_from", config.mail.from_address)
    try:
        found = msgspec.convert(values, settings, dec_hook=_path)
    except msgspec.ValidationError as error:
        text = str(error)
        where = f" - at `$.channels.{name}"
        placed = text.replace(" - at `$", where) if " - at `$" in text else f"{text}{where}`"
        raise ConfigError(_explain(placed)) from error
    if isinstance(getattr(found, "path", None), Path):
        found = msgspec.structs.replace(found, path=config.folder / found.path)
    ready: channels.Channel = found
    return ready


def _placed(config: Config, folder: Path) -> Config:
    """``config`` with its paths taken from ``folder``."""
    url = config.ledger.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
    return msgspec.structs.replace(
        config,
        ledger=LedgerSection(url),
        feeds=FeedsSection(folder / config.feeds.path),
        templates=folder / config.templates if config.templates else None,
        folder=folder,
    )
