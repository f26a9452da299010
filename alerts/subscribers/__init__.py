"""Subscribers: who is subscribed to which topic, from sign-up to leaving.

Owns the rules of subscribing (double opt-in, pausing, changing, unsubscribing) and of what the
operator publishes, for every caller: the config, the command line and the pages. Must not know how
digests are composed or how pages look.
"""

from alerts.subscribers.addresses import PAUSE
from alerts.subscribers.confirmation import (
    CONFIRMATION_LINK_VALIDITY,
    ConfirmationView,
    SignUp,
    confirm_signup,
    find_pending_signup,
    request_confirmation,
)
from alerts.subscribers.deletion import DataStores, delete_personal_data
from alerts.subscribers.email_refusal import (
    EmailPermission,
    allow_emails,
    get_permission,
    refuse_emails,
)
from alerts.subscribers.emails import send_manage_link
from alerts.subscribers.errors import EmailRefusedError, UnknownQuestionError
from alerts.subscribers.membership import (
    SubscriberDefaults,
    SubscribeResult,
    parse_reachable_recipient,
    subscribe,
    unsubscribe,
)
from alerts.subscribers.own_changes import (
    MONTH_PAUSE,
    UndoableChange,
    edit_alert,
    end_alerts,
    list_undoable,
    pause_alert,
    resume_alert,
    set_frequency,
    set_schedule,
    undo_change,
)
from alerts.subscribers.preferences import change_query, pause, resume
from alerts.subscribers.published_topics import UnknownTopic, hide_topic, publish_topic
from alerts.subscribers.quotation import AlertSample
from alerts.subscribers.suspension import lift_suspension, suspend
from alerts.subscribers.undo import (
    UNDO_PERIOD,
    accept_email_again,
    list_restorable,
    restore_alerts,
)

__all__ = [
    "CONFIRMATION_LINK_VALIDITY",
    "MONTH_PAUSE",
    "PAUSE",
    "UNDO_PERIOD",
    "AlertSample",
    "ConfirmationView",
    "DataStores",
    "EmailPermission",
    "EmailRefusedError",
    "SignUp",
    "SubscribeResult",
    "SubscriberDefaults",
    "UndoableChange",
    "UnknownQuestionError",
    "UnknownTopic",
    "accept_email_again",
    "allow_emails",
    "change_query",
    "confirm_signup",
    "delete_personal_data",
    "edit_alert",
    "end_alerts",
    "find_pending_signup",
    "get_permission",
    "hide_topic",
    "lift_suspension",
    "list_restorable",
    "list_undoable",
    "parse_reachable_recipient",
    "pause",
    "pause_alert",
    "publish_topic",
    "refuse_emails",
    "request_confirmation",
    "restore_alerts",
    "resume",
    "resume_alert",
    "send_manage_link",
    "set_frequency",
    "set_schedule",
    "subscribe",
    "suspend",
    "undo_change",
    "unsubscribe",
]
