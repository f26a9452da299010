"""A compiled layer of topics in a file, from which it comes back in a moment."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, get_type_hints
from zipfile import BadZipFile

import numpy as np
import Stemmer

from alerts.matching.compile import CompiledQueries
from alerts.matching.hashing import HashIndex, Ids
from alerts.matching.matcher import MatcherLayer

_log = logging.getLogger(__name__)

#: Counted up when compiling changes: what another edition compiled is not read.
_VERSION = 3


def save_layer(layer: MatcherLayer, path: Path, fingerprint: str) -> None:
    """Write a layer; the file is replaced whole or not at all.

    ``fingerprint`` tells its topics from others with the same ids.
    """
    arrays = {**dict(_list_arrays(layer)), "mark": np.array(fingerprint)}
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        np.savez(draft, **arrays)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


def load_layer(path: Path, make_fingerprint: Callable[[list[int]], str]) -> MatcherLayer | None:
    """The layer in a file; None when there is none that can be used, which costs a few seconds.

    ``make_fingerprint`` gives the mark that is right for topics with the ids in the file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if "edition" not in arrays or str(arrays["edition"]) != _format_version():
                return None
            layer = _read_layer(arrays)
            return layer if str(arrays["mark"]) == make_fingerprint(layer.ids.tolist()) else None
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        _log.warning("%s cannot be read, so all topics are compiled anew: %s", path, error)
        return None


def _format_version() -> str:
    return f"{_VERSION} {Stemmer.version()}"


def _list_arrays(layer: MatcherLayer) -> Iterator[tuple[str, Any]]:
    yield "edition", np.array(_format_version())
    yield "ids", layer.ids
    for name, value in layer.compiled._asdict().items():
        if isinstance(value, HashIndex):
            for part, array in value._asdict().items():
                yield f"{name}.{part}", array
        elif name == "unsure_forms":
            yield name, np.frombuffer("\n".join(value).encode(), np.uint8)
        else:
            yield name, value


def _read_layer(arrays: Any) -> MatcherLayer:
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(CompiledQueries).items():
        if kind is HashIndex:
            values[name] = HashIndex(*(arrays[f"{name}.{part}"] for part in HashIndex._fields))
        elif name == "unsure_forms":
            text = arrays[name].tobytes().decode()
            values[name] = text.split("\n") if text else []
        elif name == "size":
            values[name] = int(arrays[name])
        else:
            values[name] = arrays[name]
    ids: Ids = arrays["ids"]
    return MatcherLayer(ids, CompiledQueries(**values))
