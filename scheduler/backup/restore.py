"""Restoring a backup, all or nothing: into the places that a config names, or another folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import inspect

from alerts.delivery import merge_sent_log
from alerts.ledger import (
    Ledger,
    find_file,
    name_ledger,
    open_ledger,
    operator_actions,
    replacement,
    snapshots,
)
from alerts.ledger.operator_actions import OperatorAction
from alerts.ledger.rate_counts import TABLE_NAME as RATE_COUNTS
from alerts.ledger.snapshots import LedgerState
from crawler.storage import Folder
from scheduler.backup import postgres_programs
from scheduler.backup.backup import SENT_LOG_FILE
from scheduler.backup.config_part import CONFIG_FILE
from scheduler.backup.errors import RestoreFailed, RestoreRefused
from scheduler.backup.manifest import fetch_file
from scheduler.backup.opened_backup import OpenedBackup
from scheduler.backup.restored_config import move_paths
from scheduler.backup.settings_files import AddedFiles, add_settings
from scheduler.config import Config, load_config, parse_config

#: Folders beside a ledger in which a restore is prepared.
_DRAFT = ".restore-"


class RestoredState(msgspec.Struct, frozen=True):
    """What was restored, and where."""

    ledger: str  #: its file, or its URL without a password
    state: LedgerState  #: after the upgrade to the schema of this program
    captures: int  #: files that were added to the archive
    files: list[str]  #: the config, secrets and templates that were added
    aside: str | None = None  #: the folder into which the former ledger was moved


@dataclass(frozen=True)
class Restore:
    """A backup that is to be restored, and by whom."""

    backup: OpenedBackup
    actor: str  #: ``command by ada``
    now: datetime
    added: AddedFiles = field(default_factory=AddedFiles)

    def restore_in_place(self, config_file: Path, *, replaces: bool) -> RestoredState:
        """Restore into the places that a config names; a missing config comes from the backup.

        Args:
            config_file: The config, which may be missing.
            replaces: Whether a ledger that is there is moved aside.

        Raises:
            RestoreRefused: There is a ledger; or the backup does not fit the config or program.
            BackupDamaged: The backup is not whole.
            LedgerUnavailable: Another process works on the ledger, or its database is gone.
            RestoreFailed: Something cannot be read or written, as on a full disk.
        """
        self._check_schema()
        with (
            _explaining(config_file.absolute().parent),
            TemporaryDirectory(prefix="watchword-restore-") as made,
            self._undoing(),
        ):
            parts = Path(made)
            self.backup.fetch_parts(parts)
            add_settings(self.backup.manifest, parts, config_file.parent, self.added)
            config = self._load_config(config_file, parts)
            aside = None
            if (file := self._find_ledger_file(config)) is None:
                self._check_database(config)
                captures = self._add_rest(config, parts)
                state = self._fill_database(config, parts)
            else:
                aside = _choose_aside(file, self.now)
                with replacement.lock_file(file):
                    is_finished = _prepare_place(file, replaces=replaces)
                    captures = self._add_rest(config, parts)
                    if is_finished:
                        state = snapshots.read_file_state(file)
                    else:
                        state = self._put_file(parts, file, aside)
            if not config_file.exists() and (parts / CONFIG_FILE).is_file():
                self.added.add(parts / CONFIG_FILE, config_file)
        files = [str(path) for path in self.added.paths]
        kept = str(aside) if aside is not None and aside.is_dir() else None
        ledger = name_ledger(config.ledger.url.reveal())
        return RestoredState(ledger, state, captures, files, kept)

    def restore_into_folder(self, target: Path, ledger_url: str | None) -> RestoredState:
        """Restore config, ledger and all the rest into a new folder, whose paths stay within it.

        Args:
            target: The folder, which is missing or empty.
            ledger_url: The empty database of PostgreSQL to restore the ledger into; None for a
                file in the folder.

        Raises:
            RestoreRefused: The folder has files in it; or the backup does not fit.
            BackupDamaged: The backup is not whole.
            LedgerUnavailable: The database cannot be used.
            RestoreFailed: Something cannot be read or written, as on a full disk.
        """
        self._check_schema()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise RestoreRefused(f"{target} is not an empty folder: name one that is not there yet")
        if (self.backup.manifest.database == "postgresql") != (ledger_url is not None):
            raise RestoreRefused(_NEEDS_NO_DATABASE if ledger_url else _NEEDS_DATABASE)
        with _explaining(target), _open_draft_beside(target) as made:
            parts, new = Path(made) / "parts", Path(made) / "new"
            parts.mkdir()
            new.mkdir()
            self.backup.fetch_parts(parts)
            config = self._write_moved_config(parts, new, ledger_url)
            file = self._find_ledger_file(config)
            if file is None:
                self._check_database(config)
            captures = self._add_rest(config, parts)
            if file is None:
                state = self._fill_database(config, parts)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                state = self._put_file(parts, file, new / "former")
            new.replace(target)
        files = [str(target / path.relative_to(new)) for path in self.added.paths]
        shown = str(target / file.relative_to(new)) if file else name_ledger(str(ledger_url))
        return RestoredState(shown, state, captures, files)

    def _check_schema(self) -> None:
        manifest = self.backup.manifest
        if not snapshots.is_known(manifest.ledger.schema):
            raise RestoreRefused(
                f"{self.backup} was made by watchword {manifest.version}, whose schema"
                f" {manifest.ledger.schema} this one does not know: install that version"
            )

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """Delete the files that were added if the block fails."""
        try:
            yield
        except BaseException:
            self.added.delete()
            raise

    def _load_config(self, file: Path, parts: Path) -> Config:
        """Return the config of a file; where that is missing, the one of the backup."""
        saved = parts / CONFIG_FILE
        if file.exists() or not saved.is_file():
            return load_config(file if file.exists() else None)
        return parse_config(saved.read_text(encoding="utf-8"), file.parent, str(file), file=file)

    def _write_moved_config(self, parts: Path, new: Path, ledger_url: str | None) -> Config:
        """Write the config of the backup into a new folder, with what it names."""
        text = (parts / CONFIG_FILE).read_text() if (parts / CONFIG_FILE).is_file() else ""
        text, moved = move_paths(text, ledger_url)
        add_settings(self.backup.manifest, parts, new, self.added, moved)
        (parts / CONFIG_FILE).write_text(text)
        self.added.add(parts / CONFIG_FILE, new / CONFIG_FILE)
        return load_config(new / CONFIG_FILE)

    def _find_ledger_file(self, config: Config) -> Path | None:
        """Return where the ledger's file is to be; None for a database of PostgreSQL."""
        file = find_file(config.ledger.url.reveal())
        wanted = "postgresql" if file is None else "sqlite"
        if self.backup.manifest.database != wanted:
            raise RestoreRefused(
                f"{self.backup} is of a ledger on {self.backup.manifest.database}, and ledger.url"
                f" is {config.ledger.url}: restore it where it was, then use `watchword migrate-to`"
            )
        return file

    def _check_database(self, config: Config) -> None:
        """Check that the database of PostgreSQL is there, and empty."""
        opened = Ledger.open_for_reading(_choose_url(config), role="restore")
        with closing(opened) as ledger, ledger.reading() as connection:
            tables = set(inspect(connection).get_table_names()) - {RATE_COUNTS}
        if tables:
            raise RestoreRefused(
                f"{config.ledger.url} is not empty (it has a table {min(tables)}): create another"
                " database and put its address into ledger.url; nothing was done"
            )

    def _add_rest(self, config: Config, parts: Path) -> int:
        """Add captures and the sent log to what is there; return the number of capture files."""
        captures = self._add_captures(config.archive.path)
        merge_sent_log(parts / SENT_LOG_FILE, config.ledger.sent_log)
        return captures

    def _add_captures(self, archive: Folder) -> int:
        """Add the captures that the archive lacks, or has the beginning of; return how many."""
        added = 0
        for one in self.backup.manifest.captures:
            there = archive.find(one.name)
            if there is not None and there.size >= one.hash.size:
                continue
            with TemporaryDirectory(prefix="watchword-capture-") as folder:
                copy = Path(folder) / one.name
                fetch_file(self.backup.captures, one.stored, one.hash, copy)
                archive.create()
                archive.upload(one.name, copy)
            added += 1
        return added

    def _put_file(self, parts: Path, file: Path, aside: Path) -> LedgerState:
        """Upgrade the copy of a ledger beside its place, and put it there in one step."""
        part = self.backup.manifest.list_parts("ledger")[0]
        with TemporaryDirectory(prefix=_DRAFT, dir=file.parent) as draft:
            copy = Path(draft) / file.name
            shutil.copyfile(parts / part.name, copy)
            state = self._upgrade(f"sqlite:///{copy}")
            snapshots.settle_file(copy)
            replacement.replace_file(copy, file, aside)
        return state

    def _fill_database(self, config: Config, parts: Path) -> LedgerState:
        """Restore a dump into an empty database, and upgrade it."""
        part = self.backup.manifest.list_parts("ledger")[0]
        url = _choose_url(config)
        with closing(Ledger.open_for_reading(url, role="restore")) as ledger:
            with ledger.reading() as connection:
                version = snapshots.read_server_version(connection)
            made_by = int(self.backup.manifest.database_version)
            program = postgres_programs.find_program("pg_restore", max(version, made_by))
            postgres_programs.restore(program, parts / part.name, ledger)
        return self._upgrade(url)

    def _upgrade(self, url: str) -> LedgerState:
        """Open a ledger, which upgrades it, and note in it that it was restored."""
        with closing(open_ledger(url, role="restore")) as ledger:
            with ledger.writing() as connection:
                action = OperatorAction(self.now, self.actor, "restore", self.backup.manifest.name)
                operator_actions.record(connection, action)
            with ledger.reading() as connection:
                return snapshots.read_state(connection)


def _prepare_place(file: Path, *, replaces: bool) -> bool:
    """Check that a ledger may be put somewhere; return whether an earlier restore was finished.

    Raises:
        RestoreRefused: There is one already.
    """
    is_finished = replacement.finish_replacement(file)
    for draft in file.parent.glob(f"{_DRAFT}*"):
        shutil.rmtree(draft, ignore_errors=True)
    if file.exists() and not replaces and not is_finished:
        raise RestoreRefused(
            f"there is a ledger at {file}: --replace moves it aside, --to FOLDER restores elsewhere"
        )
    return is_finished and not replaces


@contextmanager
def _explaining(place: Path) -> Iterator[None]:
    """Say of an error of the system that a restore failed by it, and how it goes on."""
    try:
        yield
    except OSError as error:
        raise RestoreFailed(
            f"the backup was not restored: {error.filename or place}: {error.strerror or error};"
            " mend that and run it again"
        ) from error


@contextmanager
def _open_draft_beside(target: Path) -> Iterator[str]:
    """Make a folder beside a folder to come, which is deleted in the end."""
    above = target.absolute().parent
    above.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=_DRAFT, dir=above) as made:
        yield made


def _choose_aside(file: Path, now: datetime) -> Path:
    """Return the folder beside a ledger that it is moved into, which is not there yet."""
    name = f"replaced-{now:%Y%m%dT%H%M%SZ}"
    paths = (file.parent / f"{name}{f'-{n}' if n else ''}" for n in range(100))
    return next(path for path in paths if not path.exists())


def _choose_url(config: Config) -> str:
    """Return the URL at which PostgreSQL itself is reached, not a pooler."""
    return (config.backup.database or config.ledger.url).reveal()


_NEEDS_DATABASE = (
    "the backup is of a ledger on PostgreSQL: name an empty database with --ledger URL"
)
_NEEDS_NO_DATABASE = "the backup is of a SQLite ledger, which needs no --ledger: it is in FOLDER"
