"""What the forms of the alerts page do, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast, get_args
from zoneinfo import available_timezones

import msgspec
from sqlalchemy import Connection

from alerts.ledger import changes, subscriptions
from alerts.ledger.subscriptions import SubscriptionEdit
from alerts.model import Detail, Frequency, Subscriber, Updates
from alerts.queries import QueryError
from alerts.subscribers import (
    DataStores,
    accept_email_again,
    change_query,
    delete_personal_data,
    restore_alerts,
)

_NOTHING_CHANGED = "Nothing was changed."
_NEW_FEED_ADDRESS = "The feed has a new address. The old one does not work any more."
#: Characters of a note that are stored.
_MAX_NOTE_LENGTH = 200


class AlertForm(msgspec.Struct, frozen=True):
    """A submitted form of the alerts page."""

    connection: Connection
    subscriber: Subscriber
    fields: Mapping[str, str]
    now: datetime
    stores: DataStores = DataStores()

    @property
    def topic_id(self) -> int:
        """The topic of the alert that the form is about; 0, which no topic has, for none."""
        number = self.fields.get("topic", "")
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def apply_alert_form(form: AlertForm) -> str:
    """Do what the field ``action`` says, and return the message for the page."""
    action = _ACTIONS.get(form.fields.get("action", ""))
    return action(form) if action else _NOTHING_CHANGED


def _save_alert(form: AlertForm) -> str:
    edit = _read_edit(form.fields)
    if edit is None:
        return _NOTHING_CHANGED
    subscriptions.edit(form.connection, form.subscriber.id, form.topic_id, edit)
    return _change_query(form) or "Alert saved."


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
        note=fields.get("note", "").strip()[:_MAX_NOTE_LENGTH] or None,
    )


def _change_query(form: AlertForm) -> str | None:
    """Change an alert's query; return why it was not changed, None where nothing is wrong."""
    query = form.fields.get("query", "").strip()
    alerts = subscriptions.list_active(form.connection, form.subscriber.id)
    alert = next((one for one in alerts if one.topic_id == form.topic_id), None)
    if not alert or not query or query == alert.query or alert.kind == "question":
        return None
    try:
        if change_query(form.connection, alert, query, form.now):
            return None
    except QueryError as error:
        return f"The topic was not changed: {error}"
    return "You already have an alert for this topic, so this one was not changed."


def _pause_alert(form: AlertForm) -> str:
    is_paused = subscriptions.pause(form.connection, form.subscriber.id, form.topic_id, form.now)
    return "Alert paused." if is_paused else _NOTHING_CHANGED


def _resume_alert(form: AlertForm) -> str:
    """Resume an alert; what happened while it was paused is not sent."""
    newest = changes.get_newest_seq(form.connection)
    is_resumed = subscriptions.resume(form.connection, form.subscriber.id, form.topic_id, newest)
    return "Alert resumed." if is_resumed else _NOTHING_CHANGED


def _end_alert(form: AlertForm) -> str:
    is_ended = subscriptions.unsubscribe(
        form.connection, form.subscriber.id, form.now, form.topic_id
    )
    return "You’re unsubscribed from this alert." if is_ended else _NOTHING_CHANGED


def _change_feed_address(form: AlertForm) -> str:
    is_changed = subscriptions.change_feed_key(form.connection, form.subscriber.id, form.topic_id)
    return _NEW_FEED_ADDRESS if is_changed else _NOTHING_CHANGED


def _set_schedule(form: AlertForm) -> str:
    hour, zone = form.fields.get("hour", ""), form.fields.get("zone", "")
    if hour not in {str(n) for n in range(24)} or zone not in available_timezones():
        return _NOTHING_CHANGED
    subscriptions.set_digest_time(form.connection, form.subscriber.id, zone, int(hour))
    return "Schedule saved."


def _delete_subscriber(form: AlertForm) -> str:
    """Unsubscribe from everything, and delete the data; the page after it is another one."""
    subscriptions.unsubscribe(form.connection, form.subscriber.id, form.now)
    delete_personal_data(form.connection, form.subscriber.email, form.stores)
    return "Your data has been deleted."


def _accept_email(form: AlertForm) -> str:
    is_accepted = accept_email_again(form.connection, form.subscriber, form.now)
    return "We’ll email you again." if is_accepted else _NOTHING_CHANGED


def _restore_alerts(form: AlertForm) -> str:
    """Begin the alerts again that ended last; what happened in the meantime is sent."""
    is_restored = restore_alerts(form.connection, form.subscriber, form.now)
    return "You’re subscribed again." if is_restored else _NOTHING_CHANGED


#: By the value of the form's ``action``: what it does, returning the message for the page.
_Action: TypeAlias = Callable[[AlertForm], str]
_ACTIONS: dict[str, _Action] = {
    "save": _save_alert,
    "pause": _pause_alert,
    "resume": _resume_alert,
    "unsubscribe": _end_alert,
    "feed": _change_feed_address,
    "schedule": _set_schedule,
    "accept_email": _accept_email,
    "restore": _restore_alerts,
    "delete": _delete_subscriber,
}
