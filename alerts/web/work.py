"""What a search, a feed on demand or an export is made with, in this process or in another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

import msgspec

from alerts.errors import ExitStatus, WatchwordError
from alerts.feeds import FeedContext, FeedIdentity
from alerts.language import set_language
from alerts.ledger import Ledger, open_ledger
from alerts.model import SiteDescription
from alerts.operator import BriefStatus, FooterReader, HealthLimits, build_brief_status
from alerts.rendering import Templates, clean_xml_text
from alerts.tokens import TokenSigner
from alerts.web.assets import build_asset_routes

P = ParamSpec("P")
R = TypeVar("R")


class WorkInterrupted(WatchwordError):
    """Heavy work was broken off: its process ended, or took too long."""

    exit_status = ExitStatus.RETRY


class WorkContext(msgspec.Struct, frozen=True, kw_only=True):
    """What heavy work needs from outside."""

    name: str  #: of the service: ``Watchword``
    site: SiteDescription = SiteDescription()
    ledger: Ledger
    templates: Templates
    feed_identity: FeedIdentity
    token_secret: bytes  #: what links to private feeds are signed with
    accepts_sign_ups: bool
    clock: Callable[[], datetime]

    @property
    def overdue_days(self) -> int:
        """Days after which an unanswered question is overdue."""
        return self.site.overdue_days

    @property
    def attributions(self) -> tuple[str, ...]:
        """The notices that the licences of the sources ask for, which stand on every page."""
        return tuple(dict.fromkeys(self.feed_identity.attributions.values()))

    @property
    def feed_context(self) -> FeedContext:
        """What feeds are written with."""
        return FeedContext(self.feed_identity, self.templates)

    @property
    def token_signer(self) -> TokenSigner:
        """The signer of links."""
        return TokenSigner(self.token_secret, self.clock)

    def render_html(self, template: str, **values: Any) -> bytes:
        """Return a page; ``template`` is its name below ``templates/web/``, without ``.html``."""
        html = self.templates.render_html(
            f"web/{template}.html",
            name=self.name,
            attributions=self.attributions,
            public_url=self.feed_identity.public_url,
            **values,
        )
        return clean_xml_text(html).encode()


class WorkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process opens its `WorkContext` from."""

    name: str
    site: SiteDescription
    language: str  #: of the pages: ``en_GB``
    ledger_url: str  #: with its password
    templates: Path | None  #: the operator's folder of templates
    feed_identity: FeedIdentity
    token_secret: bytes
    accepts_sign_ups: bool
    health_limits: HealthLimits = HealthLimits()

    def open(self, clock: Callable[[], datetime]) -> WorkContext:
        """Open the ledger, for reading by one thread."""
        set_language(self.language)
        templates = Templates(self.templates)
        build_asset_routes(templates)  # lets templates name the static files
        base = open_ledger(self.ledger_url, role="pages")
        ledger = base.open_beside(readers=2, writers=1)  # one more for the foot of a page
        base.close()

        names = {key: info.name for key, info in self.site.sources.items()}

        def read_brief_status() -> BriefStatus:
            with ledger.reading() as connection:
                return build_brief_status(connection, names, clock(), self.health_limits)

        templates.add_variables(
            {"read_footer": FooterReader(read_brief_status, self.site.zone).read}
        )
        return WorkContext(
            name=self.name,
            site=self.site,
            ledger=ledger,
            templates=templates,
            feed_identity=self.feed_identity,
            token_secret=self.token_secret,
            accepts_sign_ups=self.accepts_sign_ups,
            clock=clock,
        )


#: A function at the top of a module: another process finds it by its name. What it is given and
#: what it returns or raises is pickled.
Work: TypeAlias = Callable[Concatenate[WorkContext, P], R]


class Runner(Protocol):
    """Runs heavy work so that it holds up neither pages nor the daemon."""

    async def run(self, work: Work[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``work`` returns, or raise what it raises."""

    async def start(self, places: int) -> None:
        """Get ready for so much work at once; called once before the first request."""

    async def stop(self) -> None:
        """End what runs; called once after the last request."""
