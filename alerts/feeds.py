"""A topic's changes as RSS 2.0 and Atom. Pure, but for the templates.

feedgen is wrapped for what it does by habit: one control character loses the whole feed, the last
link added becomes the channel's, entries come out in reverse, and both dates of a build are the
moment of the build, so that a feed that did not change would never be the same twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from alerts.changes import Change, Numbered
from alerts.entries import PREFERRED
from alerts.fields import fields
from alerts.finding import find
from alerts.labels import HEADLINES
from alerts.ledger.topics import Topic
from alerts.query import Query, parse
from alerts.rendering import Templates, web_address
from alerts.snippets import Snippet, snippet

_ILLEGAL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)


class Imprint(msgspec.Struct, frozen=True):
    """What is the same in every feed."""

    name: str  #: ``Watchword``
    tag_authority: str  #: ``example.org,2026``; chosen once, since every id is made from it
    home_url: str  #: where a feed's title leads when there are no public pages
    public_url: str | None = None
    attributions: dict[str, str] = {}  #: by source, what is to be said beside its words


class Feed(msgspec.Struct, frozen=True):
    """One feed in both formats."""

    rss: bytes
    atom: bytes


def tag(imprint: Imprint, *parts: str) -> str:
    """A ``tag:`` URI (RFC 4151) that says nothing and never changes: no title, path or content."""
    name = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    return f"tag:{imprint.tag_authority}:{name}"


def clean(text: str) -> str:
    """``text`` without the characters that XML 1.0 cannot hold."""
    return _ILLEGAL.sub("", text)


def build(
    topic: Topic, newest_first: Sequence[Numbered], imprint: Imprint, templates: Templates
) -> Feed:
    """The feed of a topic. The same changes give the same bytes."""
    moment = newest_first[0].recorded_at if newest_first else topic.created_at
    files = {
        kind: f"{imprint.public_url}/feeds/{topic.slug}.{kind}.xml"
        for kind in ("rss", "atom")
        if imprint.public_url
    }
    rss, atom = (_feed(topic, moment, imprint, files.get(kind)) for kind in ("rss", "atom"))
    rights = _rights(newest_first, imprint)
    for feed in (rss, atom) if rights else ():
        feed.rights(clean(rights))
    query = None if topic.question_id else parse(topic.canonical)
    for numbered in newest_first:
        change = numbered.change
        passage = _passage(query, change)
        html = templates.entry(change.after, change.kind, change.before, passage)
        for feed in (rss, atom):
            feed.add_entry(_entry(numbered, imprint, html, passage), order="append")
    return Feed(rss.rss_str(pretty=True), atom.atom_str(pretty=True))


def _rights(changes: Sequence[Numbered], imprint: Imprint) -> str:
    """What the licences of the sources in a feed want said, each once."""
    sources = dict.fromkeys(numbered.change.after.source for numbered in changes)
    return " ".join(imprint.attributions[s] for s in sources if s in imprint.attributions)


def _passage(query: Query | None, change: Change) -> Snippet | None:
    """Where the topic's words stand in the question, in what is new first."""
    if query is None:
        return None
    texts = fields(change.after, [change.kind])
    found = find(query, texts)
    return snippet(texts, found.places, PREFERRED[change.kind]) if found else None


def _feed(topic: Topic, moment: datetime, imprint: Imprint, own: str | None) -> FeedGenerator:
    feed = FeedGenerator()
    feed.load_extension("dc", atom=False, rss=True)
    feed.id(tag(imprint, "topic", topic.canonical))
    feed.title(clean(f"{topic.title}: {imprint.name}"))
    feed.subtitle(clean(f"Questions and answers that match {topic.title}"))
    feed.author({"name": clean(imprint.name)})
    feed.language("en-GB")
    feed.generator("Watchword")
    if own:
        feed.link(href=own, rel="self")
    feed.link(href=imprint.public_url or imprint.home_url, rel="alternate")
    feed.updated(moment)
    feed.lastBuildDate(moment)
    return feed


def _entry(numbered: Numbered, imprint: Imprint, html: str, passage: Snippet | None) -> FeedEntry:
    change = numbered.change
    question = change.after
    entry = FeedEntry()
    entry.load_extension("dc", atom=False, rss=True)
    name = tag(imprint, "change", question.id, change.kind, change.digest)
    entry.id(name)
    entry.guid(name, permalink=False)
    entry.title(clean(f"{HEADLINES[change.kind]}: {question.title}"))
    if url := web_address(question.url):
        entry.link(href=url, rel="alternate")
    moment = numbered.recorded_at.astimezone(UTC).replace(microsecond=0)
    entry.published(moment)
    entry.updated(moment)
    # With a summary beside it feedgen puts the content where RSS has its place (content:encoded).
    words = "".join(s.text for s in passage.segments) if passage else question.title or ""
    entry.summary(clean(words))
    entry.content(clean(html), type="html")
    if author := _author(numbered):
        entry.author({"name": clean(author)})
        entry.dc.dc_creator(clean(author))  # RSS wants an email address for an author, dc does not
    return entry


def _author(numbered: Numbered) -> str | None:
    """Who spoke: the asker of a question, whoever answered an answer."""
    question = numbered.change.after
    by = [name for answer in question.answers for name in answer.answered_by]
    if numbered.change.kind in {"answered", "holding", "corrected"} and by:
        return ", ".join(dict.fromkeys(by))
    return question.asked_by.name if question.asked_by else None
