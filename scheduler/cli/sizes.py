"""Sizes of files, in words."""

from __future__ import annotations


def format_size(size: int) -> str:
    """Return a number of bytes as ``4.2 MB``, in powers of a thousand."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:.1f} {unit}"
    return f"{value / 1000:.1f} TB"
