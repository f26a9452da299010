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


#: What an alarm is called in words.
ALARM_LABELS = {
    "changed": "the pages are not what they were",
    "blocked": "the source refuses us",
    "unreachable": "the source cannot be reached",
    "partial": "crawls do not come to their end",
    "missing": "questions are listed that we could not read",
    "redirect_refused": "an answer would have led us away from the source",
    "awaiting_approval": "changes wait for your word",
    "unavailable": "it has not been read for long, and subscribers are told",
    "compose": "some digests cannot be put together",
    "queue": "messages are not getting out",
    "content_rejected": "receivers refuse what we write",
    "daily_limit": "more digests are due than may be sent in a day",
}
