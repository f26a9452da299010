"""The next changes of the ledger compared with topics."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Connection

from alerts.ledger import changes
from alerts.matching.matcher import BATCH_SIZE, Matcher
from alerts.queries import extract_fields

#: Matches: a topic and the number of a change.
Pairs: TypeAlias = list[tuple[int, int]]

#: Matches of one commit, for which everybody waits on SQLite: about a second. 100,000 topics can
#: have 600,000 matches in 600 changes.
MAX_MATCHES = 100_000


def match_batch(connection: Connection, matcher: Matcher, after: int, to: int) -> tuple[Pairs, int]:
    """Compare the next changes above ``after``, and up to ``to``, with topics.

    At most :data:`BATCH_SIZE` changes, and fewer where they have very many matches.

    Returns:
        The matches, and the number of the last change that was compared.
    """
    if not len(matcher):
        return [], to
    batch = changes.list_between(connection, after, to, BATCH_SIZE)
    texts = [extract_fields(some.change.after, [some.change.kind]) for some in batch]
    found, kept = matcher.match(texts).limit(len(batch), MAX_MATCHES)
    places = zip(found.topics.tolist(), found.records.tolist(), strict=True)
    pairs = [(topic, batch[place].seq) for topic, place in places]
    is_part = kept < len(batch) or len(batch) == BATCH_SIZE
    return pairs, batch[kept - 1].seq if is_part else to
