"""What things are called where people read of them."""

from __future__ import annotations

from alerts.model import ENTRY_KINDS, Frequency

#: The headline of each kind of entry.
CHANGE_LABELS = {kind: kind.info.label for kind in ENTRY_KINDS}

#: What introduces the first words of what is new.
OPENING_LABELS = {kind: kind.info.opening for kind in ENTRY_KINDS}

#: The options of a form that asks how often to send digests.
FREQUENCY_LABELS = {frequency: frequency.info.label for frequency in Frequency}

#: The options of a form that asks which updates to send.
UPDATES_LABELS = {
    "all": "Questions and answers",
    "asked": "Only new questions",
    "answered": "Only answers",
}

#: The options of a form that asks how much of each question a digest shows.
DETAIL_LABELS = {"full": "Full text", "titles": "Titles only"}

#: How a question stands.
QUESTION_STATUS_LABELS = {
    "unanswered": "not answered yet",
    "holding": "a reply that says that the answer will follow",
    "answered": "answered",
}

#: Where words stand, for the fields whose names do not say it.
FIELD_LABELS = {
    "asked_by": "name of the asker",
    "asked_of": "name of whom it was put to",
    "answered_by": "name of who answered",
    "ref": "number",
}


#: Kinds of alarm, as the operator reads them in emails and on pages.
ALARM_LABELS = {
    "changed": "the pages have changed",
    "blocked": "the source blocks us",
    "unreachable": "the source cannot be reached",
    "partial": "crawls do not complete",
    "missing": "listed questions could not be read",
    "redirect_refused": "an answer redirected to another site",
    "awaiting_approval": "changes wait for approval",
    "unavailable": "not read for a long time; subscribers are notified",
    "compose": "some digests cannot be composed",
    "queue": "messages are not being delivered",
    "content_rejected": "receivers reject messages for their content",
    "daily_limit": "the daily limit holds digests back",
}
