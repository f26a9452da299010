"""Which entries an email has room for: in full, by their titles, or only counted.

Gmail cuts off what comes after 102 kB, and nobody reads a hundred passages. The first entry of each
topic comes before the second of any, so that one busy topic leaves room for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest

import msgspec

from alerts.digests.digest import Digest, DigestSection
from alerts.digests.entries import EntryOutline
from alerts.digests.entry_renderer import EntryRenderer, RenderedEntry
from alerts.mail import bound_part_size

#: How many entries show their passages, where they are short.
MAX_FULL_ENTRIES = 20
#: Bytes of each part of the email, as sent. Gmail cuts off what comes after 102 kB.
MAX_PART_SIZE = 90_000
#: Bytes of the entries that show their passages: 20 of 3.3 kB, so that titles of others find a
#: place.
_MAX_FULL_SIZE = 66_000
#: Bytes that are kept free for the sentences below the titles: 60 for each of 20 topics.
_TITLES_FRAME_SIZE = 1_500
#: Topics that have a heading. Somebody may have hundreds, and each takes about 1 kB.
_MAX_SECTIONS = 20
#: Bytes of what stands around the entries: 6 kB, and with three notices 8 kB.
_FRAME_SIZE = 9_000
#: Bytes of a topic's heading and its line of the contents, without the topic's own words.
_SECTION_SIZE = 1_000
#: How often a topic's words are in each part: in the contents and in the heading.
_NAMES_PER_SECTION = 2


class ShownSection(msgspec.Struct, frozen=True):
    """What an email shows of one topic."""

    section: DigestSection
    full: tuple[RenderedEntry, ...] = ()  #: with their passages
    titles: tuple[RenderedEntry, ...] = ()  #: the entries after those, as titles

    @property
    def left_out(self) -> int:
        """How many entries come after those."""
        return len(self.section.entries) - len(self.full) - len(self.titles)


class ShownDigest(msgspec.Struct, frozen=True):
    """What an email shows of a digest."""

    sections: tuple[ShownSection, ...]
    hidden_topics: int = 0  #: how many topics there is no room for

    @property
    def not_full(self) -> int:
        """How many entries of the topics that are shown do not show their passages."""
        return sum(len(one.titles) + one.left_out for one in self.sections)

    @property
    def encoded_pieces(self) -> dict[str, str]:
        """The entries in quoted-printable, by what they are in the templates."""
        entries = [entry for one in self.sections for entry in (*one.full, *one.titles)]
        html = {entry.html: entry.html_lines for entry in entries}
        return html | {entry.text: entry.text_lines for entry in entries}

    @property
    def is_cut(self) -> bool:
        """Whether the page with the whole digest shows more."""
        return bool(self.not_full or self.hidden_topics)


def show_full_entries(digest: Digest, renderer: EntryRenderer) -> ShownDigest:
    """Return the topics with the first entries of each, as many as may be shown in full."""
    sections = _choose_sections(digest.sections)
    names_source = renderer.names_sources(digest)
    full: list[list[RenderedEntry]] = [[] for _ in sections]
    room = min(_MAX_FULL_SIZE, MAX_PART_SIZE - _bound_frame_size(digest, sections))
    for place, outline, is_indented in _take_turns(sections, [0] * len(sections)):
        if sum(map(len, full)) == MAX_FULL_ENTRIES:
            break
        rendered = renderer.render_full(
            outline, is_supplementary=is_indented, names_source=names_source
        )
        room -= rendered.size
        if room < 0:
            break
        full[place].append(rendered)
    shown = (ShownSection(one, tuple(some)) for one, some in zip(sections, full, strict=True))
    return ShownDigest(tuple(shown), len(digest.sections) - len(sections))


def add_titles(
    digest: Digest, shown: ShownDigest, frame_size: int, renderer: EntryRenderer
) -> ShownDigest:
    """Return ``shown`` with the titles of the next entries, as many as there is room for.

    Args:
        digest: The digest.
        shown: What is shown of it in full.
        frame_size: Bytes of the larger part of the email without the titles.
        renderer: Renders the titles.
    """
    titles: list[list[RenderedEntry]] = [[] for _ in shown.sections]
    sections = [one.section for one in shown.sections]
    names_source = renderer.names_sources(digest)
    room = MAX_PART_SIZE - _TITLES_FRAME_SIZE - frame_size
    for place, outline, _ in _take_turns(sections, [len(one.full) for one in shown.sections]):
        rendered = renderer.render_title(outline, names_source=names_source)
        room -= rendered.size
        if room < 0:
            break
        titles[place].append(rendered)
    with_titles = (
        ShownSection(one.section, one.full, tuple(some))
        for one, some in zip(shown.sections, titles, strict=True)
    )
    return ShownDigest(tuple(with_titles), shown.hidden_topics)


def _choose_sections(sections: Sequence[DigestSection]) -> tuple[DigestSection, ...]:
    """Return the topics that have a heading: where they are too many, those with entries first."""
    if len(sections) <= _MAX_SECTIONS:
        return tuple(sections)
    chosen = sorted(range(len(sections)), key=lambda n: not sections[n].threads)[:_MAX_SECTIONS]
    return tuple(sections[n] for n in sorted(chosen))


def _bound_frame_size(digest: Digest, sections: Iterable[DigestSection]) -> int:
    """Return a number of bytes that the parts have at most without their entries."""
    topics = [one.topic for one in sections]
    names = chain((topic.query for topic in topics), (topic.note or "" for topic in topics))
    words = sum(bound_part_size(shorten_name(name)) for name in names)
    damaged = sum(bound_part_size(query) for query in list_damaged(digest))
    return _FRAME_SIZE + len(topics) * _SECTION_SIZE + _NAMES_PER_SECTION * words + damaged


def _take_turns(
    sections: Sequence[DigestSection], starts: Sequence[int]
) -> Iterator[tuple[int, EntryOutline, bool]]:
    """Yield the entries of all topics in turn: the number of the topic, the entry, the indent."""
    columns = (
        [(place, outline, is_indented) for outline, is_indented in one.indented_entries[start:]]
        for place, (one, start) in enumerate(zip(sections, starts, strict=True))
    )
    return (item for turn in zip_longest(*columns) for item in turn if item is not None)


#: Characters of a topic or a note in an email. A query may have 500.
_MAX_NAME_LENGTH = 80
#: Damaged queries that are named. Somebody may have hundreds.
_MAX_DAMAGED_QUERIES = 10


def shorten_name(text: str) -> str:
    """Return a topic, a note or a title in at most 80 characters."""
    return text if len(text) <= _MAX_NAME_LENGTH else f"{text[: _MAX_NAME_LENGTH - 1].rstrip()}…"


def list_damaged(digest: Digest) -> tuple[str, ...]:
    """Return the damaged queries that an email names, shortened."""
    return tuple(map(shorten_name, digest.damaged_queries[:_MAX_DAMAGED_QUERIES]))
