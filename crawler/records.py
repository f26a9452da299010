"""The canonical record: one question put to somebody, with its answers, however it was published.

Everything after the crawler works on these values and on nothing else. They are frozen, go to
JSON and back without loss, and carry a published JSON Schema (``watchword schema``). Unknown is
``None``, never guessed and never an empty string; text is Unicode NFC with plain spaces;
``printed`` keeps the page's own words beside our reading of them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any, Literal

import msgspec
import msgspec.inspect

QuestionKind = Literal["question", "supplementary"]
QuestionStatus = Literal["unanswered", "holding", "answered"]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every part: immutable, and strict about what it is read from."""


class Asker(Record, frozen=True):
    """Who put the question."""

    name: str  #: without honours and "AM": ``Joanne McCartney``
    printed: str  #: as on the page: ``Joanne McCartney AM``
    party: str | None = None  #: as printed; recent supplementaries print their parent's
    person: str | None = None  #: stable identity over spellings: ``joanne-mccartney``


class Addressee(Record, frozen=True):
    """One person or office that the question was put to."""

    name: str
    printed: str
    role: str | None = None  #: ``Chair, Transport for London``


class Meeting(Record, frozen=True):
    """The meeting whose paper the question is on.

    A written question has a paper and no meeting: its ``name`` is None, and ``date`` is the day on
    which it was tabled.
    """

    name: str | None = None  #: as printed: ``MQT on 2018-12-20``
    date: date | None = None


class Speech(Record, frozen=True):
    """What one speaker said without interruption."""

    speaker: str | None = (
        None  #: the label as printed, without its colon; None when nobody is named
    )
    paragraphs: tuple[str, ...] = ()


class Attachment(Record, frozen=True):
    """A file that belongs to an answer."""

    title: str
    url: str  #: absolute where the page's address is known


class Answer(Record, frozen=True):
    """One answer block. A holding reply is an answer that says that the answer will follow."""

    answered_by: tuple[str, ...] = ()
    date: date | None = None
    holding: bool = False
    speeches: tuple[Speech, ...] = ()
    html: str | None = None  #: sanitised; None when the page was plain text
    attachments: tuple[Attachment, ...] = ()


class Disagreement(Record, frozen=True):
    """A field that the two readings of a page read differently.

    Long values are cut to 160 characters, texts to the passage where they start to differ.
    """

    field: str  #: ``asked_by``
    by_structure: str  #: from the page's elements; of an API, from the object
    by_label: str  #: from the page's visible labels; of an API, from the object's address

    def __str__(self) -> str:
        """Return the disagreement as one line."""
        return f"{self.field}: {self.by_structure!r} by structure, {self.by_label!r} by label"


class Question(Record, frozen=True, kw_only=True):
    """One question with its answers: the canonical record."""

    id: str  #: source and canonical address: ``london:/questions/2018/5425``
    source: str
    url: str | None = None  #: None when the page came as a file with no address
    reference: str | None = None  #: as printed: ``2018/5425``, ``2009/0289-1``
    title: str | None = None  #: None only on a suspect page
    kind: QuestionKind = "question"
    supplementary_number: int | None = None
    parent: str | None = None
    asked_by: Asker | None = None
    asked_of: tuple[Addressee, ...] = ()
    meeting: Meeting | None = None
    category: str | None = None
    question: tuple[Speech, ...] = ()
    status: QuestionStatus = "unanswered"
    answers: tuple[Answer, ...] = ()
    labels: dict[str, str] = {}  #: every label the page prints, known to us or not
    generation: str  #: which of the source's page designs it was read from: ``2014``, ``2022``
    #: Why the reading is not to be trusted: fields read differently, and other reasons in words
    #: (``no title``). Empty when it is to be trusted.
    suspect: tuple[Disagreement | str, ...] = ()
    digest: str  #: of the content, see :func:`hash_content`


def encode_record(record: Any) -> bytes:
    """One record as compact UTF-8 JSON without a line break."""
    return msgspec.json.encode(record)


def decode_question(line: bytes | str) -> Question:
    """Return the question in one line of JSON, read strictly.

    Raises:
        msgspec.DecodeError: It is not JSON.
        msgspec.ValidationError: A field is missing, unknown or of another type; the message
            names it.
    """
    return msgspec.json.decode(line, type=Question)


#: Version of the record's fields and of what they mean. Raise it when an older stored record must
#: be changed to be read rightly, and add the change to :data:`_UPGRADES`. A new field with a
#: default needs neither.
RECORD_VERSION = 1

#: What to do to a stored record (its JSON as a dict) of a version, to make it one of the next.
_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

#: The version of stored records without a version.
_FIRST_VERSION = 1
_VERSION_KEY = "record_version"
_VERSION_SUFFIX = f',"{_VERSION_KEY}":{RECORD_VERSION}}}'


def encode_stored(question: Question) -> str:
    """Return a question as JSON that is kept for years: with the version of its fields.

    Read it with :func:`decode_stored`. The version is the last member, so that reading it costs
    nothing while it is today's.
    """
    return encode_record(question).decode().removesuffix("}") + _VERSION_SUFFIX


def decode_stored(text: str) -> Question:
    """Return the question in stored JSON of any version, read leniently.

    Unknown fields are ignored, missing ones get their defaults, and records of older versions are
    upgraded.

    Raises:
        msgspec.DecodeError: It is not JSON.
        msgspec.ValidationError: It is no question of any version.
    """
    is_current = text.endswith(_VERSION_SUFFIX)
    if is_current or RECORD_VERSION == _FIRST_VERSION:
        with suppress(msgspec.ValidationError):  # five times as fast as reading it leniently
            return decode_question(text.removesuffix(_VERSION_SUFFIX) + "}" * is_current)
    values = msgspec.json.decode(text, type=dict[str, Any])
    for version in range(int(values.pop(_VERSION_KEY, _FIRST_VERSION)), RECORD_VERSION):
        values = _UPGRADES[version](values)
    return msgspec.convert(_drop_unknown(values, _QUESTION_TYPE), Question)


#: What msgspec knows of the record's fields and their types.
_QUESTION_TYPE = msgspec.inspect.type_info(Question)


def _drop_unknown(value: Any, kind: msgspec.inspect.Type) -> Any:
    """Return ``value`` without the members that are no fields of its type."""
    if isinstance(kind, msgspec.inspect.UnionType):
        kinds = (msgspec.inspect.StructType, msgspec.inspect.VarTupleType)
        kind = next((each for each in kind.types if isinstance(each, kinds)), kind)
    if isinstance(kind, msgspec.inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        return {k: _drop_unknown(v, fields[k]) for k, v in value.items() if k in fields}
    if isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(value, list):
        return [_drop_unknown(each, kind.item_type) for each in value]
    return value


def build_json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the canonical record."""
    document: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return document | msgspec.json.schema(Question)


# ------------------------------------------------------------------ what a reader calls content

#: Characters that the source swaps freely between one rendering and the next.
_INTERCHANGEABLE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)


def normalise_wording(text: str) -> str:
    """``text`` reduced to what must differ before two printings count as different words.

    Quotes, dashes and all white space are levelled: the source loses paragraph breaks, splits
    words at bold runs and swaps quotes between renderings, and none of that is an edit.
    """
    return "".join(unicodedata.normalize("NFKC", text).translate(_INTERCHANGEABLE).split())


def _join_wording(speeches: Iterable[Speech]) -> str:
    return normalise_wording(" ".join(p for speech in speeches for p in speech.paragraphs))


def _hash_parts(*parts: str) -> str:
    # Half a character (a lone surrogate) has no UTF-8 of its own, and is no reason to stop.
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return "sha256:" + hashlib.sha256(text).hexdigest()


def hash_question(question: Question) -> str:
    """Digest of what was asked: title and question words, no names."""
    return _hash_parts(normalise_wording(question.title or ""), _join_wording(question.question))


def hash_answer(answer: Answer) -> str:
    """Digest of one answer: its words and its attachments, no names and no date."""
    files = sorted(f"{normalise_wording(a.title)} {a.url}" for a in answer.attachments)
    return _hash_parts(_join_wording(answer.speeches), *files)


def hash_content(question: Question) -> str:
    """Digest of all that a reader would call the content.

    Names, parties, labels and white space stay out: the source rewrites those on thousands of
    old pages at once, and nobody wants an alert for it.
    """
    return _hash_parts(hash_question(question), *(hash_answer(a) for a in question.answers))


def iter_paragraphs(speeches: Iterable[Speech]) -> Iterator[str]:
    """All paragraphs of ``speeches`` in order."""
    for speech in speeches:
        yield from speech.paragraphs
