"""The buttons about subscribers: their alerts, emails to them, and their data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time

from sqlalchemy import Connection

from alerts.bounces import resume_since, suspend_waiting
from alerts.ledger import (
    LedgerUnavailable,
    changes,
    operator_actions,
    personal_data,
    subscriber_lists,
    subscriptions,
)
from alerts.ledger.erasure import erase_deleted
from alerts.ledger.subscriber_lists import ListedSubscriber
from alerts.model import AddressError
from alerts.secret import show_address
from alerts.subscribers import (
    delete_personal_data,
    lift_suspension,
    send_manage_link,
    suspend,
)
from alerts.web.context import WebContext
from alerts.web.pages.operator.outcome import (
    NOTHING_DONE,
    Action,
    Confirmation,
    Form,
    Outcome,
    count,
    read_number,
)
from crawler.event_log import get_logger

log = get_logger("watchword.web")

#: Seconds for which the page waits until the deleted rows are erased from the files.
_MAX_ERASING_SECONDS = 1.0
_LIST = "/operator/subscribers"
_GONE = "There is no such subscriber any more."


class SubscriberActions:
    """What the operator can do about a subscriber, and about those that bounce."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def list_actions(self) -> Mapping[str, Action]:
        """Return the buttons by the names of their actions."""
        simple = {
            "pause-alerts": self.pause_alerts,
            "resume-alerts": self.resume_alerts,
            "suspend": self.suspend,
            "resume-email": self.resume_email,
            "send-link": self.send_link,
        }
        return {name: Action(apply, self.name_subscriber) for name, apply in simple.items()} | {
            "unsubscribe": Action(self.unsubscribe, self.name_subscriber, self.ask_to_end),
            "forget": Action(self.forget, self.name_subscriber, self.ask_to_forget),
            "suspend-waiting": Action(self.suspend_waiting),
            "resume-since": Action(self.resume_since, lambda form: form.get("since") or None),
        }

    def name_subscriber(self, form: Form) -> str | None:
        """Return what stands for a subscriber in the log of actions: a keyed hash."""
        with self._context.ledger.reading() as connection:
            found = _find(connection, form)
            return operator_actions.name_address(connection, found.email) if found else None

    def pause_alerts(self, form: Form) -> Outcome:
        """Pause one alert of a subscriber, or all."""
        now = self._context.clock()
        return self._change(
            form,
            lambda connection, key, topic: subscriptions.pause(connection, key, topic, now),
            "paused",
        )

    def resume_alerts(self, form: Form) -> Outcome:
        """Resume one paused alert of a subscriber, or all, with what happens from now on."""
        return self._change(
            form,
            lambda connection, key, topic: subscriptions.resume(
                connection, key, topic, changes.get_newest_seq(connection)
            ),
            "resumed",
        )

    def unsubscribe(self, form: Form) -> Outcome:
        """End one alert of a subscriber, or all."""
        now = self._context.clock()
        outcome = self._change(
            form,
            lambda connection, key, topic: subscriptions.unsubscribe(connection, key, now, topic),
            "ended",
        )
        self._context.delete_withdrawn_feeds()
        return outcome

    def _change(
        self, form: Form, change: Callable[[Connection, int, int | None], int], participle: str
    ) -> Outcome:
        topic_id = read_number(form, "topic")
        if form.get("topic") and topic_id is None:
            return Outcome(NOTHING_DONE)
        with self._context.ledger.writing() as connection:
            found = _find(connection, form)
            if found is None:
                return Outcome(_GONE, _LIST)
            number = change(connection, found.id, topic_id)
        return Outcome(f"{count(number, 'alert')} {participle}.")

    def ask_to_end(self, form: Form) -> Confirmation | None:
        """Return what to ask before alerts end."""
        topic_id = read_number(form, "topic")
        with self._context.ledger.reading() as connection:
            found = _find(connection, form)
            if found is None or (form.get("topic") and topic_id is None):
                return None
            alerts = subscriptions.list_active(connection, found.id)
        named = [one.query for one in alerts if topic_id is None or one.topic_id == topic_id]
        if not named:
            return None
        shown = show_address(found.email)
        return Confirmation(
            f"End {count(len(named), 'alert')} of {shown}?",
            (*named, "They can begin again from the subscriber’s own page, for 28 days."),
            f"End {count(len(named), 'alert')}",
        )

    def suspend(self, form: Form) -> Outcome:
        """Send nothing to a subscriber until it is resumed."""
        with self._context.ledger.writing() as connection:
            found = _find(connection, form)
            if found is None:
                return Outcome(_GONE, _LIST)
            suspend(connection, found.id, self._context.clock())
        return Outcome(f"Nothing is sent to {show_address(found.email)} any more.")

    def resume_email(self, form: Form) -> Outcome:
        """Send to a subscriber again."""
        with self._context.ledger.writing() as connection:
            found = _find(connection, form)
            if found is None:
                return Outcome(_GONE, _LIST)
            lifted = lift_suspension(connection, found.email, self._context.clock())
        shown = show_address(found.email)
        if lifted == "suspension":
            return Outcome(f"{shown} gets email again.")
        if lifted == "bounces":
            return Outcome(f"The bounces of {shown} are not counted any more.")
        return Outcome(f"{shown} was not suspended.")

    def send_link(self, form: Form) -> Outcome:
        """Email a subscriber the link to their alerts."""
        site = self._context
        with site.ledger.writing() as connection:
            found = _find(connection, form)
            if found is None:
                return Outcome(_GONE, _LIST)
            try:
                is_queued = send_manage_link(connection, site.create_message_context(), found.email)
            except AddressError as error:
                return Outcome(f"Nothing was sent: {error}")
        if not is_queued:
            return Outcome("Nothing was sent: the link was sent today already, or has no alerts.")
        site.deliver_soon()
        return Outcome(f"The link to their alerts is on its way to {show_address(found.email)}.")

    def ask_to_forget(self, form: Form) -> Confirmation | None:
        """Return what to ask before a subscriber is deleted: what will go, and what stays."""
        with self._context.ledger.reading() as connection:
            found = _find(connection, form)
            if found is None:
                return None
            data = personal_data.find_data(connection, found.email)
        shown = show_address(found.email)
        rows = (f"{name.replace('_', ' ')}: {number:,}" for name, number in data.rows.items())
        kept = (f"Kept: {reason}." for reason in data.kept.values())
        return Confirmation(
            f"Delete {shown} and all data about it?",
            (*rows, *kept, "This cannot be undone."),
            f"Delete {shown}",
        )

    def forget(self, form: Form) -> Outcome:
        """Delete a subscriber and all data about them now."""
        site = self._context
        with site.ledger.writing() as connection:
            found = _find(connection, form)
            if found is None:
                return Outcome(_GONE, _LIST)
            subscriptions.unsubscribe(connection, found.id, site.clock())
            delete_personal_data(connection, found.email, site.data_stores)
        try:
            erase_deleted(site.ledger, _MAX_ERASING_SECONDS)
        except LedgerUnavailable as error:
            log.warning("deleted data is not erased yet", reason=error)
        site.delete_withdrawn_feeds()
        return Outcome(f"{show_address(found.email)} and all data about it are deleted.", _LIST)

    def suspend_waiting(self, _form: Form) -> Outcome:
        """Suspend those whose suspension waits for approval."""
        with self._context.ledger.writing() as connection:
            number = suspend_waiting(connection, self._context.clock())
        return Outcome(f"{count(number, 'address', 'addresses')} suspended.")

    def resume_since(self, form: Form) -> Outcome:
        """Send again to all who were suspended for bounces since a day."""
        try:
            day = date.fromisoformat(form.get("since", ""))
        except ValueError:
            return Outcome("Type the day like 2026-07-01.")
        since = datetime.combine(day, time(), UTC)
        with self._context.ledger.writing() as connection:
            resumed = resume_since(connection, since, self._context.clock())
        verb = "gets" if len(resumed) == 1 else "get"
        return Outcome(f"{count(len(resumed), 'address', 'addresses')} {verb} email again.")


def _find(connection: Connection, form: Form) -> ListedSubscriber | None:
    key = read_number(form, "subscriber")
    return subscriber_lists.find_listed(connection, key) if key is not None else None
