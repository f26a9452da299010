"""What a digest says around its entries: topics with their counts, notices, what has no room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from alerts.digests.digest import Digest
from alerts.digests.entry_renderer import RenderedEntry
from alerts.digests.room import ShownDigest, ShownSection, list_damaged, shorten_name
from alerts.language import format_moment, gettext, ngettext
from alerts.mail import EmailLinks
from alerts.model import Notice
from alerts.rendering import summarise_kinds

#: Characters of the longest name in the contents that the counts stand beside, in plain text.
_MAX_PADDING = 28


class SectionWords(NamedTuple):
    """One topic of an email, as the templates show it. Texts are empty where nothing is to say.

    The templates take it apart in their loops: a lookup by name in each would cost a tenth of the
    time of a digest.
    """

    anchor: str
    heading: str  #: empty for a followed question below another one
    counts: str  #: in the contents
    note: str
    entries: tuple[RenderedEntry, ...]  #: those shown in full, then titles
    remarks: tuple[str, ...]  #: what is left out, and what is shown elsewhere
    stop_label: str
    stop_url: str | None
    shares_heading: bool  #: whether several followed questions have one heading


class ContentsLine(NamedTuple):
    """One topic in the contents of an email."""

    anchor: str
    name: str
    padded_name: str  #: of the length of the longest, for plain text
    counts: str


def build_contents(sections: Iterable[SectionWords]) -> list[ContentsLine]:
    """Return the contents of an email; empty where it has one topic."""
    named = [one for one in sections if one.heading]
    if len(named) == 1:
        return []
    width = min(_MAX_PADDING, max((len(one.heading) for one in named), default=0))
    return [
        ContentsLine(one.anchor, one.heading, one.heading.ljust(width), one.counts) for one in named
    ]


def build_sections(shown: ShownDigest, links: EmailLinks) -> list[SectionWords]:
    """Return the topics of an email; followed questions come last and share one heading."""
    followed = [one for one in shown.sections if one.section.topic.is_followed_question]
    topics = [one for one in shown.sections if not one.section.topic.is_followed_question]
    return [
        *(_describe_topic(n, one, links) for n, one in enumerate(topics, 1)),
        *(_describe_followed(n, followed, links) for n in range(len(followed))),
    ]


def _describe_topic(number: int, shown: ShownSection, links: EmailLinks) -> SectionWords:
    section = shown.section
    return SectionWords(
        anchor=f"topic-{number}",
        heading=shorten_name(section.topic.query),
        counts=section.count_summary or _describe_elsewhere(section.elsewhere),
        note=_describe_note(section.topic.note),
        entries=(*shown.full, *shown.titles),
        remarks=_list_remarks(_describe_left_out(shown), _describe_elsewhere(section.elsewhere)),
        stop_label=gettext("Stop this alert"),
        stop_url=links.build_stop_alert_link(section.position.subscription_id),
        shares_heading=False,
    )


def _describe_followed(
    index: int, followed: Sequence[ShownSection], links: EmailLinks
) -> SectionWords:
    shown = followed[index]
    is_only = len(followed) == 1
    heading = ngettext("A question that you follow", "Questions that you follow", len(followed))
    kinds = [entry.kind for one in followed for entry in one.section.entries]
    return SectionWords(
        anchor="followed",
        heading="" if index else heading,
        counts=summarise_kinds(kinds) or _describe_elsewhere(shown.section.elsewhere),
        note=_describe_note(shown.section.topic.note),
        entries=(*shown.full, *shown.titles),
        remarks=_list_remarks(_describe_left_out(shown), _describe_followed_elsewhere(shown)),
        stop_label=gettext("Stop following"),
        stop_url=links.build_stop_alert_link(shown.section.position.subscription_id),
        shares_heading=not is_only,
    )


def _list_remarks(*remarks: str) -> tuple[str, ...]:
    return tuple(filter(None, remarks))


def _describe_note(note: str | None) -> str:
    return gettext("Your note: %(note)s") % {"note": shorten_name(note)} if note else ""


def _describe_elsewhere(number: int) -> str:
    if not number:
        return ""
    text = ngettext(
        "%(number)s question is shown above, under another alert.",
        "%(number)s questions are shown above, under other alerts.",
        number,
    )
    return text % {"number": number}


def _describe_followed_elsewhere(shown: ShownSection) -> str:
    """Return which followed question is shown under a topic that it matched."""
    if not shown.section.elsewhere:
        return ""
    title = shorten_name(shown.section.topic.query)
    return gettext("“%(title)s” is shown above, under another alert.") % {"title": title}


def _describe_left_out(shown: ShownSection) -> str:
    if not shown.left_out:
        return ""
    text = gettext("And %(number)s more, for which an email has no room.")
    return text % {"number": shown.left_out}


def describe_hidden_topics(number: int) -> str:
    """Return the sentence about topics that have no heading; empty for none."""
    if not number:
        return ""
    text = ngettext(
        "%(number)s more alert has news, for which an email has no room.",
        "%(number)s more alerts have news, for which an email has no room.",
        number,
    )
    return text % {"number": number}


def describe_notices(digest: Digest, now: datetime) -> list[str]:
    """Return what stands above the topics: sources that cannot be read, and damaged queries.

    Args:
        digest: The digest.
        now: The time, in the subscriber's time zone.
    """
    notices = [_describe_notice(notice, now) for notice in digest.notices]
    damaged = gettext(
        "“%(query)s” finds nothing at present: what we kept of it is damaged. "
        "Please subscribe to it again. We know of it."
    )
    return [*notices, *(damaged % {"query": query} for query in list_damaged(digest))]


def _describe_notice(notice: Notice, now: datetime) -> str:
    if notice.kind == "unavailable":
        text = gettext(
            "We have not been able to read %(site)s since %(since)s. Anything published there "
            "since then is missing from your emails. We will email you when we can read it again."
        )
    else:
        text = gettext(
            "We can read %(site)s again. We could not since %(since)s. "
            "We will send you what was published in the meantime as usual."
        )
    since = format_moment(notice.since.astimezone(now.tzinfo))
    return text % {"site": notice.site_name, "since": since}
