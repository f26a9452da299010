"""A digest as a page: the whole of a long one, and the preview of the next."""

from __future__ import annotations

import msgspec

from alerts.digests import Digest, Entry


class DigestPart(msgspec.Struct, frozen=True):
    """A topic, and the questions that are shown under it."""

    query: str
    entries: tuple[Entry, ...]


def list_parts(digest: Digest) -> list[DigestPart]:
    """Return the parts of a digest, each question under the first topic that it matched."""
    by_query: dict[str, list[Entry]] = {}
    for entry in digest.entries:
        by_query.setdefault(entry.reasons[0].query, []).append(entry)
    return [DigestPart(query, tuple(entries)) for query, entries in by_query.items()]
