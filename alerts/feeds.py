"""A topic's changes as RSS 2.0, Atom and JSON Feed. Pure, but for the templates.

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
from alerts.json_feed import Imprint, Item, json_feed
from alerts.labels import HEADLINES
from alerts.ledger.topics import Topic
from alerts.query import Query, parse
from alerts.rendering import Templates, web_address
from alerts.snippets import Snippet, snippet

_ILLEGAL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)


class Feed(msgspec.Struct, frozen=True):
    """One feed in its formats."""

    rss: bytes
    atom: bytes
    json: bytes


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
    rss, atom = (
        _feed(topic, moment, imprint, address(topic, imprint, f"{kind}.xml"))
        for kind in ("rss", "atom")
    )
    rights = _rights(newest_first, imprint)
    for feed in (rss, atom) if rights else ():
        feed.rights(clean(rights))
    items = _items(topic, newest_first, imprint, templates)
    for item in items:
        for feed in (rss, atom):
            feed.add_entry(_entry(item), order="append")
    return Feed(
        rss.rss_str(pretty=True),
        atom.atom_str(pretty=True),
        json_feed(title_of(topic, imprint), items, imprint, address(topic, imprint, "json")),
    )


def address(topic: Topic, imprint: Imprint, ending: str) -> str | None:
    """Where a topic's feed is found; None without a public address."""
    return f"{imprint.public_url}/feeds/{topic.slug}.{ending}" if imprint.public_url else None


def title_of(topic: Topic, imprint: Imprint) -> str:
    """``VRU: Watchword``"""
    return clean(f"{topic.title}: {imprint.name}")


def _items(
    topic: Topic, newest_first: Sequence[Numbered], imprint: Imprint, templates: Templates
) -> list[Item]:
    """What stands in each of the formats."""
    query = None if topic.question_id else parse(topic.canonical)
    found = []
    for numbered in newest_first:
        change, question = numbered.change, numbered.change.after
        passage = _passage(query, change)
        html = templates.entry(question, change.kind, change.before, passage)
        words = "".join(s.text for s in passage.segments) if passage else question.title or ""
        files = [file for given in question.answers for file in given.attachments]
        author = _author(numbered)
        found.append(
            Item(
                id=tag(imprint, "change", question.id, change.kind, change.digest),
                title=clean(f"{HEADLINES[change.kind]}: {question.title}"),
                url=web_address(question.url),
                moment=numbered.recorded_at.astimezone(UTC).replace(microsecond=0),
                summary=clean(words),
                html=clean(html),
                author=clean(author) if author else None,
                files=tuple((f.url, clean(f.title)) for f in files if web_address(f.url)),
            )
        )
    return found


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
    feed.title(title_of(topic, imprint))
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


def _entry(item: Item) -> FeedEntry:
    entry = FeedEntry()
    entry.load_extension("dc", atom=False, rss=True)
    entry.id(item.id)
    entry.guid(item.id, permalink=False)
    entry.title(item.title)
    if item.url:
        entry.link(href=item.url, rel="alternate")
    entry.published(item.moment)
    entry.updated(item.moment)
    # With a summary beside it feedgen puts the content where RSS has its place (content:encoded).
    entry.summary(item.summary)
    entry.content(item.html, type="html")
    if item.author:
        entry.author({"name": item.author})
        entry.dc.dc_creator(item.author)  # RSS wants an email address for an author, dc does not
    return entry


def _author(numbered: Numbered) -> str | None:
    """Who spoke: the asker of a question, whoever answered an answer."""
    question = numbered.change.after
    by = [name for answer in question.answers for name in answer.answered_by]
    if numbered.change.kind in {"answered", "holding", "corrected"} and by:
        return ", ".join(dict.fromkeys(by))
    return question.asked_by.name if question.asked_by else None
