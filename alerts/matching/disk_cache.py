"""A compiled layer of topics in a file, which is loaded 400 times as fast as it is compiled."""

from __future__ import annotations

import logging
import os
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


def save_layer(layer: MatcherLayer, path: Path, fingerprint: str) -> None:
    """Write a layer to ``path``, which is replaced as a whole or not at all.

    A file that cannot be written is a warning: it only makes the next start faster.

    Args:
        layer: What to write.
        path: The file, such as ``topics.npz``.
        fingerprint: A string that differs for other topics with the same ids.
    """
    arrays = {**dict(_list_arrays(layer)), "fingerprint": np.array(fingerprint)}
    # Always the same name, so that a killed process leaves one draft at most. Only the process
    # that holds the ledger's lock writes it.
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        _log.warning("ledger.compiled: %s cannot be written: %s", path, error.strerror)


def load_layer(path: Path, make_fingerprint: Callable[[list[int]], str]) -> MatcherLayer | None:
    """Return the layer in a file, or None if it is missing, damaged or not that of these topics.

    Args:
        path: The file.
        make_fingerprint: Returns the fingerprint that the topics with the given ids should have.
    """
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
