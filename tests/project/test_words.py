"""The words of ``words.toml`` stay out of pages, emails, help, logs, documents and docstrings."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from scheduler.cli import watchword
from tests.support.paths import REPOSITORY

WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text())["word"]

#: Documents that record history in the words of their time.
OLD_DOCUMENTS = {"CHANGELOG.md"}

#: Calls whose text somebody reads: log records, errors, lines of the command.
_SPEAKING = re.compile(r"^(debug|info|warning|error|exception|log|echo|print_result|\w*Error)$")


def documents() -> Iterator[tuple[str, str]]:
    """The README and the documents."""
    for path in (REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")):
        name = str(path.relative_to(REPOSITORY))
        if name not in OLD_DOCUMENTS and name != "docs/reference/glossary.md":
            yield name, path.read_text()


def templates() -> Iterator[tuple[str, str]]:
    """The words of the templates; the replica's imitate the source's."""
    for path in sorted((REPOSITORY / "templates").rglob("*")):
        if path.suffix in {".html", ".txt", ".xml"} and "replica" not in path.parts:
            text = re.sub(r"\{#.*?#\}|\{%.*?%\}", " ", path.read_text(), flags=re.DOTALL)
            # Of an expression only its strings are words that somebody reads.
            text = re.sub(
                r"\{\{(.*?)\}\}",
                lambda found: " ".join(re.findall(r'"([^"]*)"', found[1])),
                text,
                flags=re.DOTALL,
            )
            yield str(path.relative_to(REPOSITORY)), text


def help_texts() -> Iterator[tuple[str, str]]:
    """The help of every command."""
    context = click.Context(watchword, info_name="watchword")
    yield "watchword --help", watchword.get_help(context)
    for name in watchword.list_commands(context):
        command = watchword.get_command(context, name)
        assert command is not None
        yield f"watchword {name} --help", command.get_help(click.Context(command, info_name=name))


def spoken(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings that a module logs, raises or prints."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if _SPEAKING.match(name):
                for one in ast.walk(node):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield one.lineno, one.value


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The docstrings of a module."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text


def code() -> Iterator[tuple[str, str]]:
    """What the code says, and how it describes itself."""
    for root in ("alerts", "crawler", "scheduler"):
        for path in sorted((REPOSITORY / root).rglob("*.py")):
            if "versions" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            for line, text in (*spoken(tree), *docstrings(tree)):
                yield f"{path.relative_to(REPOSITORY)}:{line}", text


@cache
def list_texts() -> list[tuple[str, str]]:
    """Where a text stands, and the text with single spaces between its words."""
    texts = (*documents(), *templates(), *help_texts(), *code())
    return [(name, " ".join(text.split())) for name, text in texts]


@pytest.mark.slow
@pytest.mark.parametrize("word", WORDS, ids=lambda word: word["pattern"][:30])
def test_a_word_does_not_come_back(word: dict[str, str]) -> None:
    pattern = re.compile(rf"\b(?:{word['pattern']})\b", re.IGNORECASE)
    found = [
        f"{name}: {match[0]!r}" for name, text in list_texts() for match in pattern.finditer(text)
    ]
    assert found == [], f"write {word['instead']} instead, because {word['reason']}"


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word["pattern"][:30])
def test_each_word_is_found_where_it_stands(word: dict[str, str]) -> None:
    """Each pattern can match: one that cannot would guard nothing."""
    samples = re.sub(r"\(\w+\)\?|\?|\\", "", word["pattern"]).split("|")
    pattern = re.compile(rf"\b(?:{word['pattern']})\b", re.IGNORECASE)
    assert any(pattern.search(re.sub(r"[()]", "", sample)) for sample in samples)
