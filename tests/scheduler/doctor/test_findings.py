"""A test provokes each finding: the words of its detail or of its advice are in one of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

DOCTOR = REPOSITORY / "scheduler" / "doctor"
#: Words, and letters, that tell which finding a text in a test is about.
_GROUP, _MIN_LENGTH = 3, 8
#: Findings that no test provokes, with the reason.
UNPROVOKED = {
    "address._check_certificate 1": "what counts as overdue is tested by itself: test_certificates",
}


def list_texts(node: ast.AST) -> Iterator[str]:
    """The constant texts in a piece of code."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def list_findings() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each call that makes a finding, by its place, with the texts of its detail and advice."""
    for path in sorted(DOCTOR.rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and path.name != "report.py":
                yield from list_calls(path.stem, function)


def list_calls(module: str, function: ast.FunctionDef) -> Iterator[tuple[str, tuple[str, ...]]]:
    assigned: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).extend(list_texts(node.value))
    number = 0
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in {"failed", "warning"}:
            number += 1
            texts = [text for part in node.args[1:] for text in list_texts(part)]
            detail = [one.id for one in ast.walk(node.args[1]) if isinstance(one, ast.Name)]
            own = [*texts, *(text for name in detail for text in assigned.get(name, []))]
            advice = [one.id for one in ast.walk(node.args[2]) if isinstance(one, ast.Name)]
            given = [text for name in advice for text in assigned.get(name, [])]
            words = own if list_groups(own) else given
            yield f"{module}.{function.name} {number}", tuple(words)


def list_groups(texts: Iterable[str]) -> set[tuple[str, ...]]:
    """Each three words that follow each other in a text; a shorter text as it is."""
    found: set[tuple[str, ...]] = set()
    for words in map(str.split, texts):
        last = max(1, len(words) - _GROUP + 1)
        found |= {tuple(words[at : at + _GROUP]) for at in range(last)}
    return {group for group in found if len(" ".join(group)) >= _MIN_LENGTH}


def list_tested() -> str:
    """The texts in the tests of the doctor, one a line."""
    paths = [path for path in sorted(Path(__file__).parent.glob("*.py")) if path != Path(__file__)]
    texts = (text for path in paths for text in list_texts(ast.parse(path.read_text())))
    return "\n".join(" ".join(text.split()) for text in texts)


TESTED = list_tested()
FINDINGS = [(place, texts) for place, texts in list_findings() if texts]  # others pass words on


def test_there_are_findings() -> None:
    assert len(FINDINGS) > 40


@pytest.mark.parametrize(("place", "texts"), FINDINGS, ids=[place for place, _ in FINDINGS])
def test_a_test_provokes_it(place: str, texts: tuple[str, ...]) -> None:
    if place in UNPROVOKED:
        return
    is_named = any(" ".join(group) in TESTED for group in list_groups(texts))
    assert is_named, f"no test of tests/scheduler/doctor has words of this finding: {texts}"
