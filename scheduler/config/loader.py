"""Reading the config: one TOML file, refused with one clear line when anything in it is wrong."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from alerts.delivery import channels
from alerts.errors import ExitStatus, WatchwordError
from alerts.mail.dkim import SigningKey, UnusableKey, read_key
from alerts.model import AddressError
from alerts.subscribers import parse_reachable_recipient
from scheduler.config.sections import (
    Config,
    ConfigSection,
    FeedsSection,
    LedgerSection,
    SourceSection,
)

T = TypeVar("T")

#: What cannot be guessed in the sixty tries an hour that there are.
_MIN_PASSWORD_LENGTH = 16

DEFAULT_PATH = Path("config.toml")


class ConfigError(WatchwordError):
    """The config cannot be used; the message names the file, the key, and what it should be."""

    exit_status = ExitStatus.CONFIG


def load_config(path: Path | None) -> Config:
    """The config in ``path``; without a path the one in this folder, and the defaults without one.

    Raises :class:`ConfigError`.
    """
    if path is None and not DEFAULT_PATH.exists():
        return _resolve_paths(Config(), Path())
    path = path or DEFAULT_PATH
    try:
        return parse_config(path.read_text(encoding="utf-8"), path.parent, str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text ({error.reason})") from error


def parse_config(text: str, folder: Path, name: str) -> Config:
    """The config in ``text``; ``folder`` is what its paths are relative to."""
    try:
        table = tomllib.loads(text)
        if "folder" in table:
            raise ConfigError(f"{name}: unknown key folder")
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: is not TOML: {error}") from error
    try:
        sources = table.get("sources")
        for source, values in sources.items() if isinstance(sources, dict) else ():
            _convert(values, SourceSection, f"sources.{source}")  # names the source in its message
        config = _resolve_paths(_convert(table, Config, ""), folder)
        _check_values(config)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error.__cause__
    return config


def _decode_path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no way to read a {kind.__name__}")


# ------------------------------------------------------------------------------ what is wrong

_MESSAGE_PATTERN = re.compile(r"^(?P<what>.*?)(?: - at `\$?\.?(?P<where>[^`]*)`)?$", re.DOTALL)
_UNKNOWN_FIELD_PATTERN = re.compile(r"unknown field `([^`]+)`")
_TYPE_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}


def _convert(values: Any, section: type[T], place: str) -> T:
    """``values`` as a section; raises :class:`ConfigError` in the words of the file: the dotted
    key first, then what it should be.
    """
    try:
        return msgspec.convert(values, section, dec_hook=_decode_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain_error(str(error), section, place)) from error


def _explain_error(message: str, section: type[Any], place: str) -> str:
    match = _MESSAGE_PATTERN.match(message)
    assert match is not None
    what, inside = match["what"], match["where"] or ""
    where = ".".join(part for part in (place, inside) if part)
    if unknown := _UNKNOWN_FIELD_PATTERN.search(what):
        key = f"{where}.{unknown[1]}" if where else unknown[1]
        near = difflib.get_close_matches(
            unknown[1], _list_known_keys(section, inside), n=1, cutoff=0.5
        )
        return f"unknown key {key}" + (f" (did you mean {near[0]}?)" if near else "")
    for name, plain in _TYPE_NAMES.items():
        what = what.replace(f"`{name}`", plain)
    return f"{where or 'the file'}: {what[0].lower()}{what[1:].replace('`', '')}"


def _list_known_keys(section: type[Any], inside: str) -> list[str]:
    """The keys that the section ``inside`` of a section may hold."""
    for name in (part for part in re.split(r"[.\[]", inside) if part.isidentifier()):
        kind = get_type_hints(section).get(name)
        kinds = [k for k in (kind, *get_args(kind)) if isinstance(k, type)]
        section = next((k for k in kinds if issubclass(k, ConfigSection)), ConfigSection)
    return [field for field in section.__struct_fields__ if field != "folder"]


def _check_values(config: Config) -> None:
    """What types alone do not say."""
    try:
        ZoneInfo(config.digests.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"digests.zone: there is no time zone {config.digests.zone!r}; "
            "write one like Europe/London"
        ) from error
    if not 0 <= config.digests.hour <= 23:
        raise ConfigError(f"digests.hour: expected 0 to 23, got {config.digests.hour}")
    if not 0 <= config.digests.batch_minutes <= 60:
        minutes = config.digests.batch_minutes
        raise ConfigError(f"digests.batch_minutes: expected 0 to 60, got {minutes:g}")
    _check_addresses(config)
    _check_web(config)
    for name in ("per_second", "per_day"):
        number = getattr(config.mail, name)
        if number is not None and number <= 0:
            raise ConfigError(f"mail.{name}: expected more than 0, got {number:g}")
    for key, source in config.sources.items():
        for name, url in (("url", source.url), ("home", source.home)):
            if url and not re.fullmatch(r"https?://[^/\s]+", url.rstrip("/")):
                raise ConfigError(
                    f"sources.{key}.{name}: expected scheme and host alone, "
                    f"like https://www.london.gov.uk, got {url!r}"
                )
    load_signing_keys(config)


def _check_web(config: Config) -> None:
    web, hub, public = config.web, config.feeds.hub, config.site.public_url
    if public is not None and not re.fullmatch(r"https?://[^/\s?#]+", public):
        raise ConfigError(
            "site.public_url: expected scheme and host alone, without a slash at the end, "
            f"like https://watchword.example.org, got {public!r}"
        )
    if web.sign_up and config.site.public_url is None:
        raise ConfigError("web.sign_up: needs site.public_url, for the links to confirm with")
    if web.max_topics < 1:
        raise ConfigError(f"web.max_topics: expected at least 1, got {web.max_topics}")
    if web.operator_password is not None and len(web.operator_password) < _MIN_PASSWORD_LENGTH:
        raise ConfigError(
            f"web.operator_password: expected at least {_MIN_PASSWORD_LENGTH} characters, "
            "like those of `openssl rand -base64 32`"
        )
    if hub is not None and (not re.fullmatch(r"https?://\S+", hub) or not config.site.public_url):
        raise ConfigError("feeds.hub: expected the address of a hub, beside a site.public_url")


def _check_addresses(config: Config) -> None:
    mail, reached = config.mail, frozenset(build_channels(config))
    for name, address in (
        ("mail.from_address", mail.from_address),
        ("mail.bounce_address", mail.bounce_address),
        ("operator.email", config.operator.email),
    ):
        if address is not None:
            _check_address(name, address)
    for number, entry in enumerate(config.subscriptions):
        _check_address(f"subscriptions[{number}].email", entry.email, reached)
    for number, address in enumerate(config.operator.notify):
        _check_address(f"operator.notify[{number}]", address, reached)


def _check_address(place: str, address: str, reached: frozenset[str] = frozenset({"mail"})) -> None:
    try:
        parse_reachable_recipient(address, reached)
    except AddressError as error:
        raise ConfigError(f"{place}: {error}") from error


def build_mail_channel(config: Config) -> channels.Channel:
    """The way out of emails that the config names. Raises :class:`ConfigError`."""
    name = config.mail.channel
    if name not in channels.list_names():
        known = ", ".join(channels.list_names())
        raise ConfigError(f"mail.channel: there is no channel {name!r}; there are: {known}")
    return _build_channel(config, name)


def build_channels(config: Config) -> dict[str, channels.Channel]:
    """The channels of each way out: emails', and those that have a section in the config."""
    others = [
        name
        for name in config.channels
        if name in set(channels.list_names("webhook")) | set(channels.list_names("apprise"))
    ]
    return {"mail": build_mail_channel(config)} | {
        channels.load_settings_class(name).kind: _build_channel(config, name) for name in others
    }


def _build_channel(config: Config, name: str) -> channels.Channel:
    settings = channels.load_settings_class(name)
    values: dict[str, Any] = dict(config.channels.get(name, {}))
    if "envelope_from" in settings.__struct_fields__:
        values.setdefault("envelope_from", config.mail.from_address)
    found = _convert(values, settings, f"channels.{name}")
    for key in ("path", "log"):
        if isinstance(getattr(found, key, None), Path):
            found = msgspec.structs.replace(found, **{key: config.folder / getattr(found, key)})
    ready: channels.Channel = found
    return ready


def load_signing_keys(config: Config) -> tuple[SigningKey, ...]:
    """The keys that messages are signed with. Raises :class:`ConfigError`."""
    domain = config.mail_identity.domain
    found = []
    for number, entry in enumerate(config.mail.dkim):
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", entry.selector):
            raise ConfigError(
                f"mail.dkim[{number}].selector: expected letters and digits, like watch2026, "
                f"got {entry.selector!r}"
            )
        try:
            found.append(read_key(config.folder / entry.key, entry.selector, domain))
        except UnusableKey as error:
            raise ConfigError(f"mail.dkim[{number}].key: {error}") from error
    return tuple(found)


def _resolve_paths(config: Config, folder: Path) -> Config:
    """``config`` with its paths taken from ``folder``."""
    url = config.ledger.url
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        url = f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
    return msgspec.structs.replace(
        config,
        ledger=LedgerSection(url, folder / config.ledger.compiled, folder / config.ledger.sent_log),
        feeds=FeedsSection(folder / config.feeds.path),
        archive=msgspec.structs.replace(config.archive, path=folder / config.archive.path),
        templates=folder / config.templates if config.templates else None,
        folder=folder,
    )
