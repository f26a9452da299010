"""The documents name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.channels import names
from scheduler.cli import watchword
from scheduler.cli.exits import BAD_DATA, BUSY, CONFIG, OK, PARTLY, UNAVAILABLE, USAGE

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("command", sorted(watchword.commands))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`watchword {command}" in README


@pytest.mark.parametrize("status", [OK, PARTLY, USAGE, BAD_DATA, UNAVAILABLE, BUSY, CONFIG])
def test_every_exit_status_is_in_the_readme(status: int) -> None:
    assert f"| {status} |" in README


@pytest.mark.parametrize("channel", names())
def test_every_channel_is_in_the_example_config(channel: str) -> None:
    assert f"[channels.{channel}]" in (REPOSITORY / "config.example.toml").read_text()


@pytest.mark.parametrize(
    "page",
    ["README.md", *(str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "docs").rglob("*.md"))],
)
def test_every_link_leads_somewhere(page: str) -> None:
    path = REPOSITORY / page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{page} links to {target}"


def test_every_room_in_the_readme_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)/` \| (.*) \|$", README, re.MULTILINE)
    assert [room for room, _ in rows] == ["crawler", "alerts", "scheduler", "templates"]
    for room, holds in rows:
        for name in re.findall(r"`(\w+(?:\.py|/))`", holds):
            assert (REPOSITORY / room / name).exists(), f"{room}/{name}"
