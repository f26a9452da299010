"""The buttons about messages: send again, and settle what is in doubt."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.ledger import deliveries
from alerts.web.context import WebContext
from alerts.web.pages.operator.outcome import NOTHING_DONE, Action, Form, Outcome, count

#: Characters of a number of a row.
_MAX_DIGITS = 9


class MessageActions:
    """What the operator can do with messages that did not arrive."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def list_actions(self) -> Mapping[str, Action]:
        """Return the buttons by the names of their actions."""
        return {
            "retry-messages": Action(self.retry, _name_messages),
            "settle-messages": Action(self.settle, _name_messages),
        }

    def retry(self, form: Form) -> Outcome:
        """Queue messages again that failed or are in doubt."""
        keys = _read_keys(form)
        with self._context.ledger.writing() as connection:
            queued = deliveries.requeue(connection, keys, self._context.clock())
        if not queued:
            return Outcome(NOTHING_DONE)
        self._context.deliver_soon()
        verb = "waits" if queued == 1 else "wait"
        return Outcome(f"{count(queued, 'message')} {verb} to be sent again.")

    def settle(self, form: Form) -> Outcome:
        """Count messages in doubt as sent."""
        with self._context.ledger.writing() as connection:
            settled = deliveries.mark_arrived(connection, _read_keys(form), self._context.clock())
        if not settled:
            return Outcome(NOTHING_DONE)
        verb = "counts" if settled == 1 else "count"
        return Outcome(f"{count(settled, 'message')} {verb} as sent.")


def _read_keys(form: Form) -> list[int]:
    texts = form.get("messages", "").split()
    return [int(text) for text in texts if text.isdigit() and len(text) <= _MAX_DIGITS]


def _name_messages(form: Form) -> str | None:
    return f"messages {' '.join(map(str, _read_keys(form)))}"
