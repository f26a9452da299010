"""The config: what its sections hold, and how the file is loaded.

Owns the keys, their defaults and limits, where secrets come from, and the messages about what is
wrong. It must not know the ledger or the jobs: it only says what the operator wants.
"""

from scheduler.config.checks import load_signing_keys
from scheduler.config.errors import ConfigError
from scheduler.config.example import complete_example
from scheduler.config.loader import DEFAULT_PATH, load_config, parse_config
from scheduler.config.reference import build_reference
from scheduler.config.sections import ArchiveSection, Config, SourceSection

__all__ = [
    "DEFAULT_PATH",
    "ArchiveSection",
    "Config",
    "ConfigError",
    "SourceSection",
    "build_reference",
    "complete_example",
    "load_config",
    "load_signing_keys",
    "parse_config",
]
