"""The bill of materials of the lock, and what is said of advisories about it."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from alerts.errors import ExitStatus
from tools import sbom
from tools.audit import audit

LOCK = Path(__file__).parents[2] / "requirements.lock"


def load_schema(name: str) -> Any:
    """Return a schema of CycloneDX, as the package of the standard's own library holds it."""
    pytest.importorskip("cyclonedx", reason="the environment is older than the lock: make check")
    return json.loads((files("cyclonedx") / "schema" / "_res" / name).read_text())


@pytest.mark.slow
def test_the_bill_of_materials_is_valid_cyclonedx() -> None:
    schemas = [
        load_schema(f"{name}.SNAPSHOT.schema.json") for name in ("bom-1.6", "spdx", "jsf-0.82")
    ]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], DRAFT7.create_resource(schema)) for schema in schemas
    )
    validator = Draft7Validator(schemas[0], registry=registry)
    assert [
        error.message for error in validator.iter_errors(sbom.build_sbom(LOCK.read_text()))
    ] == []


@pytest.mark.slow
def test_the_bill_of_materials_names_each_package_of_the_lock() -> None:
    lock = LOCK.read_text()
    made = sbom.build_sbom(lock)
    locked = {
        tuple(line.split()[0].split("==")) for line in lock.splitlines() if line[:1].isalnum()
    }
    assert {(one["name"], one["version"]) for one in made["components"]} == locked
    for component in made["components"]:
        [files_of_it] = component["externalReferences"]
        assert files_of_it["hashes"], component["name"]
        assert all(len(one["content"]) == 64 for one in files_of_it["hashes"])
    refs = {one["bom-ref"] for one in made["components"]}
    assert len(refs) == len(made["components"])
    needs = {one["ref"]: one["dependsOn"] for one in made["dependencies"]}
    assert {ref for found in needs.values() for ref in found} == refs
    assert any(
        ref.startswith("pkg:pypi/scrapy@")
        for ref in needs[made["metadata"]["component"]["bom-ref"]]
    )
    licensed = [one for one in made["components"] if "licenses" in one]
    assert len(licensed) > len(made["components"]) / 2
    assert sbom.build_sbom(lock) == made


def stand_in(folder: Path, output: str, status: int = 0) -> list[str]:
    """Return a program that answers as pip-audit does."""
    script = folder / "pip_audit.py"
    script.write_text(f"import sys\nsys.stdout.write({output!r})\nsys.exit({status})\n")
    return [sys.executable, str(script)]


_GOOD = {"name": "click", "version": "8.3.0", "vulns": []}
_UNKNOWN = {"name": "yarl", "skip_reason": "Dependency not found on PyPI"}
_BAD = {
    "name": "h11",
    "version": "0.1",
    "vulns": [{"id": "PYSEC-2025-1", "fix_versions": ["0.2"], "aliases": [], "description": ""}],
}


@pytest.mark.process
@pytest.mark.parametrize(
    ("packages", "status", "says"),
    [
        ([_GOOD], ExitStatus.OK, "1 packages checked, 0 advisories"),
        ([_GOOD, _BAD], ExitStatus.PARTIAL, "h11 0.1: PYSEC-2025-1, mended in 0.2"),
        ([_GOOD, _UNKNOWN], ExitStatus.UNAVAILABLE, "1 of 2 packages could not be checked"),
    ],
)
def test_an_audit_says_what_it_could_not_check(
    tmp_path: Path, packages: list[Any], status: ExitStatus, says: str
) -> None:
    report = json.dumps({"dependencies": packages, "fixes": []})
    found = audit(str(LOCK), stand_in(tmp_path, report))
    assert found.exit_status is status
    assert says in found.describe()


@pytest.mark.process
def test_an_audit_that_fails_is_one_line(tmp_path: Path) -> None:
    for program in (stand_in(tmp_path, "", 1), [str(tmp_path / "missing")]):
        found = audit(str(LOCK), program)
        assert found.exit_status is ExitStatus.UNAVAILABLE
        assert found.describe().startswith("no advisories could be had, so nothing was checked")
        assert len(found.describe().splitlines()) == 1
