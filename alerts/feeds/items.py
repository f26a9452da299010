"""What stands in a feed: each change of a question, and each notice about a source. Pure, but for
the templates.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from alerts.feeds.json_feed import Imprint, Item
from alerts.model import PREFERRED, Change, Kind, Notice, Numbered
from alerts.queries.fields import fields
from alerts.queries.find import find
from alerts.queries.parse import Query
from alerts.queries.snippets import Snippet, snippet
from alerts.rendering.labels import HEADLINES
from alerts.rendering.templates import Templates
from alerts.rendering.urls import web_address

_ILLEGAL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)

#: What a follower may have alone: new questions, answers, or each question once, as it stands.
ONLY: dict[str, tuple[Kind, ...]] = {
    "asked": ("asked",),
    "answered": ("answered", "corrected"),
    "latest": (),
}


def tag(imprint: Imprint, *parts: str) -> str:
    """A ``tag:`` URI (RFC 4151) that says nothing and never changes: no title, path or content."""
    name = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    return f"tag:{imprint.tag_authority}:{name}"


def clean(text: str) -> str:
    """``text`` without the characters that XML 1.0 cannot hold."""
    return _ILLEGAL.sub("", text)


def items_of(
    newest_first: Sequence[Numbered],
    query: Query | None,
    imprint: Imprint,
    templates: Templates,
    *,
    once: bool = False,
) -> list[Item]:
    """The items of some changes, with the passage that matches ``query`` above each.

    ``once`` gives each question once, as its newest change left it, under an id of its own: what a
    reader has of it is replaced.
    """
    found: dict[str, Item] = {}
    for numbered in newest_first:
        change = numbered.change
        asked_under = change.after.id
        key = tag(imprint, "change", asked_under, change.kind, change.digest)
        if once:
            key = tag(imprint, "question", asked_under)
        if key not in found:
            found[key] = _item(key, numbered, query, imprint, templates)
    return list(found.values())


def _item(
    key: str, numbered: Numbered, query: Query | None, imprint: Imprint, templates: Templates
) -> Item:
    change, question = numbered.change, numbered.change.after
    passage = _passage(query, change)
    html = templates.entry(question, change.kind, change.before, passage)
    words = "".join(s.text for s in passage.segments) if passage else question.title or ""
    files = [file for given in question.answers for file in given.attachments]
    author = _author(change)
    first = tag(imprint, "thread", question.parent or question.id)
    return Item(
        id=key,
        title=clean(f"{HEADLINES[change.kind]}: {question.title or question.id}"),
        url=web_address(question.url),
        moment=_second(numbered.recorded_at),
        summary=clean(words),
        html=clean(html),
        author=clean(author) if author else None,
        files=tuple((url, clean(f.title)) for f in files if (url := web_address(f.url))),
        thread=first,
    )


def notice_items(notices: Sequence[Notice], imprint: Imprint) -> list[Item]:
    """The items of notices: a source that is down, and that it is back."""
    return [_notice(notice, imprint) for notice in notices]


def _notice(notice: Notice, imprint: Imprint) -> Item:
    since = f"{notice.since.astimezone(UTC):%d %B %Y, %H:%M} UTC"
    if notice.kind == "silent":
        title = f"We cannot read {notice.place} at present"
        words = (
            f"{imprint.name} has not been able to read {notice.place} since {since}. What is "
            "published there in the meantime comes here when it can be read again."
        )
    else:
        title = f"We can read {notice.place} again"
        words = (
            f"{imprint.name} could not read {notice.place} from {since} on, and now can. What was "
            "published in the meantime comes here late, and nothing of it is left out."
        )
    kind = ("notice", notice.source, notice.kind, notice.since.astimezone(UTC).isoformat())
    return Item(
        id=tag(imprint, *kind),
        title=clean(title),
        url=imprint.public_url and f"{imprint.public_url}/status",
        moment=_second(notice.created_at),
        summary=clean(words),
        html=f"<p>{clean(words)}</p>",
        author=imprint.name,
        files=(),
        thread=None,
    )


def rights_of(changes: Sequence[Numbered], imprint: Imprint) -> str:
    """What the licences of the sources in a feed want said, each once."""
    sources = dict.fromkeys(numbered.change.after.source for numbered in changes)
    said = (imprint.attributions[s] for s in sources if s in imprint.attributions)
    return clean(" ".join(said))


def merged(items: Sequence[Item], notices: Sequence[Item]) -> list[Item]:
    """Both, newest first; changes keep their order among themselves."""
    return sorted([*items, *notices], key=lambda item: item.moment, reverse=True)


def _passage(query: Query | None, change: Change) -> Snippet | None:
    """Where the words of a query stand in the question, in what is new first."""
    if query is None:
        return None
    texts = fields(change.after, [change.kind])
    found = find(query, texts)
    return snippet(texts, found.places, PREFERRED[change.kind]) if found else None


def _author(change: Change) -> str | None:
    """Who spoke: the asker of a question, whoever answered an answer."""
    question = change.after
    by = [name for answer in question.answers for name in answer.answered_by]
    if change.kind in {"answered", "holding", "corrected"} and by:
        return ", ".join(dict.fromkeys(by))
    return question.asked_by.name if question.asked_by else None


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


class Content(msgspec.Struct, frozen=True):
    """What a feed holds at one time."""

    items: tuple[Item, ...]  #: newest first
    rights: str
