"""Two independent readings of the same page, compared. Pure.

A site that is rebuilt changes its class names or its labels, seldom both on one day. A field that
only one reading finds is taken from it; a field on which they differ makes the page suspect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from crawler.items import Paragraph, QuestionItem
from crawler.records import same_words

Reading = dict[str, str]


def by_label(
    lines: Sequence[Paragraph], labels: Mapping[str, str], body: Sequence[Paragraph]
) -> Reading:
    """The fields that a page's visible labels name: a label and the words beside or below it.

    ``labels`` gives the field of each label (lower case, without its colon). They stand above the
    question, ``body``: a "Reference:" within its words is another question's.
    """
    fields: Reading = {}
    rest = iter(lines)
    for line in rest:
        if line in body[:1] or line.text.lower() == "answer":
            break
        label, colon, value = line.text.partition(":")
        name = labels.get(label.strip().lower())
        if name is None or not colon:
            continue
        value = value.strip().removeprefix("|").strip()
        if value or (value := next(rest, Paragraph("")).text):
            fields.setdefault(name, value)
    return fields


def with_fields(item: QuestionItem, fields: Reading) -> QuestionItem:
    """``item`` with the fields of a reading, each under its own name."""
    return msgspec.structs.replace(item, **fields)


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
