"""Two independent readings of the same page, compared. Pure.

A site that is rebuilt changes its class names or its labels, seldom both on one day. A field that
only one reading finds is taken from it; a field on which they differ makes the page suspect.
"""

from __future__ import annotations

from crawler.records import same_words

Reading = dict[str, str]


def compare(structure: Reading, label: Reading) -> tuple[Reading, tuple[str, ...]]:
    """The fields of both readings, and the names of those on which they differ.

    Where they differ the structure's value is kept; white space, quotes, dashes and case are no
    difference.
    """
    differ = tuple(
        f"{name}: {structure[name]!r} by structure, {label[name]!r} by label"
        for name in sorted(structure.keys() & label.keys())
        if same_words(structure[name]).lower() != same_words(label[name]).lower()
    )
    return label | structure, differ
