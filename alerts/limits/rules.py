"""The limits: what is counted, for whom, and how much of it is allowed. Pure.

Each limit has its reason beside it, which the documentation shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import msgspec

from alerts.language import gettext, ngettext
from alerts.language import gettext_noop as _

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
#: Who searches as they type is held up for minutes, not for an hour.
_TEN_MINUTES = timedelta(minutes=10)


class Scope(StrEnum):
    """Whom a limit counts for."""

    MAILBOX = "mailbox"  #: one mailbox, however its address is written
    NETWORK = "network"  #: a /24 of IPv4, a /64 of IPv6
    SITE = "site"  #: a /48 of IPv6
    ALL = "all"  #: everybody together: the ceiling

    @property
    def label(self) -> str:
        """What it is called in documents and on the operator's page."""
        return _SCOPE_LABELS[self]


_SCOPE_LABELS = {
    Scope.MAILBOX: "a mailbox",
    Scope.NETWORK: "a network",
    Scope.SITE: "an IPv6 /48",
    Scope.ALL: "in all",
}

#: For what takes as long as a search, in ten minutes.
_FOR_SEARCHES = {Scope.NETWORK: 1200, Scope.SITE: 3600, Scope.ALL: 12_000}


class LimitRule(msgspec.Struct, frozen=True):
    """How much of one kind of thing is allowed."""

    period: timedelta
    most: Mapping[Scope, int]  #: in each period
    reason: str  #: why it is so much and not more
    #: The sentence for who is refused, before the one that says when to try again.
    refusal: str = _("Too many requests from your network.")
    #: How much is left to each network, or mailbox, when everybody together has reached the
    #: ceiling: somebody with a few networks must not be able to shut out all others. Nothing where
    #: the ceiling protects people who did not ask for anything.
    reserve: int = 0

    @property
    def period_label(self) -> str:
        """The period in words: ``an hour``."""
        return _PERIOD_LABELS[self.period]


_PERIOD_LABELS = {_TEN_MINUTES: "10 minutes", _HOUR: "an hour", _DAY: "a day"}


class Limit(StrEnum):
    """What is limited; the value is its name in the plural."""

    SIGN_UPS = "sign-ups"  #: and other requests that may send an email
    CONFIRMATIONS = "emails to unconfirmed people"  #: to somebody who has not confirmed
    MAILBOX_CONFIRMATIONS = "emails to one unconfirmed mailbox"
    CHANGES = "changes by a subscriber"
    SEARCHES = "searches over the API"
    PREVIEWS = "searches on the home page"
    FEEDS = "feeds made on request"
    CHARTS = "charts and pictures made on request"
    EXPORTS = "exports"
    WRONG_LINKS = "wrong links and passwords"

    @property
    def rule(self) -> LimitRule:
        """How much is allowed."""
        return _RULES[self]


_RULES = {
    Limit.SIGN_UPS: LimitRule(
        _HOUR,
        {Scope.NETWORK: 10, Scope.SITE: 30, Scope.ALL: 5000},
        "Each may send somebody an email. The people of an office may sign up together.",
    ),
    Limit.CONFIRMATIONS: LimitRule(
        _HOUR,
        {Scope.NETWORK: 10, Scope.SITE: 30, Scope.ALL: 200},
        "Strangers cause them. 200 an hour are more than a small service gets on its best day, and "
        "few enough that mail servers do not take it for a source of spam. A request that sends "
        "none counts as well: otherwise the count would tell what is known of an address.",
    ),
    Limit.MAILBOX_CONFIRMATIONS: LimitRule(
        _DAY,
        {Scope.MAILBOX: 20},
        "Who sets up alerts one by one gets an email for each. Who answers none gets three in a "
        "month. Addresses that lead to one mailbox count together.",
    ),
    Limit.CHANGES: LimitRule(
        _DAY,
        {Scope.MAILBOX: 30, Scope.ALL: 5000},
        "Each rewording makes a topic and its feeds. Setting up ten alerts takes about 30.",
        _("You have made as many changes as we allow in a day."),
        reserve=5,
    ),
    Limit.SEARCHES: LimitRule(
        _TEN_MINUTES,
        _FOR_SEARCHES,
        "Each may take 0.1 s of a processor, so a network can take a fifth of one, and all "
        "together two. Whoever wants everything is better served by an export.",
        reserve=60,
    ),
    Limit.PREVIEWS: LimitRule(
        _TEN_MINUTES,
        _FOR_SEARCHES,
        "The page searches while somebody types, about 10 times for a query: so 120 queries for "
        "the people of one office.",
        reserve=60,
    ),
    Limit.FEEDS: LimitRule(
        _TEN_MINUTES,
        _FOR_SEARCHES,
        "An aggregator can read 7,200 feeds each hour. Feeds that are files, and a feed that was "
        "made within the last second, are not counted.",
        reserve=60,
    ),
    Limit.CHARTS: LimitRule(
        _TEN_MINUTES,
        _FOR_SEARCHES,
        "Each may take as long as a search. A chart in the article of another site is asked for by "
        "everybody who reads it there, so it does not count as a search.",
        reserve=60,
    ),
    Limit.EXPORTS: LimitRule(
        _HOUR,
        {Scope.NETWORK: 60, Scope.SITE: 120, Scope.ALL: 600},
        "Each may take 20 s of the database's time.",
        reserve=3,
    ),
    Limit.WRONG_LINKS: LimitRule(
        _HOUR,
        {Scope.NETWORK: 60, Scope.SITE: 180, Scope.ALL: 6000},
        "Links have 128 random bits, so this only limits noise. Right ones are never refused.",
        _("Too many wrong links or passwords from your network."),
    ),
}


class LimitReached(msgspec.Struct, frozen=True):
    """Why something is refused, and for how long."""

    limit: Limit
    scope: Scope
    seconds: int  #: until it is worth while to try again: Retry-After

    @property
    def sentence(self) -> str:
        """What whoever is refused is told."""
        refusal = self.limit.rule.refusal
        if self.scope is Scope.ALL:
            refusal = _("This service has more requests than it can answer.")
        values = {"refusal": gettext(refusal), "time": _say_duration(self.seconds)}
        return gettext("%(refusal)s Try again in %(time)s.") % values


def _say_duration(seconds: int) -> str:
    """Return a duration in words, rounded up: ``12 minutes``."""
    minutes = -(-seconds // 60)
    if minutes > _MAX_MINUTES:
        hours = -(-minutes // 60)
        return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}
    if minutes <= 1:
        return gettext("a minute")
    return ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": minutes}


#: More are said in hours.
_MAX_MINUTES = 120
