"""The software bill of materials of the service: CycloneDX 1.6, from the lock.

    python -m tools.sbom requirements.lock > sbom.cdx.json

Names, versions and hashes are the lock's, and so is what depends on what. Licences are read from
the packages that are installed, so run it where the lock is. The same lock gives the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).parents[1] / "pyproject.toml"
_PACKAGE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NEEDED_BY = re.compile(r"^\s+#\s+(?:via\s+)?(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*$")
#: What may be an SPDX expression: ids, and the words between them.
_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_LICENCE_FIELDS = ("License-Expression", "License")
_CLASSIFIER = "License :: OSI Approved :: "
#: Characters of a License field; longer ones hold the text of the licence.
_MAX_LICENCE_NAME = 80


@dataclass
class LockedPackage:
    """One package of a lock."""

    name: str
    version: str
    hashes: list[str]
    needed_by: list[str]  #: names of packages, and of the project

    @property
    def purl(self) -> str:
        """Its package URL, which other tools know it by."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> list[LockedPackage]:
    """Return the packages of a lock as uv and pip-compile write it."""
    packages: list[LockedPackage] = []
    for line in text.splitlines():
        if found := _PACKAGE.match(line):
            packages.append(LockedPackage(found["name"].lower(), found["version"], [], []))
        elif packages and (needed := _NEEDED_BY.match(line)) and needed["name"] != "via":
            packages[-1].needed_by.append(needed["name"].lower())
        if packages:
            packages[-1].hashes += _HASH.findall(line)
    return packages


def find_licences(package: LockedPackage) -> list[dict[str, Any]]:
    """Return the licences of an installed package, as CycloneDX writes them; [] if unknown."""
    try:
        found = metadata.metadata(package.name)
    except metadata.PackageNotFoundError:
        return []
    if found["Version"] != package.version:
        return []
    fields = [found[field].strip() for field in _LICENCE_FIELDS if field in found]
    stated = next(filter(None, fields), "")
    if _EXPRESSION.fullmatch(stated) and stated.lower() not in {"bsd", "apache", "other"}:
        return [{"expression": stated}]
    classified = [
        entry.removeprefix(_CLASSIFIER)
        for entry in found.get_all("Classifier", [])
        if entry.startswith(_CLASSIFIER)
    ]
    names = classified or [stated] * (0 < len(stated) <= _MAX_LICENCE_NAME)
    return [{"license": {"name": name}} for name in names]


def describe(package: LockedPackage) -> dict[str, Any]:
    """Return a package as a component. Its hashes are those of its files on PyPI."""
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{package.name}/{package.version}/#files",
                "hashes": [{"alg": "SHA-256", "content": one} for one in sorted(package.hashes)],
            }
        ],
    }
    if licences := find_licences(package):
        component["licenses"] = licences
    return component


def build_sbom(lock: str) -> dict[str, Any]:
    """Return the bill of materials of a lock's text."""
    project = tomllib.loads(_PROJECT.read_text())["project"]
    packages = sorted(read_lock(lock), key=lambda package: package.name)
    name, version = str(project["name"]), str(project["version"])
    root = f"pkg:pypi/{name}@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": name,
                "version": version,
                "purl": root,
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": [describe(package) for package in packages],
        "dependencies": _list_dependencies(packages, name, root),
    }


def _list_dependencies(
    packages: list[LockedPackage], project: str, root: str
) -> list[dict[str, Any]]:
    refs = {project: [root]}
    for package in packages:  # of some there are two versions, for different Pythons
        refs.setdefault(package.name, []).append(package.purl)
    needs: dict[str, list[str]] = {ref: [] for found in refs.values() for ref in found}
    for package in packages:
        for needer in package.needed_by or [project]:
            for ref in refs.get(needer, [root]):
                needs[ref].append(package.purl)
    return [{"ref": ref, "dependsOn": sorted(set(found))} for ref, found in needs.items()]


def main(lock: str = "requirements.lock") -> None:
    """Print the bill of materials, and on standard error what is missing in it."""
    sbom = build_sbom(Path(lock).read_text())
    sys.stdout.write(json.dumps(sbom, indent=2) + "\n")
    unknown = [one["name"] for one in sbom["components"] if "licenses" not in one]
    if unknown:
        sys.stderr.write(
            f"{len(unknown)} licences are not known here, where these are not installed: "
            f"{', '.join(unknown)}\n"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
