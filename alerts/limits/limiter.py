"""Holding what clients do against the limits."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cachetools import LRUCache

from alerts.ledger import LedgerError, LedgerUnavailable
from alerts.ledger.rate_counts import CountKey, FullCount, RateCounts, Reserve, is_reserved
from alerts.limits.networks import Client
from alerts.limits.rules import Limit, LimitReached, LimitRule, Scope
from alerts.mail import fold_address
from crawler.event_log import get_logger

log = get_logger("watchword.limits")

#: Seconds for which a process believes what it knows of a count before it looks again.
_SHARING_INTERVAL = 1.0
#: Counts that a process remembers: 20,000 of 400 bytes are 8 MB.
_MAX_REMEMBERED = 20_000
#: Counts that are looked through for the highest of each scope.
_MAX_LISTED = 1000
#: Seconds between two lines of the log about counts that cannot be used.
_LOG_INTERVAL = 60.0
#: Seconds to wait that are told where the shared counts cannot be used.
_UNKNOWN_SECONDS = 60
#: For what is only counted.
_NO_LIMIT = 2**62
_ALL = CountKey(Scope.ALL, "all")
#: Refusals are counted under the limit's name with this added.
_REFUSED = " refused"
_UNTRUSTED_PROXIES = "untrusted proxies"
_DAY = timedelta(days=1)
#: Seconds between two notes of an untrusted proxy: it may stand before each request.
_PROXY_INTERVAL = 60.0
#: Seconds between two lines of the log about one.
_PROXY_LOG_INTERVAL = 3600.0
#: Untrusted proxies that the operator is shown.
_NAMED_PROXIES = 3
#: 96 bits in hexadecimal digits: no two mailboxes share them by chance.
_HASH_LENGTH = 24


class LimitUse(msgspec.Struct, frozen=True):
    """How far a limit is used, for one scope."""

    limit: Limit
    scope: Scope
    most: int  #: allowed in a period
    period: str  #: in words
    highest: int  #: count of whoever is nearest to it
    who: str | None  #: their network; None for a mailbox, which is not shown
    refused: int  #: in the last period


class LimitReport(msgspec.Struct, frozen=True):
    """How far the limits are used, for the operator."""

    use: tuple[LimitUse, ...] = ()  #: in the order of the documents
    warnings: tuple[str, ...] = ()  #: what is odd about how clients are told apart

    @property
    def notable(self) -> tuple[LimitUse, ...]:
        """What is used by half or more, or has refused somebody."""
        return tuple(one for one in self.use if one.refused or one.highest * 2 >= one.most)

    @property
    def reached_ceilings(self) -> tuple[LimitUse, ...]:
        """Where somebody was refused because of what everybody did together."""
        return tuple(one for one in self.use if one.scope is Scope.ALL and one.refused)


class _Known(msgspec.Struct):
    """What a process knows of a count."""

    total: int = 0  #: of all processes, as last seen
    seconds: int = 0  #: until one more is allowed, as last seen; 0 where it was allowed
    unshared: int = 0  #: counted since then by this process
    shared_at: float = float("-inf")  #: monotonic time
    seen_at: datetime = datetime.min.replace(tzinfo=UTC)  #: by the clock, which may be set

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it was seen within the last second."""
        is_recent = time.monotonic() - self.shared_at < _SHARING_INTERVAL
        return is_recent and abs(now - self.seen_at) < timedelta(seconds=_SHARING_INTERVAL)


class _Shared(msgspec.Struct, frozen=True):
    """Counts that are shared with other processes once a second."""

    name: str  #: of the limit, or of what is only counted
    period: timedelta
    most: Mapping[CountKey, int]


class Limiter:
    """Counts what clients do, and says what is over a limit. Threads may share it.

    There are two ways to count. `count` is exact over all processes and is meant for whatever sends
    emails, changes something or costs much. `count_soon` looks at the shared counts once a second
    at most: a burst can get past it for as long, and a process that is killed loses the counts of
    its last second.
    """

    def __init__(
        self,
        counts: RateCounts,
        key: bytes,
        clock: Callable[[], datetime],
        confirmations_in_all: int | None = None,
    ) -> None:
        """Prepare to count.

        Args:
            counts: Where the counts are kept.
            key: A secret that mailboxes are hashed with: the counts do not name anybody.
            clock: Returns the time now.
            confirmations_in_all: The most emails to unconfirmed people in an hour; None for the
                usual number.
        """
        self._counts, self._key, self._clock = counts, key, clock
        self._rules = {limit: limit.rule for limit in Limit}
        if confirmations_in_all is not None:
            self._rules[Limit.CONFIRMATIONS] = _set_ceiling(
                Limit.CONFIRMATIONS.rule, confirmations_in_all
            )
        self._known: LRUCache[tuple[str, CountKey], _Known] = LRUCache(_MAX_REMEMBERED)
        self._lock = threading.Lock()
        self._logged_at = self._proxy_noted_at = self._proxy_logged_at = float("-inf")

    def count(
        self, limit: Limit, client: Client | None = None, address: str | None = None
    ) -> LimitReached | None:
        """Count one, exactly; return why it is refused, None if it is not.

        A refusal is not counted.

        Args:
            limit: What to count.
            client: Whose request it is; None where no client is.
            address: The email address that it is about.

        Raises:
            LedgerUnavailable: It cannot be counted now.
            LedgerError: The counts may not be written.
        """
        period, now = self._rules[limit].period, self._clock()
        most = self._list_keys(limit, client, address)
        full = self._find_known_full(limit, most, now) or self._counts.hit(
            limit, period, most, now, self._find_reserve(limit)
        )
        return self._refuse_full(limit, full, now)

    def _find_known_full(
        self, limit: Limit, most: Iterable[CountKey], now: datetime
    ) -> FullCount | None:
        """Return a count that was full within the last second: who insists costs no transaction."""
        with self._lock:
            for key in most:
                if key == _ALL and self._rules[limit].reserve:
                    continue  # it does not hold up everybody
                known = self._known.get((limit, key))
                if known is not None and known.seconds and known.is_fresh(now):
                    return FullCount(key, known.seconds)
        return None

    def _refuse_full(
        self, limit: Limit, full: FullCount | None, now: datetime
    ) -> LimitReached | None:
        if full is None:
            return None
        with self._lock:
            known = self._remember(limit, full.key)
            if not known.is_fresh(now):
                known.seconds, known.shared_at, known.seen_at = full.seconds, time.monotonic(), now
        return self._refuse(limit, full.key, full.seconds, now)

    def find_reached(
        self, limit: Limit, client: Client | None = None, address: str | None = None
    ) -> LimitReached | None:
        """Return what `count` would return, without counting one that is allowed.

        Args:
            limit: As for `count`.
            client: As for `count`.
            address: As for `count`.
        """
        period, now = self._rules[limit].period, self._clock()
        most = self._list_keys(limit, client, address)
        full = self._counts.find_full(limit, period, most, now)
        return self._refuse_full(limit, full, now)

    def count_soon(self, limit: Limit, client: Client) -> LimitReached | None:
        """Count one, looking at the shared counts once a second at most.

        Where those cannot be used, what this process knows decides, and the log says so.

        Returns:
            Why it is refused, None if it is not. A refusal is not counted.
        """
        period, now = self._rules[limit].period, self._clock()
        shared = _Shared(limit, period, self._list_keys(limit, client, None))
        if due := self._find_due(shared, now):
            self._share(shared, due, now)
        with self._lock:
            known = {key: self._remember(limit, key) for key in shared.most}
            totals = {key: one.total + one.unshared for key, one in known.items()}
            reserve = self._find_reserve(limit)
            full = [
                key
                for key, total in totals.items()
                if total >= shared.most[key] and not is_reserved(key, totals, reserve)
            ]
            if not full:
                for one in known.values():
                    one.unshared += 1
                return None
            key = max(full, key=lambda one: known[one].seconds)
            seconds = known[key].seconds or _UNKNOWN_SECONDS
        return self._refuse(limit, key, seconds, now)

    def share_all(self) -> None:
        """Share whatever this process alone has counted: before it ends, and before a report."""
        now = self._clock()
        with self._lock:
            unshared = [pair for pair, one in self._known.items() if one.unshared]
        for name, key in unshared:
            self._share(_Shared(name, self._find_period(name), {}), [key], now)

    def is_proxy_note_due(self) -> bool:
        """Return whether an untrusted proxy should be noted: once a minute is enough."""
        return time.monotonic() - self._proxy_noted_at >= _PROXY_INTERVAL

    def close(self) -> None:
        """Share what was counted and close all connections; the next use opens them again."""
        self.share_all()
        self._counts.close()

    def note_untrusted_proxy(self, peer: str) -> None:
        """Note that a peer names other clients and is not believed, unless one was noted lately."""
        moment = time.monotonic()
        with self._lock:
            if moment - self._proxy_noted_at < _PROXY_INTERVAL:
                return
            self._proxy_noted_at = moment
            is_logged = moment - self._proxy_logged_at >= _PROXY_LOG_INTERVAL
            if is_logged:
                self._proxy_logged_at = moment
        if is_logged:
            log.warning(describe_untrusted_proxy(peer), peer=peer)
        self._note(_UNTRUSTED_PROXIES, CountKey("peer", peer), self._clock())

    def report(self) -> LimitReport:
        """Return how far the limits are used; where that cannot be read, a warning that says so."""
        self.share_all()
        try:
            if not self._counts.is_there():
                return LimitReport()
            use = tuple(use for limit in Limit for use in self._describe_use(limit))
            peers = self._counts.list_highest(
                _UNTRUSTED_PROXIES, _DAY, self._clock(), _NAMED_PROXIES
            )
        except (LedgerUnavailable, LedgerError) as error:
            return _describe_unreadable(error)
        return LimitReport(use, tuple(describe_untrusted_proxy(key.name) for key, _ in peers))

    def report_ceilings(self) -> LimitReport:
        """Return what :meth:`report` does where everybody together was refused something lately.

        Otherwise its parts are empty, and it costs one short read. A warning says so where that
        cannot be read.
        """
        try:
            if not self._counts.is_there() or not self._has_refused_everybody():
                return LimitReport()
        except (LedgerUnavailable, LedgerError) as error:
            return _describe_unreadable(error)
        return self.report()

    def _has_refused_everybody(self) -> bool:
        key, now = CountKey(Scope.ALL, _REFUSED), self._clock()
        return self._counts.has_any(tuple(limit + _REFUSED for limit in Limit), key, now)

    def _describe_use(self, limit: Limit) -> Iterator[LimitUse]:
        rule, now = self._rules[limit], self._clock()
        highest = self._counts.list_highest(limit, rule.period, now, _MAX_LISTED)
        refused = dict(self._counts.list_highest(limit + _REFUSED, rule.period, now, len(Scope)))
        for scope, most in rule.most.items():
            mine = ((key, number) for key, number in highest if key.scope == scope)
            key, number = next(mine, (None, 0))
            is_named = key is not None and scope in {Scope.NETWORK, Scope.SITE}
            yield LimitUse(
                limit=limit,
                scope=scope,
                most=most,
                period=rule.period_label,
                highest=number,
                who=key.name if key and is_named else None,
                refused=refused.get(CountKey(scope, _REFUSED), 0),
            )

    def _find_reserve(self, limit: Limit) -> Reserve | None:
        number = self._rules[limit].reserve
        return Reserve(_ALL, number) if number else None

    def _list_keys(
        self, limit: Limit, client: Client | None, address: str | None
    ) -> dict[CountKey, int]:
        """Return how much is allowed for each key that a request counts for."""
        names = {
            Scope.MAILBOX: self._hash(fold_address(address)) if address else None,
            Scope.NETWORK: client.network if client else None,
            Scope.SITE: client.site if client else None,
            Scope.ALL: "all",
        }
        return {
            CountKey(scope, name): most
            for scope, most in self._rules[limit].most.items()
            if (name := names[scope]) is not None
        }

    def _hash(self, address: str) -> str:
        return hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()[:_HASH_LENGTH]

    def _refuse(self, limit: Limit, key: CountKey, seconds: int, now: datetime) -> LimitReached:
        scope = Scope(key.scope)
        self._note(limit + _REFUSED, CountKey(scope, _REFUSED), now)
        return LimitReached(limit, scope, seconds)

    def _note(self, name: str, key: CountKey, now: datetime) -> None:
        """Count what no limit is about."""
        shared = _Shared(name, self._find_period(name), {key: _NO_LIMIT})
        with self._lock:
            self._remember(name, key).unshared += 1
        if due := self._find_due(shared, now):
            self._share(shared, due, now)

    def _find_period(self, name: str) -> timedelta:
        limit = name.removesuffix(_REFUSED)
        return self._rules[Limit(limit)].period if limit in tuple(Limit) else _DAY

    def _remember(self, name: str, key: CountKey) -> _Known:
        found = self._known.get((name, key))
        if found is None:
            found = self._known[name, key] = _Known()
        return found

    def _find_due(self, shared: _Shared, now: datetime) -> list[CountKey]:
        """Return the keys to look at anew: after a second, or once a count seems to be full."""
        with self._lock:
            known = {key: self._remember(shared.name, key) for key in shared.most}
        return [
            key
            for key, one in known.items()
            if not one.is_fresh(now) or (_is_full(one, shared.most[key]) and not one.seconds)
        ]

    def _share(self, shared: _Shared, keys: Sequence[CountKey], now: datetime) -> None:
        """Add what this process has counted to the shared counts, and learn those."""
        with self._lock:
            numbers = {}
            for key in keys:
                known = self._remember(shared.name, key)
                numbers[key], known.unshared = known.unshared, 0
                known.total += numbers[key]
                known.shared_at, known.seen_at = time.monotonic(), now
        try:
            states = self._counts.add(shared.name, shared.period, numbers, shared.most, now)
        except (LedgerUnavailable, LedgerError) as error:
            self._log_fault(error)
            return
        with self._lock:
            for key, state in states.items():
                known = self._remember(shared.name, key)
                known.total, known.seconds = state.total, state.seconds

    def _log_fault(self, error: Exception) -> None:
        moment = time.monotonic()
        with self._lock:
            if moment - self._logged_at < _LOG_INTERVAL:
                return
            self._logged_at = moment
        log.error("limits are kept by each process alone for now", reason=error)


def _set_ceiling(rule: LimitRule, most: int) -> LimitRule:
    return msgspec.structs.replace(rule, most={**rule.most, Scope.ALL: most})


def _describe_unreadable(error: Exception) -> LimitReport:
    return LimitReport(warnings=(f"the counts of the limits cannot be read: {error}",))


def _is_full(known: _Known, most: int) -> bool:
    return known.total + known.unshared >= most


def describe_untrusted_proxy(peer: str) -> str:
    """Return what is wrong where a peer names other clients and is not believed."""
    return (
        f"requests from {peer} name other clients (X-Forwarded-For), and {peer} is not in "
        "web.trusted_proxies, so all of them count as one network: add it there if it is your proxy"
    )


def allow_email_to_unconfirmed(limiter: Limiter, address: str, client: Client | None) -> bool:
    """Count an email to somebody who has not confirmed; return whether it may be sent.

    Call it for each request that could send one: everybody can see when all together have reached
    the ceiling, so the count must not depend on what is known of an address. For the same reason an
    email that the mailbox's limit refuses is counted for everybody.

    What the caller answers must not depend on it: who types an address must not learn what others
    typed. `Limiter.find_reached` for `Limit.CONFIRMATIONS` without an address is the same for every
    address, and may be shown.

    Args:
        limiter: The limits.
        address: Of the email, in any spelling.
        client: Whose request caused the email; None for the operator's commands.

    Raises:
        LedgerUnavailable: It cannot be counted now.
        LedgerError: The counts may not be written.
    """
    if limiter.find_reached(Limit.CONFIRMATIONS, client) is not None:
        return False
    is_mailbox_full = limiter.count(Limit.MAILBOX_CONFIRMATIONS, address=address) is not None
    return limiter.count(Limit.CONFIRMATIONS, client) is None and not is_mailbox_full
