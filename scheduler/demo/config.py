"""The demo's config: a service on the replica, whose emails go to the demo's own mail server."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from scheduler.config import Config, parse_config
from scheduler.demo.source import SOURCE

#: Days before today whose meetings each crawl lists, while the script is played.
_SCRIPT_DAYS_BACK: Final = 90
#: The same for the questions that are invented afterwards. They are put on the day on which they
#: are asked, so that a crawl lists those of two days, however long the demo has been running.
_LIVE_DAYS_BACK: Final = 1
#: Regular crawls once a minute; each event at the source starts one of its own.
_LIVE_EVERY_MINUTES: Final = 1.0

#: Of the operator's pages. No secret: the demo shows it.
OPERATOR_PASSWORD: Final = "the demo's operator"  # noqa: S105

_CONFIG: Final = """
[ledger]
url = "sqlite:///ledger.sqlite3"
[site]
name = "Watchword (demo)"
introduction = "Invented members put questions to an invented mayor, one about every 25 seconds. \
Everything else is the real service: subscribe with any address, and read your emails in the \
demo’s inbox."
public_url = "{public_url}"
tag_authority = "watchword.example,2026"
[digests]
batch_minutes = 0
[feeds]
path = "feeds"
[archive]
max_gigabytes = 0.2
[mail]
channel = "smtp"
from_address = "watchword@demo.example"
[channels.smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
[sources.london]
url = "{source}"
name = "Replica of a public assembly"
description = "Members of an invented assembly question an invented mayor. The pages have the \
markup of a real site."
delay_seconds = 0.01
every_minutes = 0.05
days_back = {days_back}
[web]
sign_up = true
operator_password = "{operator_password}"
[operator]
email = "operator@demo.example"
[[topics]]
query = "e-scooters"
[[subscriptions]]
email = "vera@demo.example"
query = 'VRU OR "violence reduction unit"'
every = "immediate"
[[subscriptions]]
email = "dan@demo.example"
query = "VRU"
every = "daily"
[[subscriptions]]
email = "dan@demo.example"
query = "buses"
every = "daily"
"""


def build_demo_config(folder: Path, source_url: str, smtp_port: int, public_url: str) -> Config:
    """Return the config with which the script is played.

    Args:
        folder: Of the ledger, the feeds and all other files.
        source_url: The address of the replica.
        smtp_port: Of the mail server.
        public_url: The address of the pages.
    """
    text = _CONFIG.format(
        source=source_url,
        smtp_port=smtp_port,
        public_url=public_url,
        days_back=_SCRIPT_DAYS_BACK,
        operator_password=OPERATOR_PASSWORD,
    )
    return parse_config(text, folder, "the demo's config")


def build_live_config(config: Config) -> Config:
    """Return the config with which the demo goes on after its script."""
    source = msgspec.structs.replace(
        config.sources[SOURCE], days_back=_LIVE_DAYS_BACK, every_minutes=_LIVE_EVERY_MINUTES
    )
    return msgspec.structs.replace(config, sources={**config.sources, SOURCE: source})
