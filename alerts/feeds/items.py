"""Items of feeds: each change of a question, and each notice about a source.

Pure, but for the template of an item's content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from alerts.feeds.model import FeedIdentity, FeedItem, FeedMetadata, ListedChanges
from alerts.language import format_day, format_moment, gettext
from alerts.model import Change, ChangeKind, Notice, NoticeKind, NumberedChange
from alerts.queries import Query, extract_fields, find_match
from alerts.rendering import (
    PASSAGE_LABELS,
    Templates,
    clean_xml_text,
    describe_day,
    describe_delay,
    describe_people,
    label_question,
    name_site,
    normalise_link,
)
from alerts.text import Snippet, find_passage, find_snippet
from crawler.records import Question

#: What the kinds were called when the first feeds were published. Ids are made from it, so a feed
#: reader would show every notice again if it changed.
_NOTICE_KIND_IDS: Final[Mapping[NoticeKind, str]] = {"unavailable": "silent", "restored": "mended"}


def build_tag_uri(identity: FeedIdentity, *parts: str) -> str:
    """Return a ``tag:`` URI (RFC 4151) that never changes.

    It shows nothing of ``parts``, so that nobody reads a meaning into it, and follows from them
    alone: no title, address or content that a source may edit.
    """
    name = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    return f"tag:{identity.tag_authority}:{name}"


def build_items(
    newest_first: Sequence[NumberedChange],
    query: Query | None,
    identity: FeedIdentity,
    *,
    templates: Templates,
    latest_only: bool = False,
    referred: Mapping[int, Sequence[Question]] = MappingProxyType({}),
) -> list[FeedItem]:
    """Return the items of some changes.

    Args:
        newest_first: The changes.
        query: Each item shows the passage that matches it.
        identity: Who publishes.
        templates: Render the content of each item.
        latest_only: Show each question once, as its newest change left it. The item's id is the
            question's, so a feed reader replaces the item when the question changes again.
        referred: By the number of a change, the known questions that its answers refer to.
    """
    items: dict[str, FeedItem] = {}
    sources = {*identity.site_urls, *(one.change.after.source for one in newest_first)}
    for numbered in newest_first:
        item_id = _build_item_id(numbered.change, identity, latest_only=latest_only)
        if item_id not in items:
            items[item_id] = _build_item(
                item_id,
                numbered,
                query,
                identity=identity,
                templates=templates,
                names_source=len(sources) > 1,
                referred=referred.get(numbered.seq, ()),
            )
    return list(items.values())


def _build_item_id(change: Change, identity: FeedIdentity, *, latest_only: bool) -> str:
    if latest_only:
        return build_tag_uri(identity, "question", change.after.id)
    return build_tag_uri(identity, "change", change.after.id, change.kind, change.content_hash)


def _build_item(
    item_id: str,
    numbered: NumberedChange,
    query: Query | None,
    *,
    identity: FeedIdentity,
    templates: Templates,
    names_source: bool,
    referred: Sequence[Question],
) -> FeedItem:
    change, question = numbered.change, numbered.change.after
    base_url = question.url or identity.site_urls.get(question.source)
    snippet = _find_snippet(query, change)
    html = templates.render_html(
        "feed/item.html",
        question=question,
        kind=change.kind,
        previous=change.before,
        snippet=snippet,
        base_url=base_url,
        referred=referred,
        delay=describe_delay(question) if change.kind is ChangeKind.ANSWERED else "",
        asked=describe_people(question),
        dated=describe_day(question),
    )
    author = _find_author(change)
    return FeedItem(
        id=item_id,
        title=clean_xml_text(_name_change(change)),
        url=normalise_link(question.url),
        updated_at=_truncate_to_second(numbered.recorded_at),
        summary=clean_xml_text(_summarise(snippet, change)),
        content_html=clean_xml_text(html),
        author=clean_xml_text(author) if author else None,
        attachments=_list_attachments(question, base_url),
        thread_id=build_tag_uri(identity, "thread", question.parent or question.id),
        category=name_site(question.source, identity.site_urls) if names_source else None,
    )


def _name_change(change: Change) -> str:
    """Return the title of an item: ``Answered: Park benches``."""
    label, title = gettext(change.kind.info.label), label_question(change.after)
    return gettext("%(change)s: %(title)s") % {"change": label, "title": title}


def _summarise(snippet: Snippet | None, change: Change) -> str:
    """Return the passage that matched, else what was asked and, where it is new, the answer.

    A question without any text has its title as its summary.
    """
    if snippet is not None:
        return "".join(segment.text for segment in snippet.segments)
    texts = extract_fields(change.after)
    shows_answer = change.kind.info.snippet_fields[0] == "answer"
    found = [find_passage(texts, (), "question")]
    found += [find_passage(texts, (), "answer")] if shows_answer else []
    passages = (
        f"{gettext(PASSAGE_LABELS[one.field])}: {''.join(segment.text for segment in one.segments)}"
        for one in found
        if one is not None
    )
    return " ".join(passages) or label_question(change.after)


def _list_attachments(question: Question, base_url: str | None) -> tuple[tuple[str, str], ...]:
    attachments = (file for answer in question.answers for file in answer.attachments)
    return tuple(
        (url, clean_xml_text(file.title))
        for file in attachments
        if (url := normalise_link(file.url, base_url))
    )


def build_notice_items(notices: Sequence[Notice], identity: FeedIdentity) -> list[FeedItem]:
    """Return the items of notices: a source that is unavailable, and that it is available again."""
    return [_build_notice_item(notice, identity) for notice in notices]


def _build_notice_item(notice: Notice, identity: FeedIdentity) -> FeedItem:
    since = format_moment(notice.since.astimezone(UTC))
    values = {"service": identity.name, "site": notice.site_name, "since": since}
    if notice.kind == "unavailable":
        title = gettext("We cannot read %(site)s at present") % values
        text = (
            gettext(
                "%(service)s has not been able to read %(site)s since %(since)s. What is published"
                " there in the meantime will appear here when we can read it again."
            )
            % values
        )
    else:
        title = gettext("We can read %(site)s again") % values
        text = (
            gettext(
                "%(service)s could not read %(site)s from %(since)s on, and now can. What was"
                " published in the meantime will appear here late. Nothing is left out."
            )
            % values
        )
    since_text = notice.since.astimezone(UTC).isoformat()
    parts = ("notice", notice.source, _NOTICE_KIND_IDS[notice.kind], since_text)
    return FeedItem(
        id=build_tag_uri(identity, *parts),
        title=clean_xml_text(title),
        url=identity.public_url and f"{identity.public_url}/status",
        updated_at=_truncate_to_second(notice.created_at),
        summary=clean_xml_text(text),
        content_html=f"<p>{clean_xml_text(text)}</p>",
        author=identity.name,
        attachments=(),
        thread_id=None,
    )


def build_limit_item(
    metadata: FeedMetadata, identity: FeedIdentity, listed: ListedChanges
) -> FeedItem:
    """Return the item that says why a feed is empty, or does not have all that it has room for.

    Its date is that of the feed, so it stands below all others.
    """
    if listed.is_complete:
        title = gettext("Nothing new yet")
        if metadata.created_at.year > 1970:
            day = format_day(metadata.created_at.date())
            title = gettext("Nothing new since %(day)s") % {"day": day}
        text = gettext(
            "This feed shows what is published from then on. Older questions are on the page that"
            " it links to."
        )
    else:
        title = gettext("This feed does not show all older questions")
        text = gettext(
            "Too many questions have these words to compare all of them for a feed. The page that"
            " it links to finds the older ones."
        )
    url = f"{identity.public_url}{metadata.page_path}" if identity.public_url else None
    kind = "empty" if listed.is_complete else "limit"
    return FeedItem(
        id=build_tag_uri(identity, kind, *metadata.id_parts),
        title=title,
        url=url,
        updated_at=_truncate_to_second(metadata.created_at),
        summary=text,
        content_html=f"<p>{text}</p>",
        author=identity.name,
        attachments=(),
        thread_id=None,
    )


def join_attributions(changes: Sequence[NumberedChange], identity: FeedIdentity) -> str:
    """Return the attributions of the sources of ``changes``, each once."""
    sources = dict.fromkeys(numbered.change.after.source for numbered in changes)
    texts = (identity.attributions[s] for s in sources if s in identity.attributions)
    return clean_xml_text(" ".join(texts))


def merge_items(items: Sequence[FeedItem], notice_items: Sequence[FeedItem]) -> list[FeedItem]:
    """Return both, newest first; items of the same time keep their order."""
    return sorted([*items, *notice_items], key=lambda item: item.updated_at, reverse=True)


def _find_snippet(query: Query | None, change: Change) -> Snippet | None:
    """Return the passage of the question that matches the query, in what is new first."""
    if query is None:
        return None
    texts = extract_fields(change.after, [change.kind])
    match = find_match(query, texts)
    return find_snippet(texts, match.places, change.kind.info.snippet_fields) if match else None


def _find_author(change: Change) -> str | None:
    """Return the names of those who answered, if an answer is new; else who asked."""
    question = change.after
    names = dict.fromkeys(name for answer in question.answers for name in answer.answered_by)
    if change.kind.info.snippet_fields[0] == "answer" and names:
        return ", ".join(names)
    return question.asked_by.name if question.asked_by else None


def _truncate_to_second(moment: datetime) -> datetime:
    """Return the time without microseconds: RFC 822 dates (RSS) have none."""
    return moment.astimezone(UTC).replace(microsecond=0)
