"""The config of a command, as its global options say."""

from __future__ import annotations

import logging

import click

from scheduler import logs, redaction
from scheduler.cli.options import get_options
from scheduler.config import Config, load_config

_LOG_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def get_config(context: click.Context) -> Config:
    """Set up logging, as JSON with ``--json`` too, and load and return the config.

    Raises:
        ConfigError: The config cannot be read or is wrong.
    """
    configure_logs(context)
    config = load_config(get_options(context).config_path)
    if config.log.format == "json":
        configure_logs(context, as_json=True)
    redaction.hide(config.secrets)
    if config.ping.is_used:
        logs.keep_recent_lines()
    return config


def configure_logs(context: click.Context, *, as_json: bool = False) -> None:
    """Set up logging, as the global options say, or as JSON whatever they say."""
    options = get_options(context)
    level = _LOG_LEVELS[min(options.verbosity, len(_LOG_LEVELS) - 1)]
    is_json = as_json or options.log_json or options.document.is_wanted
    logs.configure(level, as_json=is_json)
