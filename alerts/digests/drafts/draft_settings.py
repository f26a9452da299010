"""What a process that writes drafts is told at first."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from alerts.digests.drafts.run import DigestRun
from alerts.digests.subscriber_digest import DigestSettings
from alerts.language import get_language_tag, set_language
from alerts.ledger import Ledger
from alerts.mail import MailIdentity
from alerts.rendering import Templates


class DraftSettings(msgspec.Struct, frozen=True):
    """What a process opens the ledger and its run with. It holds secrets, and is pickled."""

    ledger_url: str  #: with its password
    role: str  #: as PostgreSQL shows it
    language: str  #: of the emails: ``en_GB``
    templates: Path | None  #: the operator's folder of templates
    identity: MailIdentity
    batch_interval: timedelta
    now: datetime

    @classmethod
    def build(cls, ledger: Ledger, settings: DigestSettings, now: datetime) -> DraftSettings:
        """Return them for the run of this process."""
        return cls(
            ledger.engine.url.render_as_string(hide_password=False),
            ledger.role,
            get_language_tag().replace("-", "_"),
            settings.templates.own_folder,
            settings.identity,
            settings.batch_interval,
            now,
        )

    def open(self) -> tuple[Ledger, DigestRun]:
        """Open the ledger for reading, and begin the run, in the process that is to write."""
        set_language(self.language)
        settings = DigestSettings(Templates(self.templates), self.identity, self.batch_interval)
        ledger = Ledger.open_for_reading(self.ledger_url, role=self.role)
        return ledger, DigestRun(settings, self.now)
