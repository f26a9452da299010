"""What no section can say alone: keys that need one another, and addresses that channels carry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from alerts.delivery import ChannelTable
from alerts.mail import SigningKey, UnusableKey, read_key
from alerts.model import AddressError, Recipient
from crawler.spiders import list_source_names
from scheduler.config.errors import ConfigError
from scheduler.config.explanation import suggest
from scheduler.config.sections import Config


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
        yield f"subscriptions[{number}].email", subscription.email
    for number, address in enumerate(config.operator.notify):
        yield f"operator.notify[{number}]", address


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
