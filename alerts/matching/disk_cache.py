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

from alerts.matching.compile import Compiled
from alerts.matching.hashing import Ids, Index
from alerts.matching.matcher import Layer

_log = logging.getLogger(__name__)

#: Counted up when compiling changes: what another edition compiled is not read.
_EDITION = 3


def save(layer: Layer, path: Path, mark: str) -> None:
    """Write a layer; the file is replaced whole or not at all.

    ``mark`` tells its topics from others with the same ids.
    """
    arrays = {**dict(_arrays(layer)), "mark": np.array(mark)}
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        np.savez(draft, **arrays)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)


def load(path: Path, mark_of: Callable[[list[int]], str]) -> Layer | None:
    """The layer in a file; None when there is none that can be used, which costs a few seconds.

    ``mark_of`` gives the mark that is right for topics with the ids in the file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if "edition" not in arrays or str(arrays["edition"]) != _edition():
                return None
            layer = _layer(arrays)
            return layer if str(arrays["mark"]) == mark_of(layer.ids.tolist()) else None
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        _log.warning("%s cannot be read, so all topics are compiled anew: %s", path, error)
        return None


def _edition() -> str:
    return f"{_EDITION} {Stemmer.version()}"


def _arrays(layer: Layer) -> Iterator[tuple[str, Any]]:
    yield "edition", np.array(_edition())
    yield "ids", layer.ids
    for name, value in layer.compiled._asdict().items():
        if isinstance(value, Index):
            for part, array in value._asdict().items():
                yield f"{name}.{part}", array
        elif name == "unsure_forms":
            yield name, np.frombuffer("\n".join(value).encode(), np.uint8)
        else:
            yield name, value


def _layer(arrays: Any) -> Layer:
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(Compiled).items():
        if kind is Index:
            values[name] = Index(*(arrays[f"{name}.{part}"] for part in Index._fields))
        elif name == "unsure_forms":
            text = arrays[name].tobytes().decode()
            values[name] = text.split("\n") if text else []
        elif name == "size":
            values[name] = int(arrays[name])
        else:
            values[name] = arrays[name]
    ids: Ids = arrays["ids"]
    return Layer(ids, Compiled(**values))
