"""The canonical record: one question with its answers, whatever source published it.

Everything after the crawler works on these values alone. They are frozen, convert to JSON and back
without loss, and have a published JSON Schema (``watchword schema``). An unknown value is ``None``,
never guessed and never an empty string. Text is Unicode NFC with plain spaces. ``printed`` keeps
the words of the page beside our reading of them.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any, Literal, TypeVar

import msgspec
import msgspec.inspect

ValueT = TypeVar("ValueT")

#: ``\\u0000`` in JSON, after an even number of backslashes: otherwise the first one is itself
#: escaped, and what follows is text.
_ESCAPED_NULL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

QuestionKind = Literal["question", "supplementary"]
QuestionStatus = Literal["unanswered", "holding", "answered"]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every part of a record: immutable, and strict about unknown fields."""


class Asker(Record, frozen=True):
    """The person who asked the question."""

    name: str  #: without honours and "AM": ``Joanne McCartney``
    printed: str  #: as on the page: ``Joanne McCartney AM``
    party: str | None = None  #: as printed; recent supplementaries print their parent's
    person: str | None = None  #: identity, the same for all spellings: ``joanne-mccartney``


class Addressee(Record, frozen=True):
    """One person or office that the question was put to."""

    name: str
    printed: str
    role: str | None = None  #: ``Chair, Transport for London``


class Meeting(Record, frozen=True):
    """The meeting at which the question was asked.

    A written question has no meeting: its ``name`` is None, and its ``date`` is the day on which it
    was tabled.
    """

    name: str | None = None  #: as printed: ``MQT on 2018-12-20``
    date: date | None = None


class Speech(Record, frozen=True):
    """What one speaker said without interruption."""

    speaker: str | None = None  #: label as printed, without its colon; None if nobody is named
    paragraphs: tuple[str, ...] = ()


class Attachment(Record, frozen=True):
    """A file that belongs to an answer."""

    title: str
    url: str  #: absolute if the address of the page is known


class Answer(Record, frozen=True):
    """One answer. A holding reply is an answer that only says that the answer will follow."""

    answered_by: tuple[str, ...] = ()
    date: date | None = None
    holding: bool = False
    speeches: tuple[Speech, ...] = ()
    html: str | None = None  #: sanitised; None if the page was plain text
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
    url: str | None = None  #: None if the page came as a file without an address
    reference: str | None = None  #: as printed: ``2018/5425``, ``2009/0289-1``
    title: str | None = None  #: None only on a suspect page
    kind: QuestionKind = "question"
    supplementary_number: int | None = None
    parent: str | None = None  #: id of the question that a supplementary belongs to
    asked_by: Asker | None = None
    asked_of: tuple[Addressee, ...] = ()
    meeting: Meeting | None = None
    category: str | None = None
    question: tuple[Speech, ...] = ()
    status: QuestionStatus = "unanswered"
    answers: tuple[Answer, ...] = ()
    labels: dict[str, str] = {}  #: every label on the page, also unknown ones, with its value
    generation: str  #: page design that it was read from: ``2014``, ``2022``
    #: Why the reading is not to be trusted: fields read differently, and other reasons in words
    #: (``no title``). Empty when it is to be trusted.
    suspect: tuple[Disagreement | str, ...] = ()
    digest: str  #: of the content, see :func:`hash_content`

    @property
    def is_taken_down(self) -> bool:
        """Whether the operator took the question down: nothing that anybody said is left."""
        return self.generation == _TAKEN_DOWN


#: The generation of what is left of a question that the operator took down.
_TAKEN_DOWN = "taken down"


#: The label of a set phrase that a page prints in place of an answer: ``Oral response``.
PLACEHOLDER_LABEL = "In place of an answer"


def encode_record(record: Any) -> bytes:
    """Return a record as compact UTF-8 JSON without a line break."""
    return msgspec.json.encode(record)


def decode_json(text: bytes | str, kind: type[ValueT]) -> ValueT:
    """Return a value from JSON that somebody else wrote, without the null characters in it.

    No database or page can hold a null character; in HTML it is left out as well.

    Raises:
        msgspec.DecodeError: It is not JSON, or is nested too deep to be read.
        msgspec.ValidationError: A field is missing, unknown or of another type; the message
            names it.
    """
    data = text.encode() if isinstance(text, str) else text
    if b"\\u0000" in data:
        data = _ESCAPED_NULL.sub(rb"\1", data)
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError as error:
        raise msgspec.DecodeError("JSON is nested too deep") from error


def decode_question(line: bytes | str) -> Question:
    """Return the question in one line of JSON, read strictly.

    Raises:
        msgspec.DecodeError: It is not JSON.
        msgspec.ValidationError: A field is missing, unknown or of another type; the message
            names it.
    """
    return decode_json(line, Question)


#: Version of the record's fields and of what they mean. Raise it when an older stored record must
#: be changed to be read rightly, and add the change to :data:`_UPGRADES`. A new field with a
#: default needs neither.
RECORD_VERSION = 1

#: Name of the record's JSON Schema. It is not an address: it lets other schemas refer to this one.
RECORD_SCHEMA_ID = f"urn:watchword:record:{RECORD_VERSION}"

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
    """Return the JSON Schema (2020-12) of the canonical record."""
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": RECORD_SCHEMA_ID,
    }
    return document | clean_descriptions(msgspec.json.schema(Question))


def clean_descriptions(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON Schema whose descriptions, which are docstrings, have no indentation.

    Before Python 3.13 docstrings have that of the code.
    """
    return {key: _clean_member(key, value) for key, value in schema.items()}


def _clean_member(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return clean_descriptions(value)
    return inspect.cleandoc(value) if key == "description" and isinstance(value, str) else value


def mask_question(question: Question) -> Question:
    """Return what is left of a question that is taken down: where and when it was asked.

    Nothing that anybody said is left, no name, no title and no address. The status is ``answered``,
    so that it is neither overdue nor visited again.
    """
    masked = Question(
        id=question.id,
        source=question.source,
        reference=question.reference,
        kind=question.kind,
        supplementary_number=question.supplementary_number,
        meeting=question.meeting,
        status="answered",
        generation=_TAKEN_DOWN,
        digest="",
    )
    return msgspec.structs.replace(masked, digest=hash_content(masked))


# ------------------------------------------------------------------ what a question is called

#: Characters of the name of a question without a title: a line of a list.
_MAX_NAME_LENGTH = 80


def name_question(question: Question) -> str:
    """Return what a question is called wherever it is listed or linked to; never empty.

    It is the title. A question without one that can be seen is called by the first words that were
    asked, else by its reference, else by its id.
    """
    if question.is_taken_down:
        return f"Question {question.reference or ''}".rstrip() + " (taken down)"
    if question.title and is_visible(question.title):
        return question.title
    for text in iter_paragraphs(question.question):
        if is_visible(text):
            return _cut_words(text)
    return f"Question {question.reference}" if question.reference else question.id


def is_visible(text: str) -> bool:
    """Return whether ``text`` has a character that leaves a mark: no space and no control."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)


def _cut_words(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= _MAX_NAME_LENGTH:
        return words
    cut, space, _ = words[: _MAX_NAME_LENGTH + 1].rpartition(" ")
    return f"{cut if space else words[:_MAX_NAME_LENGTH]} …"


# ------------------------------------------------------------------ the content of a question

#: Characters that the source replaces by each other between two renderings of a page.
_INTERCHANGEABLE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)


def normalise_wording(text: str) -> str:
    """Return ``text`` in a form that is the same for all renderings of the same words.

    Quotes and dashes are unified and all white space is removed: between renderings, the source
    loses paragraph breaks, splits words at bold runs and replaces quotes. None of that is an edit.
    """
    return "".join(unicodedata.normalize("NFKC", text).translate(_INTERCHANGEABLE).split())


def join_wording(speeches: Iterable[Speech]) -> str:
    """Return the words of ``speeches`` as one text, as :func:`normalise_wording` does."""
    return normalise_wording(" ".join(p for speech in speeches for p in speech.paragraphs))


def _hash_parts(*parts: str) -> str:
    # A lone surrogate has no UTF-8 encoding; it must not stop a crawl.
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return "sha256:" + hashlib.sha256(text).hexdigest()


def hash_question(question: Question) -> str:
    """Return the digest of title and text of a question, without names."""
    return _hash_parts(normalise_wording(question.title or ""), join_wording(question.question))


def hash_answer(answer: Answer) -> str:
    """Return the digest of text and attachments of an answer, without names and date."""
    files = sorted(f"{normalise_wording(a.title)} {a.url}" for a in answer.attachments)
    return _hash_parts(join_wording(answer.speeches), *files)


def hash_content(question: Question) -> str:
    """Return the digest of the content: of the question and of all answers.

    Names, parties, labels and white space are not part of it: the source rewrites them on thousands
    of old pages at once, which must not alert anybody.
    """
    return _hash_parts(hash_question(question), *(hash_answer(a) for a in question.answers))


def iter_paragraphs(speeches: Iterable[Speech]) -> Iterator[str]:
    """Yield all paragraphs of ``speeches`` in order."""
    for speech in speeches:
        yield from speech.paragraphs
