"""The dependencies of the web pages, taken from the open service."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from alerts.operator import ServiceStatus, build_status
from alerts.web import CapturedPage, DaemonControls, WebContext
from crawler.archive import read_capture
from scheduler.exposed_files import list_exposed_files
from scheduler.service import Service

#: The daemon runs a round every half minute. One that delivers to many may take long.
_MAX_IDLE = timedelta(hours=1)


def build_web_context(service: Service, controls: DaemonControls | None = None) -> WebContext:
    """Return what the pages of ``service`` need.

    Args:
        service: the open service.
        controls: the running daemon; None where no daemon runs, as in the demo.
    """
    config = service.config
    password = config.web.operator_password
    limits = config.health_limits
    if controls is not None:
        limits = msgspec.structs.replace(limits, idle=_MAX_IDLE)

    def read_status() -> ServiceStatus:
        with service.ledger.reading() as connection:
            status = build_status(connection, config.source_hosts, service.clock(), limits)
        return msgspec.structs.replace(status, warnings=list_exposed_files(config))

    def find_capture(location: str) -> CapturedPage | None:
        capture = read_capture(config.archive.path, location)
        if capture is None or capture.body is None:
            return None
        return CapturedPage(capture.url, capture.fetched_at, capture.content_type, capture.body)

    return WebContext(
        name=config.site.name,
        domain=service.mail_identity.domain,
        subscriber_defaults=service.subscriber_defaults,
        ledger=service.ledger,
        templates=service.templates,
        feeds_folder=config.feeds.path,
        clock=service.clock,
        read_status=read_status,
        mail_identity=service.mail_identity,
        feed_identity=config.feed_identity,
        is_sign_up_enabled=config.web.sign_up,
        max_topics=config.web.max_topics,
        overdue_days=config.digests.overdue_days,
        read_capture=find_capture,
        data_stores=service.data_stores,
        operator_password=password,
        daemon_controls=controls,
        limiter=service.create_limiter(),
    )
