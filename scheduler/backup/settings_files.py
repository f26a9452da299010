"""Putting the files of a config back: secrets and templates. What is there already stays."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scheduler.backup.config_part import CREDENTIAL
from scheduler.backup.errors import BackupDamaged
from scheduler.backup.manifest import BackupManifest

#: Where credentials of systemd are put, beside the config: only its unit says where it takes them.
_CREDENTIALS_FOLDER = "credentials"


@dataclass
class AddedFiles:
    """Files that a restore has added, which are deleted if it fails after all."""

    paths: list[Path] = field(default_factory=list)

    def add(self, source: Path, target: Path) -> None:
        """Copy a file for this user alone, unless there is one."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        self.paths.append(target)
        target.touch(mode=0o600)
        shutil.copyfile(source, target)

    def add_templates(self, archive: Path, target: Path) -> None:
        """Unpack templates into a folder, unless there is one."""
        if target.exists():
            return
        self.paths.append(target)
        target.mkdir(parents=True)
        with tarfile.open(archive) as file:
            for member in file:
                _unpack(file, member, target)

    def delete(self) -> None:
        """Delete what was added."""
        for path in self.paths:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self.paths.clear()


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file or folder of an archive; by hand, because filters came with Python 3.11.4.

    Raises:
        BackupDamaged: It is neither, or it would be outside of the folder.
    """
    path = Path(os.path.normpath(folder / member.name))
    if not path.is_relative_to(os.path.normpath(folder)) or not (member.isfile() or member.isdir()):
        raise BackupDamaged(f"the templates of the backup hold {member.name}, which is no template")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = archive.extractfile(member)
    assert content is not None  # it is a file
    with content, path.open("wb") as target:
        shutil.copyfileobj(content, target)


def add_settings(
    manifest: BackupManifest,
    parts: Path,
    base: Path,
    added: AddedFiles,
    moved: Mapping[str, str] | None = None,
) -> None:
    """Put back the secrets and templates of a backup that are missing.

    Args:
        manifest: Of the backup.
        parts: The folder with its parts.
        base: The folder of the config, from which relative paths are taken.
        added: What was added.
        moved: Where paths of the config lead now, by the paths; None to leave them.
    """
    for part in manifest.list_parts("secret", "templates"):
        origin = part.origin or part.name
        target = base / (moved or {}).get(origin, origin)
        if part.role == "templates":
            added.add_templates(parts / part.name, target)
        elif origin.startswith(CREDENTIAL):
            name = Path(origin.removeprefix(CREDENTIAL)).name
            added.add(parts / part.name, base / _CREDENTIALS_FOLDER / name)
        else:
            added.add(parts / part.name, target)
