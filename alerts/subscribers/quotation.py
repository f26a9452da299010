"""What an email to somebody who has not confirmed may say about a sign-up.

Anybody can type anybody's address, so a confirmation email may come to somebody who asked for
nothing. It carries our name and our signature. Its words are ours, but for one line: the title of a
question in the ledger, or a query in quotation marks that leads nowhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from alerts.language import gettext, gettext_noop
from alerts.ledger import questions
from alerts.ledger.subscriptions import SubscriptionRequest
from alerts.model import Frequency
from alerts.queries import QueryError
from alerts.subscribers.errors import UnknownQuestionError
from alerts.text import ContactDetail, find_contact_detail
from crawler.records import Question, name_question

#: Characters of the line: one and a half lines of an email, and more than most queries and titles.
_MAX_LENGTH = 100
#: Closing marks inside the quotation would seem to end it.
_STRAIGHT_QUOTES = str.maketrans(dict.fromkeys("“”„‟″‶＂«»❝❞❠〝〞〟ˮʺ˝״", '"'))
_WITHHELD = gettext_noop("a topic that we do not show here")
#: What to take out of a query, by what it holds.
_REFUSALS: Mapping[ContactDetail, str] = {
    "email address": gettext_noop(
        "Take out what looks like an email address: a topic is words to search for."
    ),
    "web address": gettext_noop(
        "Take out what looks like a web address: a topic is words to search for."
    ),
    "telephone number": gettext_noop(
        "Take out what looks like a telephone number: a topic is words to search for."
    ),
}


class SignUpLine(msgspec.Struct, frozen=True):
    """The line of an email or page that says what a sign-up is for.

    The templates of unconfirmed sign-ups take nothing else that a visitor can choose. It is made
    by `describe_request` only.
    """

    text: str  #: one line: ``“VRU”``, or ``the question “Park benches”``

    @property
    def topic(self) -> str:
        """The line without the quotation marks around a query, to be set apart by markup."""
        is_query = self.text.startswith("“")
        return self.text.removeprefix("“").removesuffix("”") if is_query else self.text


class AlertSample(msgspec.Struct, frozen=True):
    """How much an alert brings, and an example, from the archive."""

    per_month: float | None = None  #: questions; None where nothing can be said
    question: Question | None = None  #: the newest one


class PromisedAlert(msgspec.Struct, frozen=True):
    """What a confirmation email says of an alert."""

    line: SignUpLine
    frequency: Frequency
    per_month: float | None = None  #: questions; None where nothing can be said
    question: Question | None = None  #: the newest one that matches


def describe_request(connection: Connection, request: SubscriptionRequest) -> SignUpLine:
    """Return the line for a request that was accepted before."""
    if request.question_id is not None:
        title = _quote(get_title(connection, request.question_id))
        return SignUpLine(gettext("the question %(title)s") % {"title": title})
    if request.origin == "page" and find_contact_detail(request.query):
        return SignUpLine(gettext(_WITHHELD))  # accepted by a version that did not look
    return SignUpLine(_quote(request.query))


def get_title(connection: Connection, question_id: str) -> str:
    """Return the title of a question from the ledger.

    Raises:
        UnknownQuestionError: There is no such question.
    """
    stored = questions.find(connection, question_id)
    if stored is None:
        raise UnknownQuestionError
    return name_question(stored.record)


def check_query_of_visitor(query: str) -> None:
    """Refuse a query by which a visitor could give somebody else an address or a number.

    Raises:
        QueryError: The query holds a web address, an email address or a telephone number.
    """
    detail = find_contact_detail(query)
    if detail is None and len(query) > _MAX_LENGTH:
        detail = find_contact_detail(_shorten(query))
    if detail is not None:
        raise QueryError(gettext(_REFUSALS[detail]), 0)


def join_lines(text: str) -> str:
    """Return a text as one line of visible characters."""
    shown = "".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text)
    return " ".join(shown.split())


#: Controls, invisible and direction-changing characters, lone surrogates, and unassigned ones.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))


def _quote(text: str) -> str:
    return f"“{_shorten(join_lines(text)).translate(_STRAIGHT_QUOTES)}”"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1].rstrip() + "…"
