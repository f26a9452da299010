"""The service as its web pages need it."""

from __future__ import annotations

from alerts.operator.status import ServiceStatus
from alerts.web.context import CapturedPage, CrawlControls, WebContext
from scheduler.service import Service
from scheduler.status import build_status


def build_web_context(service: Service, controls: CrawlControls | None = None) -> WebContext:
    """What the pages of ``service`` are made of; ``controls`` is the daemon, where there is one."""
    config = service.config
    password = config.web.operator_password

    def status() -> ServiceStatus:
        with service.ledger.reading() as connection:
            return build_status(connection, service.config, service.clock())

    def capture(where: str) -> CapturedPage | None:
        from crawler.archive.captures import read_capture

        found = read_capture(config.archive.path, where)
        if found is None:
            return None
        return CapturedPage(found.url, found.fetched_at, found.content_type, found.body)

    return WebContext(
        name=config.site.name,
        domain=service.mail_identity.domain,
        subscriber_defaults=service.subscriber_defaults,
        ledger=service.ledger,
        templates=service.templates,
        feeds_folder=config.feeds.path,
        clock=service.clock,
        read_status=status,
        mail_identity=service.mail_identity,
        feed_identity=config.feed_identity,
        is_sign_up_enabled=config.web.sign_up,
        max_topics=config.web.max_topics,
        overdue_days=config.digests.overdue_days,
        read_capture=capture,
        operator_password=password.reveal() if password else None,
        crawl_controls=controls,
    )
