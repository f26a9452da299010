"""Compiled topics in files, one a range, which are loaded 400 times as fast as they are compiled.

Any process may write and load them.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints
from zipfile import BadZipFile

import numpy as np

from alerts.matching.compile import CompiledQueries
from alerts.matching.hashing import HashIndex, Ids
from alerts.matching.matcher import MatcherLayer

_log = logging.getLogger(__name__)

#: Increase this when the compiled form changes; files of another version are not read.
_VERSION = 6
#: Seconds after which a draft is left over from a process that was killed: writing one takes less
#: than a second.
_DRAFT_SECONDS = 3600.0


def save_layer(layer: MatcherLayer, folder: Path, range_id: int, fingerprint: str) -> None:
    """Write the compiled topics of a range to their file in ``folder``.

    The file is replaced as a whole or not at all; processes that write it at the same time do not
    disturb each other. A file that cannot be written is a warning: it only makes the next start
    faster.

    Args:
        layer: What to write.
        folder: Where the files of all ranges are.
        range_id: The range.
        fingerprint: A string that differs for other topics with the same ids.
    """
    arrays = {**dict(_list_arrays(layer)), "fingerprint": np.array(fingerprint)}
    path = _locate(folder, range_id)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        _delete_old_drafts(draft, path)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        _log.warning("ledger.compiled: %s cannot be written: %s", path, error.strerror)


def _delete_old_drafts(mine: Path, path: Path) -> None:
    """Delete the drafts of processes that were killed, which are much older than this one."""
    written = mine.stat().st_mtime
    for draft in path.parent.glob(f".{path.name}.*.new"):
        with suppress(FileNotFoundError):  # another process was faster
            if draft.stat().st_mtime < written - _DRAFT_SECONDS:
                draft.unlink()


def load_layer(
    folder: Path, range_id: int, make_fingerprint: Callable[[list[int]], str]
) -> MatcherLayer | None:
    """Return the compiled topics of a range from their file in ``folder``.

    Args:
        folder: Where the files of all ranges are.
        range_id: The range.
        make_fingerprint: Returns the fingerprint that the topics with the given ids should have.

    Returns:
        None if the file is missing, damaged or not that of these topics.
    """
    path = _locate(folder, range_id)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if "version" not in arrays or str(arrays["version"]) != _format_version():
                return None
            layer = _read_layer(arrays)
            return (
                layer
                if str(arrays["fingerprint"]) == make_fingerprint(layer.ids.tolist())
                else None
            )
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        _log.warning("%s cannot be read, so all topics are compiled again: %s", path, error)
        return None


def _locate(folder: Path, range_id: int) -> Path:
    return folder / f"{range_id}.npz"


def _format_version() -> str:
    return str(_VERSION)


def _list_arrays(layer: MatcherLayer) -> Iterator[tuple[str, Any]]:
    yield "version", np.array(_format_version())
    yield "ids", layer.ids
    for name, value in layer.compiled._asdict().items():
        if isinstance(value, HashIndex):
            for part, array in value._asdict().items():
                yield f"{name}.{part}", array
        elif name == "inexact_forms":
            yield name, np.frombuffer("\n".join(value).encode(), np.uint8)
        else:
            yield name, value


def _read_layer(arrays: Any) -> MatcherLayer:
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(CompiledQueries).items():
        if kind is HashIndex:
            values[name] = HashIndex(*(arrays[f"{name}.{part}"] for part in HashIndex._fields))
        elif name == "inexact_forms":
            text = arrays[name].tobytes().decode()
            values[name] = text.split("\n") if text else []
        elif name == "size":
            values[name] = int(arrays[name])
        else:
            values[name] = arrays[name]
    ids: Ids = arrays["ids"]
    return MatcherLayer(ids, CompiledQueries(**values))
