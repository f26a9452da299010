"""What the messages of one moment are written with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerts.mail.identity import MailIdentity
from alerts.rendering import Templates


@dataclass(frozen=True)
class MessageContext:
    """The templates, the sender and the date of messages."""

    templates: Templates
    identity: MailIdentity
    now: datetime  #: aware; the Date of the messages, and when the links in them begin to work
