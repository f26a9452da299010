"""The canonical record as JSON: what ``watchword parse`` prints and ``ingest`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from referencing import Registry, Resource

from crawler.records import (
    Disagreement,
    build_json_schema,
    decode_question,
    decode_stored,
    encode_record,
    encode_stored,
)
from tests.support.samples import make_answer, make_question

OLD_REASON = "asked_by: 'Ada Brook' by structure, 'Ben Cole' by label"


def test_a_disagreement_is_an_object_and_another_reason_is_text() -> None:
    reasons = (Disagreement("asked_by", "Ada Brook", "Ben Cole"), "no title")
    question = make_question(1, suspect=reasons)
    printed = json.loads(encode_record(question))
    assert printed["suspect"] == [
        {"field": "asked_by", "by_structure": "Ada Brook", "by_label": "Ben Cole"},
        "no title",
    ]
    jsonschema.validate(printed, build_json_schema())
    assert decode_question(encode_record(question)) == question
    assert str(reasons[0]) == OLD_REASON


@pytest.mark.parametrize("reason", ["no title", OLD_REASON])
def test_a_reason_that_an_earlier_version_stored_as_text_is_read(reason: str) -> None:
    stored = encode_record(make_question(1, suspect=(reason,)))
    assert decode_question(stored).suspect == (reason,)


SCHEMA = Path(__file__).parent / "record_schema.json"


def test_the_published_schema_changes_only_on_purpose() -> None:
    """Others read our records by it. To change it: ``watchword schema > record_schema.json``."""
    assert json.loads(json.dumps(build_json_schema())) == json.loads(SCHEMA.read_text())


def test_another_schema_can_refer_to_the_schema_by_its_name() -> None:
    named = Resource.from_contents(build_json_schema())
    anothers = {"type": "array", "items": {"$ref": "urn:watchword:record:1"}}
    validator = jsonschema.Draft202012Validator(anothers, registry=named @ Registry())
    record = json.loads(encode_record(make_question(1)))
    validator.validate([record])
    assert not validator.is_valid([record | {"asked_by": {"seat": 7}}])


QUESTION = make_question(1, make_answer("Yes."), suspect=(Disagreement("title", "One", "Two"),))


def change_json(**changes: Any) -> str:
    """The question as stored JSON with some members replaced; None removes a member."""
    values = json.loads(encode_stored(QUESTION)) | changes
    return json.dumps({name: value for name, value in values.items() if value is not None})


def test_a_stored_record_carries_its_version_and_a_printed_one_does_not() -> None:
    assert json.loads(encode_stored(QUESTION))["record_version"] == 1
    assert "record_version" not in json.loads(encode_record(QUESTION))
    assert decode_stored(encode_stored(QUESTION)) == QUESTION


def test_a_record_that_was_stored_without_a_version_is_read() -> None:
    assert decode_stored(encode_record(QUESTION).decode()) == QUESTION


@pytest.mark.parametrize(
    "changes",
    [
        {"mood": "sunny"},
        {"record_version": 99, "mood": "sunny"},
        {"asked_by": {"name": "Ada Brook", "printed": "Ada Brook AM", "seat": 7}},
        {"answers": [{"answered_by": ["The Mayor"], "tone": "dry", "speeches": [{"mood": 1}]}]},
        {"suspect": [{"field": "title", "by_structure": "1", "by_label": "2", "by_dice": "3"}]},
        {"status": None, "answers": None, "labels": None},
    ],
)
def test_a_stored_record_of_another_version_is_read_leniently(changes: dict[str, Any]) -> None:
    stored = change_json(**changes)
    read = decode_stored(stored)
    assert (read.id, read.title, read.question) == (
        QUESTION.id,
        QUESTION.title,
        QUESTION.question,
    )
    with pytest.raises(msgspec.ValidationError):
        decode_question(change_json(mood="sunny"))


@pytest.mark.parametrize(
    "stored", ["", "{", "[]", "{}", change_json(id=None), change_json(title=7)]
)
def test_what_is_no_record_is_refused(stored: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_stored(stored)
