"""What the forms of the alerts page do, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast, get_args
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection

from alerts.language import gettext
from alerts.ledger import subscriptions
from alerts.ledger.subscriptions import Subscription, SubscriptionEdit
from alerts.model import Detail, Frequency, Subscriber, Updates
from alerts.queries import QueryError
from alerts.subscribers import (
    MONTH_PAUSE,
    DataStores,
    accept_email_again,
    delete_personal_data,
    edit_alert,
    end_alerts,
    list_undoable,
    pause_alert,
    restore_alerts,
    resume_alert,
    set_frequency,
    set_schedule,
    undo_change,
)

#: Characters of a note.
MAX_NOTE_LENGTH = 200


class AlertForm(msgspec.Struct, frozen=True):
    """A submitted form of the alerts page."""

    connection: Connection
    subscriber: Subscriber
    fields: Mapping[str, str]
    now: datetime
    stores: DataStores = DataStores()

    @property
    def action(self) -> str:
        """What is asked for."""
        return self.fields.get("action", "").partition(":")[0]

    @property
    def topic_id(self) -> int:
        """The topic of the alert that the form is about; 0, which no topic has, for none.

        The buttons of a list share one form: there it stands with the action, as in ``pause:12``.
        """
        return self.read_number("topic") or _read_number(self.fields.get("action", ""))

    def read_number(self, name: str) -> int:
        """Return the number in a field; 0 where it holds none."""
        return _read_number(self.fields.get(name, ""))

    def find_alert(self) -> Subscription | None:
        """Return the subscriber's active alert that the form is about."""
        alerts = subscriptions.list_active(self.connection, self.subscriber.id)
        return next((one for one in alerts if one.topic_id == self.topic_id), None)


class FormOutcome(msgspec.Struct, frozen=True):
    """What became of a form."""

    message: str = ""  #: what was done; empty where fields are wrong
    is_good: bool = True  #: whether anything was done
    undo_id: int | None = None  #: what was done, if it can be undone
    errors: Mapping[str, str] = {}  #: by the name of a field: what to type
    typed: Mapping[str, str] = {}  #: all fields, where some are wrong
    topic_id: int = 0  #: of the alert whose fields are wrong


def apply_alert_form(form: AlertForm) -> FormOutcome:
    """Do what the field ``action`` says."""
    action = _ACTIONS.get(form.action)
    if action is None:
        return _say_nothing_changed()
    before = {one.id for one in list_undoable(form.connection, form.subscriber.id, form.now)}
    outcome = action(form)
    undoable = list_undoable(form.connection, form.subscriber.id, form.now)
    new = [one.id for one in undoable if one.id not in before and one.done_at == form.now]
    is_undone = form.action == "undo"
    return msgspec.structs.replace(outcome, undo_id=new[0] if new and not is_undone else None)


def _read_number(text: str) -> int:
    """Return the number that a text is, or that stands after its colon; 0 for no such number."""
    number = text.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _say(message: str) -> FormOutcome:
    return FormOutcome(message)


def _say_nothing_changed() -> FormOutcome:
    return FormOutcome(gettext("Nothing was changed."), is_good=False)


def _save_alert(form: AlertForm) -> FormOutcome:
    edit, alert = _read_edit(form.fields), form.find_alert()
    if edit is None or alert is None:
        return _say_nothing_changed()
    errors: dict[str, str] = {}
    if len(form.fields.get("note", "").strip()) > MAX_NOTE_LENGTH:
        errors["note"] = gettext("Shorten the note to 200 characters.")
    query = form.fields.get("query", alert.query).strip()
    if not query:
        errors["query"] = gettext("Enter a topic, such as VRU or “knife crime”.")
    if not errors:
        errors = _edit(form, alert, edit, query)
    if errors:
        return FormOutcome(is_good=False, errors=errors, typed=form.fields, topic_id=alert.topic_id)
    return _say(gettext("Alert saved."))


def _edit(
    form: AlertForm, alert: Subscription, edit: SubscriptionEdit, query: str
) -> dict[str, str]:
    """Change an alert; return what is wrong with its fields."""
    is_same = alert.kind == "question" or query == alert.query
    new_query = None if is_same else query
    try:
        if edit_alert(form.connection, alert, edit, new_query, form.now):
            return {}
    except QueryError as error:
        return {"query": gettext("%(error)s Your alert has not changed.") % {"error": error}}
    return {
        "query": gettext("You already have an alert for this topic, so this one was not changed.")
    }


def _read_edit(fields: Mapping[str, str]) -> SubscriptionEdit | None:
    """Return what a form changes in an alert; None for a choice that does not exist."""
    frequency, updates, detail = (
        fields.get(name, "") for name in ("frequency", "updates", "detail")
    )
    is_known = (
        frequency in tuple(Frequency)
        and updates in get_args(Updates)
        and detail in get_args(Detail)
    )
    if not is_known:
        return None
    return SubscriptionEdit(
        frequency=Frequency(frequency),
        updates=cast("Any", updates),
        detail=cast("Any", detail),
        note=fields.get("note", "").strip()[:MAX_NOTE_LENGTH] or None,
    )


def _pause_alert(form: AlertForm) -> FormOutcome:
    is_paused = pause_alert(form.connection, form.subscriber.id, form.topic_id, form.now)
    return _say(gettext("Alert paused.")) if is_paused else _say_nothing_changed()


def _pause_for_month(form: AlertForm) -> FormOutcome:
    end = MONTH_PAUSE
    is_paused = pause_alert(form.connection, form.subscriber.id, form.topic_id, form.now, end)
    return _say(gettext("Alert paused for a month.")) if is_paused else _say_nothing_changed()


def _resume_alert(form: AlertForm) -> FormOutcome:
    """Resume an alert; what happened while it was paused is not sent."""
    is_resumed = resume_alert(form.connection, form.subscriber.id, form.topic_id, form.now)
    return _say(gettext("Alert resumed.")) if is_resumed else _say_nothing_changed()


def _make_weekly(form: AlertForm) -> FormOutcome:
    alert = form.find_alert()
    if alert is None:
        return _say_nothing_changed()
    set_frequency(form.connection, alert, Frequency.WEEKLY, form.now)
    return _say(gettext("You’ll get this alert weekly."))


def _end_alert(form: AlertForm) -> FormOutcome:
    alert = form.find_alert()
    if alert is None:
        return _say_nothing_changed()
    end_alerts(form.connection, form.subscriber.id, alert.topic_id, form.now)
    return _say(gettext("You’re unsubscribed from “%(topic)s”.") % {"topic": alert.query})


def _end_all(form: AlertForm) -> FormOutcome:
    if not end_alerts(form.connection, form.subscriber.id, None, form.now):
        return _say_nothing_changed()
    return _say(gettext("You’re unsubscribed from everything."))


def _change_feed_address(form: AlertForm) -> FormOutcome:
    is_changed = subscriptions.change_feed_key(form.connection, form.subscriber.id, form.topic_id)
    if not is_changed:
        return _say_nothing_changed()
    return _say(gettext("The feed has a new address. The old one does not work any more."))


def _set_schedule(form: AlertForm) -> FormOutcome:
    hour, zone = form.fields.get("hour", ""), form.fields.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _say_nothing_changed()
    set_schedule(form.connection, form.subscriber, zone, int(hour), form.now)
    return _say(gettext("Schedule saved."))


def _undo(form: AlertForm) -> FormOutcome:
    number = form.read_number("undo") or form.topic_id
    undone = undo_change(form.connection, form.subscriber, number, form.now)
    if undone is None:
        return FormOutcome(
            gettext("Nothing was changed. It is too late to undo this, or it was undone before."),
            is_good=False,
        )
    if undone.action == "unsubscribe":
        return _say(
            gettext(
                "You’re subscribed again. What happened in the meantime comes in your next email."
            )
        )
    return _say(gettext("Undone. Everything is as it was."))


def _delete_subscriber(form: AlertForm) -> FormOutcome:
    """Unsubscribe from everything, and delete the data; the page after it is another one."""
    subscriptions.unsubscribe(form.connection, form.subscriber.id, form.now)
    delete_personal_data(form.connection, form.subscriber.email, form.stores)
    return _say(gettext("Your data has been deleted."))


def _accept_email(form: AlertForm) -> FormOutcome:
    is_accepted = accept_email_again(form.connection, form.subscriber, form.now)
    return _say(gettext("We’ll email you again.")) if is_accepted else _say_nothing_changed()


def _restore_alerts(form: AlertForm) -> FormOutcome:
    """Begin the alerts again that ended last; what happened in the meantime is sent."""
    is_restored = restore_alerts(form.connection, form.subscriber, form.now)
    return _say(gettext("You’re subscribed again.")) if is_restored else _say_nothing_changed()


#: By the value of the form's ``action``: what it does.
_Action: TypeAlias = Callable[[AlertForm], FormOutcome]
_ACTIONS: dict[str, _Action] = {
    "save": _save_alert,
    "pause": _pause_alert,
    "pause-month": _pause_for_month,
    "resume": _resume_alert,
    "weekly": _make_weekly,
    "unsubscribe": _end_alert,
    "unsubscribe-all": _end_all,
    "feed": _change_feed_address,
    "schedule": _set_schedule,
    "undo": _undo,
    "accept_email": _accept_email,
    "restore": _restore_alerts,
    "delete": _delete_subscriber,
}
