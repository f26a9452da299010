"""What documents repeat of the code is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.delivery import list_channel_names, load_channel
from scheduler.config import build_reference
from scheduler.config.introspection import find_struct, get_section_info
from tests.support.config_keys import ConfigKey, list_config_keys
from tools.docs import build_documents


@pytest.mark.parametrize(
    ("path", "text"), build_documents().items(), ids=lambda value: getattr(value, "name", "")
)
def test_every_document_is_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run: make docs"


@pytest.fixture(scope="module")
def reference() -> str:
    return build_reference()


@pytest.mark.parametrize("key", list_config_keys(), ids=lambda key: key.name)
def test_every_key_is_described(reference: str, key: ConfigKey) -> None:
    rows = [line for line in reference.splitlines() if line.startswith(f"| `{key.field.name}`")]
    assert rows
    assert all(not row.endswith("|  |") for row in rows)


def test_channels_have_no_sections_of_their_own() -> None:
    """The page shows one table for each channel."""
    for name in list_channel_names():
        fields = get_section_info(load_channel(name)).fields
        assert not any(find_struct(field.type) for field in fields)
