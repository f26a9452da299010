"""Labels: what stored values are called in emails, on pages and in feeds.

Those of kinds of change and of frequencies derive from the tables in `alerts.model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from alerts.model import ENTRY_KINDS, Frequency

#: The headline of each kind of entry.
CHANGE_LABELS = {kind: kind.info.label for kind in ENTRY_KINDS}

#: What introduces a passage of a question, by its field.
PASSAGE_LABELS = {"question": "Question", "answer": "Answer"}

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

#: The status of a question.
QUESTION_STATUS_LABELS = {
    "unanswered": "not answered yet",
    "holding": "holding reply, the answer will follow",
    "answered": "answered",
}

#: The fields in which a query was found, where their names are not plain English.
FIELD_LABELS = {
    "asked_by": "name of the person who asked",
    "asked_of": "name of the person asked",
    "answered_by": "name of the person who answered",
    "ref": "reference number",
    "attachment": "attached file",
}


#: Kinds of alarm, as the operator reads them in emails and on pages.
ALARM_LABELS = {
    "changed": "the pages have changed",
    "clock": "the clock was set, or is wrong",
    "blocked": "the source blocks us",
    "unreachable": "the source cannot be reached",
    "partial": "crawls do not complete",
    "missing": "listed questions could not be read",
    "redirect_refused": "an answer redirected to another site",
    "gaps": "numbers of questions are missing",
    "awaiting_approval": "changes wait for approval",
    "unavailable": "not read for a long time; subscribers are notified",
    "compose": "some digests cannot be composed",
    "topics": "some topics cannot be read and find nothing",
    "queue": "messages are not being delivered",
    "content_rejected": "receivers reject messages for their content",
    "refused": "mail servers refuse our messages",
    "failures": "many messages fail",
    "in_doubt": "messages are held: they may have arrived",
    "reports": "returned emails cannot be read",
    "suspensions": "suspensions wait for approval",
    "damaged": "the ledger holds damaged rows",
    "limits": "more is asked for than is allowed in all",
    "daily_limit": "the daily limit holds digests back",
}

#: The state of the service, by the words for it: what a page says first.
STATE_LABELS = {
    "well": "Everything is working.",
    "not yet": "Not everything is at work yet.",
    "trouble": "There is a problem.",
}

#: The labels by the name that templates use.
TEMPLATE_LABELS: Final[Mapping[str, Mapping[Any, str]]] = {
    "change_labels": CHANGE_LABELS,
    "passage_labels": PASSAGE_LABELS,
    "frequency_labels": FREQUENCY_LABELS,
    "updates_labels": UPDATES_LABELS,
    "detail_labels": DETAIL_LABELS,
    "status_labels": QUESTION_STATUS_LABELS,
    "field_labels": FIELD_LABELS,
    "alarm_labels": ALARM_LABELS,
    "state_labels": STATE_LABELS,
}
