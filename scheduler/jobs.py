"""The jobs, shared by the daemon and by ``once``: what is done when either wakes up.

Every step asks the ledger what there is to do, so a job can be cut off anywhere and started again
anywhere else.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version

import msgspec

from alerts.delivery.channels import Unavailable
from alerts.delivery.send import deliver_due
from alerts.digests.compose import compose_due
from alerts.feeds.publish import publish
from alerts.feeds.websub import ping
from alerts.ledger import deliveries, people, runs, subscriptions, topics
from alerts.ledger import holds as halts
from alerts.ledger import pending_signups as wishes
from alerts.ledger.subscriptions import Wish
from alerts.operator.emails import write_to_operator
from alerts.queries.parse import QueryError, canonical, parse
from alerts.search.index import write_words
from alerts.subscribers.confirm import VALID
from alerts.subscribers.subscribe import subscribe
from crawler.archive.captures import make_room
from crawler.fetching.plan import Line, Manners, Plan
from scheduler.alarms import look_around, look_at_mail, place_of
from scheduler.config.load import ConfigError, ways
from scheduler.config.sections import manners
from scheduler.crawls.crawl import Outcome, Terms, crawl_source
from scheduler.crawls.plan import plan_crawl, resting_until
from scheduler.service import Service

log = logging.getLogger("watchword.jobs")

#: More refusals in a row than make any difference.
_REFUSALS = 10


#: So many questions' words are written in one round: a few seconds.
_WORDED = 1000


#: So long an address is kept after its last subscription ended: who left by mistake may ask.
_REMEMBERED = timedelta(days=28)


def follow_config(service: Service) -> None:
    """Make the ledger agree with the subscriptions and topics of the config.

    What was subscribed from the config and is no longer in it ends; what was subscribed by
    command is left alone. Raises :class:`ConfigError` for a query that cannot be read.
    """
    kept: set[tuple[str, str]] = set()
    now = service.clock()
    with service.ledger.writing() as connection:
        for number, topic in enumerate(service.config.topics):
            with _named(f"topics[{number}].query"):
                topics.ensure(connection, canonical(parse(topic.query)), topic.query, now)
        for number, entry in enumerate(service.config.subscriptions):
            wish = Wish(
                *(entry.query, entry.every, entry.wants, "config"),
                length=entry.length,
                note=entry.note,
            )
            with _named(f"subscriptions[{number}].query"):
                done = subscribe(connection, entry.email, wish, service.habits, now)
            kept.add((done.email, done.canonical))
        for living in subscriptions.living(connection):
            if living.origin == "config" and (living.email, living.canonical) not in kept:
                subscriptions.unsubscribe(connection, living.subscriber_id, now, living.topic_id)


@contextmanager
def _named(place: str) -> Iterator[None]:
    """A query that cannot be read is a mistake in the config, at ``place``."""
    try:
        yield
    except QueryError as error:
        raise ConfigError(f"{place}: {error}") from error


def next_plan(service: Service, name: str) -> Plan:
    """What a crawl of one source would be told now."""
    source = service.config.sources[name]
    with service.ledger.reading() as connection:
        plan = plan_crawl(connection, name, source, manners_of(service, name), service.clock())
    return msgspec.structs.replace(plan, archive=archive_of(service))


def archive_of(service: Service) -> str | None:
    """The folder for captures, where they are kept."""
    archive = service.config.archive
    return str(archive.path.absolute()) if archive.enabled else None


def manners_of(service: Service, name: str) -> Manners:
    """How one source is approached."""
    return manners(service.config.sources[name], version("watchword"))


def crawl(service: Service, name: str, on_line: Callable[[Line], None] = lambda _: None) -> Outcome:
    """Crawl one source and record what it brings; one that has refused us is left alone."""
    source = service.config.sources[name]
    if until := resting(service, name):
        reason = f"the source refused us; it is left alone until {until:%Y-%m-%d %H:%M} UTC"
        log.info("no crawl of %s: %s", name, reason)
        return Outcome(name, "blocked", reason, {})
    with service.ledger.reading() as connection:
        since = halts.standing(connection).get(halts.crawl_of(name))
    if since is not None:
        reason = f"crawls are on hold since {since:%Y-%m-%d %H:%M} UTC"
        log.info("no crawl of %s: %s", name, reason)
        return Outcome(name, "blocked", reason, {})
    log.info("crawl of %s starts", name)
    terms = Terms(
        guard_days=source.guard_days,
        max_minutes=source.max_minutes,
        flood_from=source.flood_from,
        alarm_after=service.config.operator.alarm_after,
    )
    outcome = crawl_source(
        service.ledger, next_plan(service, name), service.clock, terms, on_line, service.stop
    )
    archive = service.config.archive
    for path in make_room(archive.path, archive.max_gigabytes) if archive.enabled else ():
        log.warning("archive: %s is deleted, to keep within %g GB", path, archive.max_gigabytes)
    level = logging.INFO if outcome.verdict in {"ok", "empty"} else logging.WARNING
    log.log(level, "crawl of %s: %s, %s", name, outcome.verdict, outcome.reason)
    return outcome


def resting(service: Service, name: str) -> datetime | None:
    """Until when a source is left alone; None when it may be asked."""
    with service.ledger.reading() as connection:
        until = resting_until(runs.recent(connection, name, _REFUSALS))
    return until if until and until > service.clock() else None


def look_out(service: Service) -> None:
    """Raise and clear what time alone gives reason for, and write to the operator."""
    config, now = service.config, service.clock()
    with service.ledger.writing() as connection:
        for name, source in config.sources.items():
            if source.enabled:
                place = place_of(source.url)
                look_around(connection, name, place, source.silent_hours, now)
        operator = config.operator
        to = ((operator.email,) if operator.email else ()) + operator.notify
        write_to_operator(connection, service.templates, service.letterhead, to, now)


def forget_who_left(service: Service) -> None:
    """Remove the addresses of those who left long ago, or never confirmed, and what they were sent.

    Of what was sent to the others, only that it was sent is kept for long.
    """
    now = service.clock()
    with service.ledger.writing() as connection:
        deliveries.drop_bodies(connection, now - _REMEMBERED)
        for who in wishes.expire(connection, now - VALID):
            people.forget(connection, who)
        gone = people.left_before(connection, now - _REMEMBERED)
        for who in gone:
            people.forget(connection, who)
    if gone:
        log.info("%d subscribers who left four weeks ago are forgotten", len(gone))


class Round(msgspec.Struct):
    """What one round from change to inbox did."""

    matches: int = 0
    feeds: int = 0
    digests: int = 0
    deliveries: dict[str, int] = {}
    problem: str | None = None  #: why the way out is shut


def go_round(service: Service) -> Round:
    """Match, publish, compose and deliver whatever is due.

    A mail server that cannot be used stops nothing but the delivering; it is told in ``problem``.
    """
    config, ledger = service.config, service.ledger
    done = Round()
    look_out(service)
    log.debug("match starts")
    done.matches = service.watcher.match_new()
    log.debug("publish starts")
    done.feeds = publish(ledger, config.feeds.path, config.imprint, service.templates)
    with ledger.reading() as connection:
        halted = halts.standing(connection)
    log.debug("compose starts")
    done.digests = compose_due(
        *(ledger, service.templates, service.letterhead, service.clock(), config.digests.batch),
        already=service.already,
    )
    log.debug("deliver starts")
    sent: Counter[str] = Counter()
    try:
        if halts.DELIVERY not in halted:
            means = (ways(config), service.clock, service.terms, service.stop.is_set)
            sent = deliver_due(ledger, *means)
    except Unavailable as error:
        done.problem = str(error)
        log.error("%s; what was to be sent waits in the outbox", error)
    with ledger.writing() as connection:
        look_at_mail(connection, sent["braked"], done.problem, service.clock())
    ping(ledger, config.imprint)
    log.debug("words start")
    write_words(ledger, _WORDED)  # last, and not all of a backfill: nobody's digest waits for it
    forget_who_left(service)
    done.deliveries = dict(sent)
    if done.digests or sent:
        log.info("%d digests composed, deliveries: %s", done.digests, dict(sent) or "none")
    return done
