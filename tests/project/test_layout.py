"""The rules of the layout that import-linter has no contract for.

``docs/explanation/architecture.md`` explains them: packages have a public face, names are unique,
and files stay small enough to be read at once.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

ROOTS = ("alerts", "crawler", "scheduler")

#: A file longer than this is hard to take in; the median is under 150 lines.
MAX_FILE_LINES = 500

#: Modules of a package, its face and sub-packages left out.
MAX_MODULES = 14

#: Packages that may hold more modules, each with the reason.
LARGE_PACKAGES = {
    "alerts.ledger": "one module of functions for each noun that is stored",
    "alerts.web": "one module for each group of pages",
    "alerts.web.pages": "one module for each group of pages",
    "scheduler.cli.commands": "one module for each group of commands",
}

#: Names that a package offers to the others.
MAX_FACE_NAMES = 10

#: Packages whose face may be wider, each with the reason.
WIDE_FACES = {
    "alerts.charts": "figures in pages, files and pictures for other sites are drawn alike",
    "alerts.delivery": "callers tell a channel that refuses us from one that cannot be reached",
    "alerts.feeds": "files on disk, feeds on request and exports are served from the same parts",
    "alerts.language": "words, and each form in which a day, a moment or a number is written",
    "alerts.mail": "every kind of message is drafted, written and recognised here",
    "alerts.operator": "each kind of alarm about the service is raised by a function of its own",
    "alerts.questions": "ledger, recording, digests and pages each ask something else of records",
    "alerts.queries": "the language is parsed, transformed and explained by four packages",
    "alerts.recording": "crawls, replays of the archive and takedowns each change what is recorded",
    "alerts.rendering": "whatever is rendered links to our pages and names things alike",
    "alerts.search": "search, preview, explanation and suggestions belong to one page",
    "alerts.subscribers": "each thing that a subscriber can do is a function",
    "alerts.text": "query, matcher, index and digest must agree on what a word is",
    "alerts.web.pages": "each group of pages is a class with its routes",
}

#: Modules that may be imported although they lie below a face, each with the reason.
OPEN_PACKAGES = {
    "alerts.ledger": "its noun modules are its face: `from alerts.ledger import subscriptions`",
    "crawler.reading": "page objects import its readers by subject: dates, labels, visible text",
    "crawler.pages": "a spider shares the addresses of its source with its page object",
}
#: ... but for these, which belong to the ledger alone.
PRIVATE_MODULES = {
    "alerts.ledger.engine",
    "alerts.ledger.inserts",
    "alerts.ledger.schema",
    "alerts.ledger.upgrade",
}

#: Words of the field that end in -ing. No other module name may.
ING_WORDS = {
    "fetching",
    "hashing",
    "listing",
    "matching",
    "outgoing",
    "reading",
    "recording",
    "rendering",
}

#: Imports inside functions, each with the reason.
LATE_IMPORTS = {
    "scheduler.cli.commands.cluster": "the help needs no extra, and the engine starts a process",
    "alerts.ledger.engine": "Alembic takes 0.1 s to load, and only a change of the schema needs it",
}


@lru_cache(maxsize=1)
def modules() -> dict[str, ast.Module]:
    """Every module of the service by its dotted name, parsed; migrations are left out."""
    found = {}
    for root in ROOTS:
        for path in sorted((REPOSITORY / root).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            if "versions" in parts:
                continue
            name = ".".join(part for part in parts if part != "__init__")
            found[name] = ast.parse(path.read_text())
    return found


def folders() -> set[str]:
    """The packages by their dotted names."""
    return {
        ".".join(path.parent.relative_to(REPOSITORY).parts)
        for root in ROOTS
        for path in (REPOSITORY / root).rglob("__init__.py")
    }


def packages() -> dict[str, list[str]]:
    """The modules of each package, without those of its sub-packages."""
    found: dict[str, list[str]] = {}
    for name in modules():
        found.setdefault(name.rpartition(".")[0], []).append(name)
    known = folders()
    return {name: [one for one in found.get(name, []) if one not in known] for name in known}


def face_of(package: str) -> list[str]:
    """The names that a package offers to the others."""
    face = modules().get(package)
    for node in face.body if face else ():
        if isinstance(node, ast.Assign) and "__all__" in {ast.unparse(t) for t in node.targets}:
            return list(ast.literal_eval(node.value))
    return []


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported, as a dotted name, and the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_hidden = whole in modules() and alias.name not in face_of(node.module)
                yield (whole if is_hidden else node.module), node.lineno


def below_a_face(importer: str, imported: str) -> str | None:
    """The package below whose face ``imported`` lies, seen from ``importer``."""
    parts = imported.split(".")
    for end in range(2, len(parts)):
        package = ".".join(parts[:end])
        inside = importer == package or importer.startswith(f"{package}.")
        if inside or package not in packages():
            continue
        if package in OPEN_PACKAGES and imported not in PRIVATE_MODULES and len(parts) == end + 1:
            continue
        return package
    return None


@pytest.mark.slow
def test_nothing_reaches_below_the_face_of_a_package() -> None:
    found = [
        f"{importer}:{line} imports {imported}, not {package}"
        for importer, tree in modules().items()
        for imported, line in imports(tree)
        if imported.split(".")[0] in ROOTS
        and (package := below_a_face(importer, imported)) is not None
    ]
    assert found == []


@pytest.mark.parametrize("package", sorted(folders()))
def test_a_package_says_what_it_owns(package: str) -> None:
    face = modules()[package]
    docstring = ast.get_docstring(face)
    assert docstring, f"{package}/__init__.py has no docstring"
    assert len(docstring.split()) >= 12, f"{package}: say what it owns and what it must not know"


@pytest.mark.parametrize("package", sorted(folders()))
def test_a_face_is_small(package: str) -> None:
    assert len(face_of(package)) <= MAX_FACE_NAMES or package in WIDE_FACES


@pytest.mark.slow
@pytest.mark.parametrize("package", sorted(folders()))
def test_a_package_is_small(package: str) -> None:
    assert len(packages()[package]) <= MAX_MODULES or package in LARGE_PACKAGES


@pytest.mark.slow
def test_a_class_name_occurs_once() -> None:
    names = Counter(
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in names.items() if times > 1] == []


def test_modules_are_named_by_nouns() -> None:
    last_parts = {name: name.rpartition(".")[2] for name in modules()}
    found = [n for n, last in last_parts.items() if last.endswith("ing") and last not in ING_WORDS]
    assert found == []


@pytest.mark.slow
def test_imports_stand_at_the_top_of_modules() -> None:
    late = {
        f"{name}:{line}"
        for name, tree in modules().items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for _, line in imports(function)
        if name not in LATE_IMPORTS
    }
    assert sorted(late) == []


def test_files_can_be_read_at_once() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines())
        for folder in (*ROOTS, "tests", "tools", "benchmarks")
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_every_exception_to_a_rule_is_needed() -> None:
    """An exception that nothing uses any more is removed from its table."""
    faces = {**LARGE_PACKAGES, **WIDE_FACES, **OPEN_PACKAGES}
    assert set(faces) <= set(packages())
    assert set(LATE_IMPORTS) <= set(modules())
    assert set(modules()) >= PRIVATE_MODULES


def test_the_root_of_alerts_holds_only_what_all_packages_share() -> None:
    files = {path.name for path in Path(REPOSITORY / "alerts").glob("*.py")}
    assert files <= {"__init__.py", "errors.py", "model.py", "secret.py", "tokens.py"}


def test_no_helper_of_the_tests_hides_a_module_of_python() -> None:
    """Some are run as programs, and then their folder is the first that is searched."""
    names = {path.stem for path in (REPOSITORY / "tests" / "support").glob("*.py")}
    assert names & sys.stdlib_module_names == set()
