"""What the operator can do about each alarm and each other reason why the service is not well."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_CHANGES, _CRAWLS = "/operator/changes", "/operator/crawls"
_MESSAGES, _SUBSCRIBERS = "/operator/messages", "/operator/subscribers"
_SETTINGS = "/operator/settings"


class Advice(msgspec.Struct, frozen=True):
    """What to do, and the operator's page where it is done."""

    text: str
    path: str | None = None
    link: str | None = None  #: what the link to that page says


_BY_KIND: Mapping[str, Advice] = {
    "changed": Advice(
        "Open some pages of the source. If they look as before, the changes that wait can be "
        "published. If their design is new, a new version has to read it; nothing false is sent "
        "meanwhile.",
        _CHANGES,
        "Look at the changes",
    ),
    "blocked": Advice(
        "It is tried again after 3, 6 and 12 hours by itself. If it stays, ask the people who run "
        "the site; `contact` of the source in the config tells them who asks.",
        _CRAWLS,
        "Look at the crawls",
    ),
    "unreachable": Advice(
        "It ends by itself with the next crawl that reads everything. If other sites cannot be "
        "reached from this machine either, mend its network.",
        _CRAWLS,
        "Look at the crawls",
    ),
    "partial": Advice(
        "It ends by itself with the next crawl that reads everything. Pages that never come are "
        "named in the reason.",
        _CRAWLS,
        "Look at the crawls",
    ),
    "missing": Advice(
        "The stored questions are shown. It ends by itself when the pages can be read again.",
        _CHANGES,
        "Look at the suspect pages",
    ),
    "redirect_refused": Advice(
        "If the source has moved, set its new address in the config, and restart.",
    ),
    "workers": Advice(
        "Start `watchword work` with enough workers for every queue; if they run, read their log. "
        "What waits is done then."
    ),
    "given_up": Advice(
        "Read the log of the workers, and look at their memory. The piece is tried again after ten "
        "minutes; the others are done meanwhile."
    ),
    "gaps": Advice(
        "Read the months again: `watchword backfill SOURCE --again`. A number that was never given "
        "to a question needs nothing."
    ),
    "awaiting_approval": Advice(
        "Look at the changes and decide: publish them with or without notifying subscribers.",
        _CHANGES,
        "Decide",
    ),
    "unavailable": Advice(
        "Subscribers have been told. Mend what the other alarms of this source name.",
        _CRAWLS,
        "Look at the crawls",
    ),
    "compose": Advice(
        "Correct the template that the reason names. The digests are composed in the next round."
    ),
    "topics": Advice(
        "Restore the topic’s query from a backup, or have it subscribed to again. Matching goes on "
        "in the next round."
    ),
    "queue": Advice(
        "See whether the mail server runs, and what it answers. Messages go out in the next round.",
        _MESSAGES,
        "Look at the messages",
    ),
    "content_rejected": Advice(
        "Read what the servers replied, such as a missing signature; mend that, and send the "
        "messages again.",
        f"{_MESSAGES}?show=failed",
        "Look at the failed messages",
    ),
    "refused": Advice(
        "Mend what the reply names: a blocklist, SPF, DKIM, or the login. Nothing is lost: "
        "everything is sent in the next round.",
        _MESSAGES,
        "Look at the messages",
    ),
    "failures": Advice(
        "Read what the servers replied. Send the messages again when it is mended.",
        f"{_MESSAGES}?show=failed",
        "Look at the failed messages",
    ),
    "in_doubt": Advice(
        "Look for the Message-ID in the mail server’s log. If it was accepted, say that it "
        "arrived; if not, send it again.",
        f"{_MESSAGES}?show=in_doubt",
        "Decide",
    ),
    "reports": Advice(
        "Look at the flagged emails in the mailbox of returned emails. The alarm ends a day later."
    ),
    "suspensions": Advice(
        "If the addresses are really gone, suspend them. If a mail server was at fault, resume "
        "them.",
        f"{_SUBSCRIBERS}?show=waiting",
        "Decide",
    ),
    "damaged": Advice("Restore the rows from a backup. Everything else goes on without them."),
    "limits": Advice(
        "It ends by itself. If the people are real, raise `web.confirmations_per_hour`; if not, "
        "your firewall can stop the networks that ask most.",
        _SETTINGS,
        "Look at the limits",
    ),
    "daily_limit": Advice(
        "The digests go out within 24 hours. Raise `mail.per_day` if your mail server allows more.",
        _SETTINGS,
        "Look at the config",
    ),
    "clock": Advice("Correct the clock of this machine, and let it follow a time server."),
    "disk": Advice(
        "Make room: nothing can be written there.", "/operator#disk", "See what is used"
    ),
    "unread": Advice(
        "Until the first crawl has read everything, there are no alerts about this source.",
        _CRAWLS,
        "Look at the crawls",
    ),
    "paused": Advice("Resume it when you are ready.", _CRAWLS, "Resume"),
    "round": Advice(
        "Start `watchword run`, or let cron run `watchword once`. See its log if it has ended."
    ),
}
_JOB = Advice(
    "Mend what the reason names; the log has more. It is tried again by itself.",
    _CRAWLS,
    "Look at the jobs",
)


def find_advice(kind: str) -> Advice:
    """Return what to do about a finding: the kind of an alarm, or ``disk``, ``round`` and so on."""
    return _BY_KIND.get(kind, _JOB)
