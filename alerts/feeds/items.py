"""What stands in a feed: each change of a question, and each notice about a source. Pure, but for
the templates.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from alerts.feeds.model import FeedIdentity, FeedItem
from alerts.model import Change, Notice, NumberedChange
from alerts.queries import Query, extract_fields, find_match
from alerts.rendering import Templates, clean_xml_text, normalise_link
from alerts.text import Snippet, find_snippet


def build_tag_uri(feed_identity: FeedIdentity, *parts: str) -> str:
    """A ``tag:`` URI (RFC 4151) that says nothing and never changes: no title, path or content."""
    name = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    return f"tag:{feed_identity.tag_authority}:{name}"


def build_items(
    newest_first: Sequence[NumberedChange],
    query: Query | None,
    feed_identity: FeedIdentity,
    templates: Templates,
    *,
    latest_only: bool = False,
) -> list[FeedItem]:
    """The items of some changes, with the passage that matches ``query`` above each.

    ``latest_only`` gives each question once, as its newest change left it, under an id of its own:
    what a
    reader has of it is replaced.
    """
    found: dict[str, FeedItem] = {}
    for numbered in newest_first:
        change = numbered.change
        asked_under = change.after.id
        key = build_tag_uri(feed_identity, "change", asked_under, change.kind, change.content_hash)
        if latest_only:
            key = build_tag_uri(feed_identity, "question", asked_under)
        if key not in found:
            found[key] = _build_item(key, numbered, query, feed_identity, templates)
    return list(found.values())


def _build_item(
    key: str,
    numbered: NumberedChange,
    query: Query | None,
    feed_identity: FeedIdentity,
    templates: Templates,
) -> FeedItem:
    change, question = numbered.change, numbered.change.after
    passage = _find_snippet(query, change)
    html = templates.render_html(
        "feed/item.html",
        question=question,
        kind=change.kind,
        previous=change.before,
        snippet=passage,
    )
    words = "".join(s.text for s in passage.segments) if passage else question.title or ""
    files = [file for given in question.answers for file in given.attachments]
    author = _find_author(change)
    first = build_tag_uri(feed_identity, "thread", question.parent or question.id)
    return FeedItem(
        id=key,
        title=clean_xml_text(f"{change.kind.info.label}: {question.title or question.id}"),
        url=normalise_link(question.url),
        updated_at=_truncate_to_second(numbered.recorded_at),
        summary=clean_xml_text(words),
        content_html=clean_xml_text(html),
        author=clean_xml_text(author) if author else None,
        attachments=tuple(
            (url, clean_xml_text(f.title)) for f in files if (url := normalise_link(f.url))
        ),
        thread_id=first,
    )


def build_notice_items(notices: Sequence[Notice], feed_identity: FeedIdentity) -> list[FeedItem]:
    """The items of notices: a source that is down, and that it is back."""
    return [_build_notice_item(notice, feed_identity) for notice in notices]


def _build_notice_item(notice: Notice, feed_identity: FeedIdentity) -> FeedItem:
    since = f"{notice.since.astimezone(UTC):%d %B %Y, %H:%M} UTC"
    if notice.kind == "unavailable":
        title = f"We cannot read {notice.site_name} at present"
        words = (
            f"{feed_identity.name} has not been able to read {notice.site_name} since {since}. "
            "What is published there in the meantime comes here when it can be read again."
        )
    else:
        title = f"We can read {notice.site_name} again"
        words = (
            f"{feed_identity.name} could not read {notice.site_name} from {since} on, and now can. "
            "What was published in the meantime comes here late, and nothing of it is left out."
        )
    kind = ("notice", notice.source, notice.kind, notice.since.astimezone(UTC).isoformat())
    return FeedItem(
        id=build_tag_uri(feed_identity, *kind),
        title=clean_xml_text(title),
        url=feed_identity.public_url and f"{feed_identity.public_url}/status",
        updated_at=_truncate_to_second(notice.created_at),
        summary=clean_xml_text(words),
        content_html=f"<p>{clean_xml_text(words)}</p>",
        author=feed_identity.name,
        attachments=(),
        thread_id=None,
    )


def join_attributions(changes: Sequence[NumberedChange], feed_identity: FeedIdentity) -> str:
    """What the licences of the sources in a feed want said, each once."""
    sources = dict.fromkeys(numbered.change.after.source for numbered in changes)
    said = (feed_identity.attributions[s] for s in sources if s in feed_identity.attributions)
    return clean_xml_text(" ".join(said))


def merge_items(items: Sequence[FeedItem], notices: Sequence[FeedItem]) -> list[FeedItem]:
    """Both, newest first; changes keep their order among themselves."""
    return sorted([*items, *notices], key=lambda item: item.updated_at, reverse=True)


def _find_snippet(query: Query | None, change: Change) -> Snippet | None:
    """Where the words of a query stand in the question, in what is new first."""
    if query is None:
        return None
    texts = extract_fields(change.after, [change.kind])
    found = find_match(query, texts)
    return find_snippet(texts, found.places, change.kind.info.snippet_fields) if found else None


def _find_author(change: Change) -> str | None:
    """Who spoke: the asker of a question, whoever answered an answer."""
    question = change.after
    by = [name for answer in question.answers for name in answer.answered_by]
    if change.kind.info.snippet_fields[0] == "answer" and by:
        return ", ".join(dict.fromkeys(by))
    return question.asked_by.name if question.asked_by else None


def _truncate_to_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
