"""What can be wrong with a request to subscribe, beside its address and its query."""

from __future__ import annotations

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import gettext


class UnknownQuestionError(WatchwordError):
    """A request to follow a question that is not in the ledger."""

    exit_status = ExitStatus.DATA

    def __init__(self) -> None:
        super().__init__(gettext("There is no such question."))


class EmailRefusedError(WatchwordError):
    """The owner of the address has asked for no more confirmation emails."""

    exit_status = ExitStatus.DATA

    def __init__(self) -> None:
        super().__init__("The owner of this address has asked for no more confirmation emails.")
