"""The canonical record as JSON: what ``watchword parse`` prints and ``ingest`` reads."""

from __future__ import annotations

import json

import jsonschema
import pytest

from crawler.records import Disagreement, build_json_schema, decode_question, encode_record
from tests.support.samples import make_question

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
