"""The service as its web pages need it."""

from __future__ import annotations

from alerts.operator.status import ServiceStatus
from alerts.web.context import Captured, Controls, Site
from scheduler.service import Service
from scheduler.status import status_of


def site_of(service: Service, controls: Controls | None = None) -> Site:
    """What the pages of ``service`` are made of; ``controls`` is the daemon, where there is one."""
    config = service.config

    def status() -> ServiceStatus:
        with service.ledger.reading() as connection:
            return status_of(connection, service.config, service.clock())

    def capture(where: str) -> Captured | None:
        from crawler.archive.captures import capture_at

        found = capture_at(config.archive.path, where)
        if found is None:
            return None
        return Captured(found.url, found.fetched_at, found.content_type, found.body)

    return Site(
        name=config.site.name,
        domain=service.letterhead.domain,
        habits=service.habits,
        ledger=service.ledger,
        templates=service.templates,
        feeds=config.feeds.path,
        clock=service.clock,
        status=status,
        letterhead=service.letterhead,
        imprint=config.imprint,
        sign_up=config.web.sign_up,
        most_topics=config.web.most_topics,
        overdue_days=config.digests.overdue_days,
        capture=capture,
        operator_token=config.web.operator_token,
        controls=controls,
    )
