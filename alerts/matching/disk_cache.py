"""Compiled topics in files, one a range, which are loaded 400 times as fast as they are compiled.

Any process may write and load them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, get_type_hints
from zipfile import BadZipFile

import numpy as np

from alerts.matching.compile import CompiledQueries
from alerts.matching.hashing import HashIndex, Ids
from alerts.matching.matcher import MatcherLayer
from crawler.event_log import get_logger
from crawler.storage import Folder

_log = get_logger(__name__)

#: Increase this when the compiled form changes; files of another version are not read.
_VERSION = 6


def save_layer(layer: MatcherLayer, folder: Folder, range_id: int, fingerprint: str) -> None:
    """Write the compiled topics of a range to their file in ``folder``.

    A file that cannot be written is a warning: it only makes the next start faster.

    Args:
        layer: What to write.
        folder: Where the files of all ranges are.
        range_id: The range.
        fingerprint: A string that differs for other topics with the same ids.
    """
    packed = BytesIO()
    np.savez(packed, **dict(_list_arrays(layer)), fingerprint=np.array(fingerprint))
    try:
        folder.create()
        folder.write(_name_file(range_id), packed.getbuffer())
    except OSError as error:
        _log.warning("ledger.compiled cannot be written", folder=folder, reason=error.strerror)


def load_layer(
    folder: Folder, range_id: int, make_fingerprint: Callable[[list[int]], str]
) -> MatcherLayer | None:
    """Return the compiled topics of a range from their file in ``folder``.

    Args:
        folder: Where the files of all ranges are.
        range_id: The range.
        make_fingerprint: Returns the fingerprint that the topics with the given ids should have.

    Returns:
        None if the file is missing, damaged or not that of these topics.
    """
    name = _name_file(range_id)
    try:
        packed = folder.read(name)
        if packed is None:
            return None
        with np.load(BytesIO(packed), allow_pickle=False) as arrays:
            if "version" not in arrays or str(arrays["version"]) != _format_version():
                return None
            layer = _read_layer(arrays)
            return (
                layer
                if str(arrays["fingerprint"]) == make_fingerprint(layer.ids.tolist())
                else None
            )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        _log.warning(
            "a file cannot be read, so its topics are compiled",
            file=f"{folder}/{name}",
            reason=error,
        )
        return None


def _name_file(range_id: int) -> str:
    return f"{range_id}.npz"


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
