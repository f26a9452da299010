"""The commands that documents name exist with their options, and their snippets of config work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scheduler.cli import watchword
from scheduler.config import load_config
from tests.support.paths import REPOSITORY

PAGES = sorted(
    [
        *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(REPOSITORY / "docs").rglob("*.md"),
    ]
)
#: A command within a sentence.
_INLINE = re.compile(r"`(?:\S+/bin/)?watchword ([^`]+)`")
#: A command on a line of its own, in a block of code or of a service manager.
_LINE = re.compile(
    r"^(?: {4,}|\$ |    \$ )(?:sudo (?:-u \w+ )?)?(?:\S+/bin/)?watchword (.+)$", re.MULTILINE
)
#: A block of config. One that cannot stand alone says why in a comment before it.
_TOML = re.compile(
    r"(?P<fragment><!-- fragment: .+? -->\n+)?^(?P<indent> *)```toml\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


def list_documented_commands() -> Iterator[tuple[str, str]]:
    """Yield where a command is named, and its words after ``watchword``."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in sorted({*_INLINE.findall(text), *_LINE.findall(text)}):
            yield str(page.relative_to(REPOSITORY)), " ".join(found.split())


def find_fault(command: str) -> str | None:
    """Return what is wrong with a command, as far as it can be known without running it."""
    words = split_words(command)
    group: click.Command = watchword
    context = click.Context(watchword)
    while words and isinstance(group, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        if name.isupper() or name == "…":
            return None  # stands for any command
        found = group.get_command(context, name)
        if found is None:
            return f"there is no command {name}"
        group = found
    return find_wrong_option(group, words)


def split_words(command: str) -> list[str]:
    """Return the words of a command up to what the shell does with it."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            break
        words.append(word)
    return words


def find_wrong_option(command: click.Command, words: list[str]) -> str | None:
    options = {
        name: option
        for option in command.get_params(click.Context(command))
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }
    for word, following in zip(words, [*words[1:], ""][: len(words)], strict=True):
        name, _, given = word.partition("=")
        if not re.match(r"--?[a-z]", name):
            continue
        if name not in options:
            return f"{command.name} has no option {name}"
        kind = options[name].type
        value = given or following
        if isinstance(kind, click.Choice) and not value.isupper() and value not in kind.choices:
            return f"{command.name} {name} does not take {value}"
    return None


def test_every_command_that_a_document_names_exists() -> None:
    commands = list(list_documented_commands())
    assert len(commands) > 100
    faults = [
        f"{page}: watchword {command}: {fault}"
        for page, command in commands
        if (fault := find_fault(command))
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("subscribe EMAIL QUERY --every daily", None),
        ("topics list | head", None),
        ("--log-json run", None),
        (
            "subscribe EMAIL QUERY --every fortnightly",
            "subscribe --every does not take fortnightly",
        ),
        ("status --verbose", "status has no option --verbose"),
        ("release", "there is no command release"),
        ("topics remove", "there is no command remove"),
    ],
)
def test_a_wrong_command_would_be_found(command: str, fault: str | None) -> None:
    assert find_fault(command) == fault


def test_every_snippet_of_config_is_accepted(tmp_path: Path) -> None:
    """Each is a whole config, or says why it is not. What it names is there."""
    accepted = 0
    secret = tmp_path / "secret"
    secret.write_text("a secret of this test\n")
    secret.chmod(0o600)
    (tmp_path / "templates").mkdir()
    for page in PAGES:
        for snippet in _TOML.finditer(page.read_text(encoding="utf-8")):
            text = snippet["text"].replace("\n" + snippet["indent"], "\n")
            text = re.sub(r'(?<=_file = )"[^"]+"', f'"{secret}"', text)
            (tmp_path / "config.toml").write_text(text.removeprefix(snippet["indent"]))
            if not snippet["fragment"]:
                load_config(tmp_path / "config.toml")
                accepted += 1
    assert accepted
