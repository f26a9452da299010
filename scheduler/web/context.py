"""The dependencies of the web pages, taken from the open service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from alerts.ledger import find_file
from alerts.operator import (
    BriefStatus,
    HealthLimits,
    ServiceStatus,
    StoredPart,
    build_brief_status,
    build_status,
)
from alerts.secret import SecretAddress, mask_address
from alerts.web import (
    PAGE_THREADS,
    CapturedPage,
    DaemonControls,
    MetricsAccess,
    WebContext,
    WorkSettings,
)
from crawler.archive import read_capture
from scheduler.config import Config
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

    names = _name_sources(config)
    ledger = service.ledger.as_bystander().open_beside(readers=PAGE_THREADS, writers=_WRITERS)

    def read_status() -> ServiceStatus:
        with ledger.reading() as connection:
            status = build_status(connection, names, service.clock(), limits)
        return msgspec.structs.replace(status, warnings=list_exposed_files(config))

    def read_brief_status() -> BriefStatus:
        with ledger.reading() as connection:
            return build_brief_status(connection, names, service.clock(), limits)

    def find_capture(location: str) -> CapturedPage | None:
        capture = read_capture(config.archive.path, location)
        if capture is None or capture.body is None:
            return None
        return CapturedPage(capture.url, capture.fetched_at, capture.content_type, capture.body)

    return WebContext(
        name=config.site.name,
        site=config.site_description,
        domain=service.mail_identity.domain,
        subscriber_defaults=service.subscriber_defaults,
        ledger=ledger,
        templates=service.templates,
        feeds_folder=config.feeds.path,
        clock=service.clock,
        read_status=read_status,
        read_brief_status=read_brief_status,
        stored_parts=_list_parts(config),
        describe_config=lambda: _format_config(config),
        mail_identity=service.mail_identity,
        feed_identity=config.feed_identity,
        is_sign_up_enabled=config.web.sign_up,
        max_topics=config.web.max_topics,
        batch_interval=config.digests.batch_interval,
        read_capture=find_capture,
        data_stores=service.data_stores,
        max_idle=limits.idle,
        metrics_access=_find_metrics_access(config),
        operator_password=password,
        daemon_controls=controls,
        close=ledger.close,
        runner=WorkerProcesses(_describe_work(service, limits)) if controls is not None else None,
        limiter=service.create_limiter(),
    )


def _find_metrics_access(config: Config) -> MetricsAccess | None:
    """Return who may read the metrics; None for nobody."""
    section = config.metrics
    if section.token is None and not section.networks:
        return None
    return MetricsAccess(section.token, section.known_networks)


def _name_sources(config: Config) -> dict[str, str]:
    """Return what people call each enabled source, by its name in the config."""
    return {key: info.name for key, info in config.source_infos.items()}


def _list_parts(config: Config) -> tuple[StoredPart, ...]:
    """Return what the service stores, the ledger first."""
    file = find_file(config.ledger.url.reveal())
    database = (StoredPart("Database", file, grows=True),) if file else ()
    limit = round(config.archive.max_gigabytes * 1e9)
    folders = (
        ("Captured pages", config.archive.path.path, limit),
        ("Feeds", config.feeds.path.path, None),
        ("Log of what was sent", config.ledger.sent_log.path, None),
    )
    local = (
        StoredPart(label, path, grows=limit is not None, limit=limit)
        for label, path, limit in folders
        if path is not None  # what an object store keeps takes no room here
    )
    return (*database, *local)


def _format_config(config: Config) -> str:
    """Return the config as it is in force: without secrets, and with masked addresses."""
    values = msgspec.to_builtins(config, enc_hook=_hide)
    return msgspec.json.format(msgspec.json.encode(values), indent=2).decode()


def _hide(value: Any) -> str:
    return mask_address(value.reveal()) if isinstance(value, SecretAddress) else str(value)


def _describe_work(service: Service, limits: HealthLimits) -> WorkSettings:
    """Return what the processes of the web server open."""
    config = service.config
    return WorkSettings(
        name=config.site.name,
        site=config.site_description,
        language=config.site.language,
        ledger_url=service.ledger.engine.url.render_as_string(hide_password=False),
        templates=config.templates,
        feed_identity=config.feed_identity,
        token_secret=service.mail_identity.token_secret,
        accepts_sign_ups=config.web.sign_up and service.mail_identity.public_url is not None,
        health_limits=limits,
    )
