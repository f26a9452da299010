"""What the operator can do about each alarm and each other reason why the service is not well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

_CHANGES, _CRAWLS = "/operator/changes", "/operator/crawls"
_MESSAGES, _SUBSCRIBERS = "/operator/messages", "/operator/subscribers"
_SETTINGS = "/operator/settings"


class Advice(msgspec.Struct, frozen=True):
    """What to do, and the operator's page where it is done."""

    text: str
    path: str | None = None
    link: str | None = None  #: what the link to that page says


ADVICE: Mapping[str, Advice] = {
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
    "archive": Advice(
        "Make room, or correct `archive.path`. It ends with the next crawl that keeps all pages."
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
    "backup": Advice(
        "Run `watchword backup`, and see why no timer did; `backup.max_age_days` is the limit.",
        _SETTINGS,
        "Look at the config",
    ),
}
JOB_ADVICE: Final = Advice(
    "Mend what the reason names; the log has more. It is tried again by itself.",
    _CRAWLS,
    "Look at the jobs",
)


#: By the kind of an alarm, or of another reason why the service is not well, what is the matter.
#: The reason of an alarm has the particulars; `docs/reference/alarms.md` shows these sentences.
MEANINGS: Final[Mapping[str, str]] = {
    "changed": "Pages or listings differ too much from before. All changes of the crawl are held.",
    "blocked": "The source answers 401 or 403: it refuses us. Nothing is deleted.",
    "unreachable": "No page could be fetched in several crawls in a row.",
    "partial": "Some pages could not be fetched in several crawls in a row. The others are read.",
    "missing": "Questions that are listed, or known, could not be read.",
    "redirect_refused": "The source redirects to another site, which is not followed.",
    "archive": "Pages were read and could not be kept in the archive.",
    "workers": "Work has waited for five minutes, and no worker of the cluster has taken it.",
    "given_up": "A piece of work has ended its worker eleven times, and rests.",
    "gaps": "Numbers of questions are missing for longer than is usual for the source.",
    "awaiting_approval": "Changes are held until you decide about them.",
    "unavailable": "There was no good crawl for `silent_hours`; subscribers have been notified.",
    "compose": "Digests cannot be written, because a template or a value in it is wrong.",
    "topics": "The canonical form of a topic is damaged in the database, so it finds nothing.",
    "queue": "Messages wait for too long: the mail server cannot be used, or puts them off.",
    "content_rejected": "Receivers reject messages for their content.",
    "refused": "A mail server or a webhook refuses us, whatever the message.",
    "failures": "Unusually many messages have failed for good.",
    "in_doubt": "The connection was lost when messages were handed over. Perhaps they arrived.",
    "reports": "Returned emails could not be read, or do not prove which message they are about.",
    "suspensions": "More addresses bounce than are suspended without your approval.",
    "damaged": "Rows of the ledger cannot be read, and are passed over.",
    "limits": "Everybody together has reached a limit, or limits cannot be counted.",
    "daily_limit": "More digests are due than `mail.per_day` allows.",
    "clock": "The machine's clock is wrong, or went back.",
    "disk": "A disk has no room left.",
    "unread": "A source has never been read in full.",
    "paused": "Crawls or deliveries were paused by you.",
    "round": "No round has run for too long.",
    "backup": "The last good backup is older than the config allows, or there is none.",
}
#: The same for `job NAME`.
JOB_MEANING = (
    "A job failed twice in a row, or its process died; a backup failed once. The other steps go on."
)


def find_advice(kind: str) -> Advice:
    """Return what to do about a finding: the kind of an alarm, or ``disk``, ``round`` and so on."""
    return ADVICE.get(kind, JOB_ADVICE)
