"""The JSON API, also against its own OpenAPI document."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.config import HealthCheck
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from alerts.subscribers import publish_topic
from crawler.records import build_json_schema, decode_question
from tests.support.examples import count_examples
from tests.support.samples import make_answer, make_question
from tests.support.web_client import WebClient, run_web_client

#: Requests that are generated for each operation and phase.
EXAMPLES = count_examples(200)


@pytest.fixture
def filled(site: WebClient) -> WebClient:
    with site.ledger.writing() as connection:
        publish_topic(connection, "VRU", site.now)
    site.publish_questions(
        *(make_question(n, make_answer(f"The VRU, {n}."), title=f"=1+{n}") for n in range(1, 8))
    )
    return site


def get(pages: WebClient, path: str, status: int = 200) -> dict[str, Any]:
    found, text = pages.request_text("GET", path)
    assert found == status, text
    body: dict[str, Any] = json.loads(text)
    return body


@pytest.mark.slow
def test_the_openapi_document_says_who_publishes_and_what_each_operation_is_for(
    filled: WebClient,
) -> None:
    document = get(filled, "/api/openapi.json")
    assert document["info"]["contact"]["name"]
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for path, methods in document["paths"].items():
        assert methods["get"]["description"].endswith("."), path
        assert set(methods["get"]["tags"]) <= tags, path


def test_a_word_in_capitals_that_is_found_in_small_letters_is_said(site: WebClient) -> None:
    site.publish_questions(make_question(1, words="The fares."), make_question(2, words="A fare."))
    expected = {"word": "FARES", "questions": 0, "small": "fares", "small_questions": 2}
    [form] = get(site, "/api/v1/questions?q=FARES")["small_forms"]
    assert form == {**expected, "query": "fares", "is_complete": True}
    assert get(site, "/api/v1/questions?q=fares")["small_forms"] == []
    page = site.request_text("GET", "/search?q=FARES")[1]
    assert "No question has FARES in capitals. 2 questions have fares in small letters." in page
    assert '<a href="/search?q=fares">Search for fares</a>' in page


@pytest.mark.slow
def test_search_results_are_paged(filled: WebClient) -> None:
    seen: list[str] = []
    cursor: object = 0
    while cursor is not None:
        body = get(filled, f"/api/v1/questions?q=VRU&limit=3&cursor={cursor}")
        assert body["total"] == 7
        for record in body["questions"]:
            Draft202012Validator(build_json_schema()).validate(record)
            seen.append(record["id"])
        cursor = body["next"]
    assert sorted(seen) == [f"london:/questions/{n}" for n in range(1, 8)]
    assert "Close the double quotes" in str(get(filled, '/api/v1/questions?q="half', 400)["error"])
    get(filled, "/api/v1/questions", 400)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["0", "101", "x", "-1", "1.5", "²", "9" * 40])
def test_page_sizes_are_bounded(filled: WebClient, wrong: str) -> None:
    body = get(filled, f"/api/v1/changes?limit={quote(wrong)}", 400)
    assert body["error"] == "limit: expected a whole number from 1 to 100."


@pytest.mark.slow
def test_paging_through_changes_misses_and_repeats_nothing(filled: WebClient) -> None:
    seen: list[int] = []
    after, more = 0, True
    while more:
        body = get(filled, f"/api/v1/changes?after={after}&limit=4")
        seen += [one["number"] for one in body["changes"]]
        after, more = body["next"], body["more"]
    assert seen == list(range(1, 15))
    assert get(filled, f"/api/v1/changes?after={after}")["next"] == after
    filled.publish_questions(
        make_question(8, words="Of benches?"), make_question(9, words="Of the VRU?")
    )
    body = get(filled, f"/api/v1/changes?after={after}&topic=VRU")
    assert [one["question"]["id"] for one in body["changes"]] == ["london:/questions/9"]
    get(filled, "/api/v1/changes?topic=none", 404)


@pytest.mark.slow
def test_records_and_topics(filled: WebClient) -> None:
    assert get(filled, "/api/v1/questions/london:/questions/1")["title"] == "=1+1"
    assert get(filled, "/api/v1/questions/london%3A%2Fquestions%2F1")["title"] == "=1+1"
    get(filled, "/api/v1/questions/london:/questions/99", 404)
    [topic] = get(filled, "/api/v1/topics")["topics"]
    assert topic["feeds"]["atom"] == "https://watch.example/feeds/VRU.atom.xml"
    assert get(filled, "/api/v1/topics/VRU")["questions"] == 7
    get(filled, "/api/v1/topics/none", 404)
    get(filled, "/api/v1/nothing", 404)


@pytest.mark.slow
def test_a_known_entity_tag_gets_304(filled: WebClient) -> None:
    path = "/api/v1/questions?q=VRU"
    _, headers, body = filled.request("GET", path)
    status, _, nothing = filled.request("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert (status, nothing) == (304, b"")
    assert filled.request("GET", path, headers={"If-None-Match": '"x"'})[2] == body
    packed = filled.request("GET", path, headers={"Accept-Encoding": "gzip"})[1]
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]


@pytest.mark.slow
def test_exports(filled: WebClient) -> None:
    status, headers, body = filled.request("GET", "/api/v1/export.jsonl?q=VRU")
    assert (status, headers["X-Total-Count"]) == (200, "7")
    assert {decode_question(line).id for line in body.splitlines()} == {
        f"london:/questions/{n}" for n in range(1, 8)
    }
    status, headers, body = filled.request("GET", "/api/v1/export.csv?q=VRU")
    assert headers.get_content_type() == "text/csv"
    rows = list(csv.DictReader(StringIO(body.decode("utf-8-sig"))))
    assert len(rows) == 7
    assert {row["title"][0] for row in rows} == {"'"}  # no formula
    assert rows[0]["asked_by"] == "Ada Brook"
    assert filled.request_text("GET", "/api/v1/export.csv?q=%22half")[0] == 400
    statuses = {filled.request_text("GET", "/api/v1/export.csv?q=VRU")[0] for _ in range(61)}
    assert statuses == {200, 429}


class TestContract:
    """Requests generated from the OpenAPI document: no 5xx, and every response conforms."""

    @pytest.fixture
    def api(self, filled: WebClient) -> Iterator[schemathesis.BaseSchema]:
        with run_web_client(filled.ledger, filled.now, filled.folder) as pages:
            found = schemathesis.openapi.from_url(f"{pages.url}/api/openapi.json")
            found.config.update(base_url=pages.url, suppress_health_check=[HealthCheck.all])
            # Not each text is a query, so one that the schema allows may be refused: by its 400.
            found.config.checks.update(excluded_check_names=["positive_data_acceptance"])
            found.config.generation.update(
                max_examples=EXAMPLES, deterministic=True, database="none"
            )
            yield found

    @pytest.mark.slow
    def test_responses_match_the_openapi_document(self, api: schemathesis.BaseSchema) -> None:
        failed: list[str] = []
        answered = 0
        for event in from_schema(api).execute():
            assert not isinstance(event, FatalError | NonFatalError), event
            if not isinstance(event, ScenarioFinished):
                continue
            answered += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                failed += [
                    f"{check.name}: {check.failure_info.failure.message}"
                    for check in checks
                    if check.failure_info is not None
                ]
        assert sorted(set(failed)) == []
        assert answered > 8 * EXAMPLES
