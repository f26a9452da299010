"""What things are called where people read of them."""

from __future__ import annotations

#: What has happened to a question, as a reader is told.
ENTRY_KIND_LABELS = {
    "asked": "New question",
    "holding": "Holding reply",
    "answered": "Answered",
    "corrected": "Corrected",
    "withdrawn": "Withdrawn",
    "overdue": "Overdue",
}

#: What introduces the first words of what is new.
OPENING_LABELS = {
    "asked": "The question",
    "holding": "The reply",
    "answered": "The answer",
    "corrected": "It now says",
    "withdrawn": "The question",
    "overdue": "The question",
}

#: How a question stands.
QUESTION_STATUS_LABELS = {
    "unanswered": "not answered yet",
    "holding": "a reply that says that the answer will follow",
    "answered": "answered",
}

#: How often, as a subscriber chooses it.
FREQUENCY_LABELS = {
    "immediate": "At once",
    "hourly": "Every hour, when there is something",
    "daily": "Every day, when there is something",
    "weekly": "Every week",
    "monthly": "Every month",
    "meeting": "After each Mayor’s Question Time",
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
    "held": "changes wait for approval",
    "silent": "not read for a long time; subscribers are notified",
    "compose": "some digests cannot be composed",
    "queue": "messages are not being delivered",
    "content": "receivers reject messages for their content",
    "brake": "the daily limit holds digests back",
}
