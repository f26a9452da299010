"""The service as its web pages need it."""

from __future__ import annotations

from alerts.status import ServiceStatus
from alerts.web.app import Site
from scheduler.service import Service
from scheduler.status import status_of


def site_of(service: Service) -> Site:
    """What the pages of ``service`` are made of."""

    def status() -> ServiceStatus:
        with service.ledger.reading() as connection:
            return status_of(connection, service.config, service.clock())

    return Site(
        name=service.config.site.name,
        domain=service.letterhead.domain,
        habits=service.habits,
        ledger=service.ledger,
        templates=service.templates,
        feeds=service.config.feeds.path,
        clock=service.clock,
        status=status,
        letterhead=service.letterhead,
        sign_up=service.config.web.sign_up,
    )
