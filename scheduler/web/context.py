"""The dependencies of the web pages, taken from the open service."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from alerts.operator import (
    BriefStatus,
    HealthLimits,
    ServiceStatus,
    build_brief_status,
    build_status,
)
from alerts.web import PAGE_THREADS, CapturedPage, DaemonControls, WebContext, WorkSettings
from crawler.archive import read_capture
from scheduler.exposed_files import list_exposed_files
from scheduler.service import Service
from scheduler.web.workers import WorkerProcesses

#: The daemon runs a round every half minute. One that delivers to many may take long.
_MAX_IDLE = timedelta(hours=1)
#: Connections of pages that write, such as sign-ups: the ledger takes one transaction at a time.
_WRITERS = 4


def build_web_context(service: Service, controls: DaemonControls | None = None) -> WebContext:
    """Return what the pages of ``service`` need.

    Args:
        service: the open service.
        controls: the running daemon; None where no daemon runs, as in the demo. Beside a daemon,
            heavy work is done in processes of its own.
    """
    config = service.config
    password = config.web.operator_password
    limits = config.health_limits
    if controls is not None:
        limits = msgspec.structs.replace(limits, idle=_MAX_IDLE)

    ledger = service.ledger.as_bystander().open_beside(readers=PAGE_THREADS, writers=_WRITERS)

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            status = build_status(connection, config.source_hosts, service.clock(), limits)
        return msgspec.structs.replace(status, warnings=list_exposed_files(config))

    def read_brief_status() -> BriefStatus:
        with ledger.reading() as connection:
            return build_brief_status(connection, config.source_hosts, service.clock(), limits)

    def find_capture(location: str) -> CapturedPage | None:
        capture = read_capture(config.archive.path, location)
        if capture is None or capture.body is None:
            return None
        return CapturedPage(capture.url, capture.fetched_at, capture.content_type, capture.body)

    return WebContext(
        name=config.site.name,
        introduction=config.site.introduction,
        sources=config.source_infos,
        domain=service.mail_identity.domain,
        subscriber_defaults=service.subscriber_defaults,
        ledger=ledger,
        templates=service.templates,
        feeds_folder=config.feeds.path,
        clock=service.clock,
        read_status=read_status,
        read_brief_status=read_brief_status,
        mail_identity=service.mail_identity,
        feed_identity=config.feed_identity,
        is_sign_up_enabled=config.web.sign_up,
        max_topics=config.web.max_topics,
        overdue_days=config.digests.overdue_days,
        read_capture=find_capture,
        data_stores=service.data_stores,
        operator_password=password,
        daemon_controls=controls,
        close=ledger.close,
        runner=WorkerProcesses(_describe_work(service, limits)) if controls is not None else None,
        limiter=service.create_limiter(),
    )


def _describe_work(service: Service, limits: HealthLimits) -> WorkSettings:
    """Return what the processes of the web server open."""
    config = service.config
    return WorkSettings(
        name=config.site.name,
        language=config.site.language,
        ledger_url=service.ledger.engine.url.render_as_string(hide_password=False),
        templates=config.templates,
        feed_identity=config.feed_identity,
        token_secret=service.mail_identity.token_secret,
        accepts_sign_ups=config.web.sign_up and service.mail_identity.public_url is not None,
        sources=config.source_infos,
        overdue_days=config.digests.overdue_days,
        source_hosts=config.source_hosts,
        health_limits=limits,
    )
