"""The documentation names everything that exists, and nothing else."""

from __future__ import annotations

import re

import pytest

from alerts.delivery import list_channel_names
from alerts.errors import ExitStatus
from alerts.queries import FIELDS, QueryError, find_match, format_canonical, parse_query
from tests.support.paths import REPOSITORY
from tools.command_reference import list_commands

README = (REPOSITORY / "README.md").read_text()
ARCHITECTURE = (REPOSITORY / "docs" / "explanation" / "architecture.md").read_text()
EXIT_STATUSES = (REPOSITORY / "docs" / "reference" / "exit-statuses.md").read_text()
COMMAND_LINE = (REPOSITORY / "docs" / "reference" / "command-line.md").read_text()


@pytest.mark.parametrize("status", list(ExitStatus))
def test_every_exit_status_is_documented(status: ExitStatus) -> None:
    assert f"| {status} |" in EXIT_STATUSES


@pytest.mark.parametrize("command", [name for _, name, _ in list_commands()])
def test_every_command_is_documented(command: str) -> None:
    assert f"#### `watchword {command}`\n" in COMMAND_LINE


@pytest.mark.parametrize("channel", list_channel_names("mailto"))
def test_every_channel_is_in_the_example_config(channel: str) -> None:
    assert f"[channels.{channel}]" in (REPOSITORY / "config.example.toml").read_text()


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "SECURITY.md",
        *(str(p.relative_to(REPOSITORY)) for p in (REPOSITORY / "docs").rglob("*.md")),
    ],
)
def test_every_link_has_a_target(page: str) -> None:
    path = REPOSITORY / page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{page} links to {target}"


#: Decisions and changes tell of files in the names of their time.
NOW = [
    path
    for path in (REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md"))
    if path.parent.name != "decisions"
]


#: Files that documents name and that a checkout does not have, each with the reason.
ELSEWHERE = {
    "alerts/templates": "the folder of the templates in an installed package",
    "alerts/language/locale/cy/LC_MESSAGES/watchword.mo": "compiled when all texts are translated",
}


def test_every_file_that_a_document_names_exists() -> None:
    """Tables of tests name them by their paths below ``tests/``."""
    folders = (REPOSITORY, REPOSITORY / "tests")
    named = re.compile(r"`((?:alerts|crawler|scheduler|templates|tests|tools|docs)/[\w./*-]+)")
    found = [(path, name) for path in NOW for name in named.findall(path.read_text())]
    assert len(found) > 100
    missing = [
        f"{path.name}: {name}"
        for path, name in found
        if name not in ELSEWHERE and not any([*folder.glob(name.rstrip("/"))] for folder in folders)
    ]
    assert missing == []


def test_every_template_that_can_be_replaced_exists() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "restyle-emails-and-pages.md").read_text()
    named = re.findall(r"`((?:static|web|mail|feed)/[\w.]+)`", page)
    assert len(named) > 10
    assert [name for name in named if not (REPOSITORY / "templates" / name).exists()] == []


def test_the_names_in_the_page_on_a_further_source_are_those_of_the_code() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "add-a-source.md").read_text()
    page = page.partition("## Example")[0]
    code = "\n".join(path.read_text() for path in (REPOSITORY / "crawler").rglob("*.py"))
    for path in ("scheduler/config/sections.py", "alerts/export/akoma_ntoso.py"):
        code += (REPOSITORY / path).read_text()
    names = set(re.findall(r'`(?:counts\[")?([A-Za-z_]{4,})(?:"\])?(?:\([^`]*\))?`', page))
    assert len(names) > 20
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", code)] == []


def test_the_readme_fits_on_a_screen_and_shows_pictures() -> None:
    assert len(README.splitlines()) < 40
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert len(pictures) == 4
    for picture in pictures:
        assert (REPOSITORY / picture).exists(), picture


def test_every_package_of_the_architecture_exists() -> None:
    rows = re.findall(r"^\| `(\w+)/` \| (.*) \|$", ARCHITECTURE, re.MULTILINE)
    assert [package for package, _ in rows] == ["crawler", "alerts", "scheduler", "templates"]
    for package, contents in rows:
        for name in re.findall(r"`(\w+(?:\.py|/))`", contents):
            assert (REPOSITORY / package / name).exists(), f"{package}/{name}"


QUERIES = (REPOSITORY / "docs" / "reference" / "queries.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    for row in re.findall(r"^\| `.*\|$", QUERIES, re.MULTILINE)
]
EXAMPLES = [row for row in ROWS if len(row) == 3]
PARTS = [row for row in ROWS if len(row) == 2]


def typed(cell: str) -> str:
    """Return the code of a cell, without its back quotes."""
    found = re.fullmatch(r"`(.*)`", cell)
    assert found is not None, cell
    return found[1].replace("\\|", "|")


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row[0])
def test_every_example_of_a_query_matches_as_documented(row: list[str]) -> None:
    query, found, missed = row
    texts = re.findall("“(.*?)”", found)
    others = re.findall("“(.*?)”", missed)
    assert texts
    assert others
    for text in texts:
        assert find_match(parse_query(typed(query)), {"question": [text]}), text
    for text in others:
        assert not find_match(parse_query(typed(query)), {"question": [text]}), text


def test_every_field_is_documented_and_every_documented_error_raised() -> None:
    fields = [typed(cell) for cell, _ in PARTS if ":" in cell and "|" not in cell][: len(FIELDS)]
    assert [field.partition(":")[0] for field in fields] == list(FIELDS)
    for field in fields:
        parse_query(field)
    refused = [row[0].strip("`") for row in PARTS][len(FIELDS) :]
    assert len(refused) == 16
    for query in refused:
        with pytest.raises(QueryError):
            parse_query(query)


def test_queries_documented_as_one_topic_have_one_canonical_form() -> None:
    one = re.findall(r"`([^`]*)`", QUERIES.partition("## One topic")[2])[:3]
    assert len({format_canonical(parse_query(query)) for query in one}) == 1
    assert len(set(one)) == 3


def test_every_fault_that_is_documented_has_its_test() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "when-something-is-wrong.md").read_text()
    section = page.partition("## What can go wrong")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert rows
    for row in rows:
        named = re.search(r"`([a-z_/]+\.py)::(test_\w+)` \|$", row)
        assert named is not None, row
        assert f"def {named[2]}(" in (REPOSITORY / "tests" / named[1]).read_text(), row


def test_each_measure_of_the_threat_model_names_its_test() -> None:
    page = (REPOSITORY / "docs" / "explanation" / "threat-model.md").read_text()
    section = page.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    measures = [row for row in rows if not row.startswith("| threat |")]
    assert len(measures) > 20
    for row in measures:
        named = re.search(r"`([a-z_/]+\.py)::(test_\w+)` \|$", row)
        assert named is not None, row
        assert f"def {named[2]}(" in (REPOSITORY / "tests" / named[1]).read_text(), row
