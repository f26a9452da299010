"""The page about the config is what the code says."""

from __future__ import annotations

import pytest

from alerts.delivery import list_channel_names, load_channel
from scheduler.config import build_reference
from scheduler.config.introspection import find_struct, get_section_info
from tests.support.config_keys import ConfigKey, list_config_keys
from tools.config_docs import PAGE


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == build_reference(), "run: make docs"


@pytest.mark.parametrize("key", list_config_keys(), ids=lambda key: key.name)
def test_every_key_is_described(key: ConfigKey) -> None:
    rows = [
        line for line in build_reference().splitlines() if line.startswith(f"| `{key.field.name}`")
    ]
    assert rows
    assert all(not row.endswith("|  |") for row in rows)


def test_channels_have_no_sections_of_their_own() -> None:
    """The page shows one table for each channel."""
    for name in list_channel_names():
        fields = get_section_info(load_channel(name)).fields
        assert not any(find_struct(field.type) for field in fields)
