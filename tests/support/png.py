"""Reading the pixels of a PNG file (ISO/IEC 15948), so that pictures can be looked at by a test."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]

_BYTES_PER_PIXEL = {2: 3, 6: 4}  # truecolour, without and with alpha


def read_png_size(png: bytes) -> tuple[int, int]:
    """Width and height."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def count_colours(png: bytes) -> Counter[str]:
    """How many pixels have which colour: ``#0b5966``."""
    width, height = read_png_size(png)
    bit_depth, colour_type = png[24], png[25]
    assert bit_depth == 8
    size = _BYTES_PER_PIXEL[colour_type]
    raw = zlib.decompress(b"".join(body for kind, body in _iter_chunks(png) if kind == b"IDAT"))
    pixels = _unfilter(raw, width, height, size)[:, :, :3].astype(np.uint32)
    values = (pixels[:, :, 0] << 16) | (pixels[:, :, 1] << 8) | pixels[:, :, 2]
    colours, counts = np.unique(values, return_counts=True)
    return Counter({f"#{c:06x}": int(n) for c, n in zip(colours, counts, strict=True)})


def _iter_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def _unfilter(raw: bytes, width: int, height: int, size: int) -> Bytes:
    """Undo the filters of the lines (section 9 of the standard)."""
    stride = width * size
    lines = np.frombuffer(raw, np.uint8).reshape(height, stride + 1)
    found = np.zeros((height, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    for n in range(height):
        kind, line = int(lines[n, 0]), lines[n, 1:]
        found[n] = above = _unfilter_line(kind, line, above, size)
    return found.reshape(height, width, size)


def _unfilter_line(kind: int, line: Bytes, above: Bytes, size: int) -> Bytes:
    if kind == 0:
        return line
    if kind == 2:
        return line + above
    if kind == 1:
        return np.cumsum(line.reshape(-1, size), axis=0, dtype=np.uint8).reshape(-1)
    done: list[int] = []
    for value, up, corner in zip(
        line.tolist(), above.tolist(), [0] * size + above.tolist()[:-size], strict=True
    ):
        left = done[-size] if len(done) >= size else 0
        guess = (left + up) // 2 if kind == 3 else _choose_paeth(left, up, corner)
        done.append((value + guess) & 255)
    return np.array(done, np.uint8)


def _choose_paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
