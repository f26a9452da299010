"""What no type can say: keys that need one another, and what other parts must understand.

A query, a database's URL or an address is checked by the part that uses it, so that `watchword
config` refuses what `watchword run` would.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alerts.delivery import ChannelTable
from alerts.ledger import LedgerError, name_ledger
from alerts.mail import SigningKey, UnusableKey, read_key
from alerts.model import AddressError, Recipient
from alerts.queries import QueryError, parse_query
from alerts.secret import hide_user
from crawler.spiders import list_source_names
from scheduler.config.errors import ConfigError
from scheduler.config.explanation import suggest
from scheduler.config.sections import Config

#: Keys whose text may have several lines; it never becomes part of a header or of a path.
_KEYS_WITH_LINES = ("query", "note", "attribution")


def check_characters(values: Any, key: str = "") -> None:
    """Check that no text in a table has control characters, which break headers and paths.

    Args:
        values: A table, a list or a value, as TOML gave it.
        key: Its dotted name; empty for the whole file.

    Raises:
        ConfigError: The message names the key and the character.
    """
    match values:
        case dict():
            for name, value in values.items():
                check_characters(name, f"{key}.{name!r}".strip("."))
                check_characters(value, f"{key}.{name}".strip("."))
        case list():
            for number, value in enumerate(values):
                check_characters(value, f"{key}[{number}]")
        case str():
            allowed = "\t\r\n" if key.endswith(_KEYS_WITH_LINES) else ""
            for character in values:
                if unicodedata.category(character) == "Cc" and character not in allowed:
                    raise ConfigError(f"{key}: has the control character U+{ord(character):04X}")


def check_config(config: Config) -> None:
    """Check a config as a whole.

    Raises:
        ConfigError: The message names the key and says what to write.
    """
    if config.web.sign_up and config.site.public_url is None:
        raise ConfigError("web.sign_up: needs site.public_url, for the links in its emails")
    if config.feeds.hub is not None and config.site.public_url is None:
        raise ConfigError("feeds.hub: needs site.public_url, for the addresses of the feeds")
    _check_sources(config)
    _check_places(config)
    _check_queries(config)
    for key, address in _list_email_addresses(config):
        _check_address(key, address, ChannelTable())
    for key, address in _list_recipients(config):
        _check_address(key, address, config.channel_table)
    load_signing_keys(config)


def _check_sources(config: Config) -> None:
    """Check that each source that is crawled has a spider."""
    known = list_source_names()
    for name, source in config.sources.items():
        if source.enabled and name not in known:
            raise ConfigError(
                f"sources.{name}: there is no spider of this name{suggest(name, list(known))}; "
                f"there are: {', '.join(known)}"
            )


def _check_places(config: Config) -> None:
    """Check the addresses of sites and of the database, and the folder of templates."""
    for key, url in _list_urls(config):
        _check_site(key, url)
    try:
        name_ledger(config.ledger.url.reveal())
    except LedgerError as error:
        raise ConfigError(str(error)) from error
    for number, proxy in enumerate(config.web.trusted_proxies):
        try:
            ip_network(proxy)
        except ValueError as error:
            raise ConfigError(
                f"web.trusted_proxies[{number}]: expected an IP address or a network, got {proxy!r}"
            ) from error
    if config.templates is not None and not config.templates.is_dir():
        raise ConfigError(f"templates: there is no folder {config.templates}")


def _list_urls(config: Config) -> Iterator[tuple[str, str]]:
    """Give the keys that hold the address of a site."""
    for name, source in config.sources.items():
        for key, url in (("url", source.url), ("home", source.home)):
            if url is not None:
                yield f"sources.{name}.{key}", url
    for key, url in (("site.public_url", config.site.public_url), ("feeds.hub", config.feeds.hub)):
        if url is not None:
            yield key, url


def _check_site(key: str, url: str) -> None:
    """Check what the section's pattern does not: the host and the port."""
    if hide_user(url) != url:
        raise ConfigError(
            f"{key}: has a user or password before its host, but this address is public: "
            "leave out what stands before the @"
        )
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number up to 65535
        (parts.hostname or "").encode("idna")
    except ValueError as error:  # a UnicodeError as well
        raise ConfigError(f"{key}: {url!r} is not an address: {error}") from error
    if not parts.hostname:
        raise ConfigError(f"{key}: {url!r} names no host")


def _check_queries(config: Config) -> None:
    """Check that each query can be understood."""
    queries = [
        *((f"topics[{number}]", topic.query) for number, topic in enumerate(config.topics)),
        *((f"subscriptions[{number}]", s.query) for number, s in enumerate(config.subscriptions)),
    ]
    for key, query in queries:
        try:
            parse_query(query)
        except QueryError as error:
            raise ConfigError(f"{key}.query: {error}") from error


def _list_email_addresses(config: Config) -> Iterator[tuple[str, str]]:
    """Give the keys that hold an email address, and nothing else."""
    for key, address in (
        ("mail.from_address", config.mail.from_address),
        ("mail.unsubscribe_address", config.mail.unsubscribe_address),
        ("mail.bounce_address", config.mail.bounce_address),
        ("operator.email", config.operator.email),
    ):
        if address is not None:
            yield key, address


def _list_recipients(config: Config) -> Iterator[tuple[str, str]]:
    """Give the keys that hold an address that some channel carries."""
    for number, subscription in enumerate(config.subscriptions):
        yield f"subscriptions[{number}].email", subscription.email.reveal()
    for number, address in enumerate(config.operator.notify):
        yield f"operator.notify[{number}]", address.reveal()


def _check_address(key: str, address: str, channels: ChannelTable) -> None:
    try:
        channels.check(Recipient.parse(address))
    except AddressError as error:
        raise ConfigError(f"{key}: {error}") from error


def load_signing_keys(config: Config) -> tuple[SigningKey, ...]:
    """Return the keys that messages are signed with.

    Raises:
        ConfigError: A key cannot be read or used.
    """
    domain = config.mail_identity.domain
    return tuple(
        _load_signing_key(f"mail.dkim[{number}].key", entry.key, entry.selector, domain)
        for number, entry in enumerate(config.mail.dkim)
    )


def _load_signing_key(key: str, path: Path, selector: str, domain: str) -> SigningKey:
    try:
        return read_key(path, selector, domain)
    except UnusableKey as error:
        raise ConfigError(f"{key}: {error}") from error
