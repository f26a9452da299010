"""Labels: what stored values are called in emails, on pages and in feeds.

Those of kinds of change and of frequencies derive from the tables in `alerts.model`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

from alerts.language import format_clock_time, format_number, gettext, ngettext
from alerts.language import gettext_noop as _
from alerts.model import ENTRY_KINDS, EntryKind, Frequency
from crawler.records import Question, name_question

#: The headline of each kind of entry.
CHANGE_LABELS = {kind: kind.info.label for kind in ENTRY_KINDS}

#: What introduces a passage of a question, by its field.
PASSAGE_LABELS = {"question": _("Question"), "answer": _("Answer")}

#: The options of a form that asks how often to send digests.
FREQUENCY_LABELS = {frequency: frequency.info.label for frequency in Frequency}

#: The options of a form that asks which updates to send.
UPDATES_LABELS = {
    "all": _("New questions and answers"),
    "asked": _("New questions only"),
    "answered": _("Answers only"),
}

#: The options of a form that asks how much of each question a digest shows.
DETAIL_LABELS = {"full": _("Full text"), "titles": _("Titles only")}

#: The status of a question.
QUESTION_STATUS_LABELS = {
    "unanswered": _("Unanswered"),
    "holding": _("Holding reply"),
    "answered": _("Answered"),
}

#: The fields in which a query was found, where their names are not plain English.
FIELD_LABELS = {
    "asked_by": _("name of the person who asked"),
    "asked_of": _("name of the person asked"),
    "answered_by": _("name of the person who answered"),
    "ref": _("reference number"),
    "attachment": _("attached file"),
}


#: Kinds of alarm, as the operator reads them in emails and on pages.
ALARM_LABELS = {
    "changed": _("the pages have changed"),
    "clock": _("the clock was set, or is wrong"),
    "blocked": _("the source blocks us"),
    "unreachable": _("the source cannot be reached"),
    "partial": _("crawls do not complete"),
    "missing": _("listed questions could not be read"),
    "redirect_refused": _("an answer redirected to another site"),
    "archive": _("pages cannot be kept in the archive"),
    "gaps": _("numbers of questions are missing"),
    "awaiting_approval": _("changes wait for approval"),
    "unavailable": _("not read for a long time; subscribers are notified"),
    "compose": _("some digests cannot be composed"),
    "topics": _("some topics cannot be read and find nothing"),
    "queue": _("messages are not being delivered"),
    "content_rejected": _("receivers reject messages for their content"),
    "refused": _("mail servers refuse our messages"),
    "failures": _("many messages fail"),
    "in_doubt": _("messages are held: they may have arrived"),
    "reports": _("returned emails cannot be read"),
    "suspensions": _("suspensions wait for approval"),
    "damaged": _("the ledger holds damaged rows"),
    "limits": _("more is asked for than is allowed in all"),
    "workers": _("work waits, and no worker does it"),
    "given_up": _("workers die of a job"),
    "daily_limit": _("the daily limit holds digests back"),
    "backup": _("no backup has been made for long"),
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
}


def summarise_kinds(kinds: Sequence[EntryKind]) -> str:
    """Return how many entries are of each kind: ``3 answers, 1 new question``; empty for none."""
    return ", ".join(_count_kind(kind, n) for kind in ENTRY_KINDS if (n := kinds.count(kind)))


def _count_kind(kind: EntryKind, number: int) -> str:
    return ngettext(*kind.info.counted, number) % {"number": format_number(number)}


def label_question(question: Question) -> str:
    """Return the name of a question as pages show it: `name_question`, in their language."""
    if question.is_taken_down and question.reference:
        return gettext("Question %(reference)s (taken down)") % {"reference": question.reference}
    return gettext("Question (taken down)") if question.is_taken_down else name_question(question)


def describe_schedule(frequency: Frequency, hour: int) -> str:
    """Return when digests of a frequency are sent: ``Daily, at 07:00``."""
    texts = {
        Frequency.DAILY: gettext("Daily, at %(time)s"),
        Frequency.WEEKLY: gettext("Weekly, on Mondays at %(time)s"),
        Frequency.MONTHLY: gettext("Monthly, on the first day at %(time)s"),
        Frequency.MEETING: gettext("After each meeting, on the next day at %(time)s"),
    }
    text = texts.get(frequency)
    if text is None:
        return gettext(FREQUENCY_LABELS.get(frequency, frequency))
    return text % {"time": format_clock_time(time(hour))}
