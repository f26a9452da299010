"""The commands match, explain, search and preview."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.queries import extract_fields, infer_changes, parse_query
from crawler.records import encode_record
from tests.support.reference_matcher import matches_query
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder

pytestmark = pytest.mark.process

RECORDS = [
    make_question(1, words="The Violence Reduction Unit (VRU) on knives."),
    make_question(2, make_answer("On knife crime."), words="Which bus?"),
    make_question(3, words="Who said vru?"),
    make_question(4, words="A violence reduction unit (VRU) for buses."),
    make_question(5, words="The violence reduction unit alone."),
]


@pytest.fixture
def service(tmp_path: Path) -> ServiceFolder:
    made = ServiceFolder(tmp_path / "service", "")
    lines = [encode_record(one).decode() for one in RECORDS]
    (made.folder / "records.jsonl").write_text("\n".join(lines))
    return made


class TestMatch:
    def test_lines_of_queries_and_ids_of_records_sorted(self, service: ServiceFolder) -> None:
        queries = ["bus", "", "VRU", "knife -bus", "buses", "change:answered", '"reduction unit"']
        (service.folder / "queries.txt").write_text("\n".join(queries))
        expected = [
            (number, one.id)
            for number, query in enumerate(queries, 1)
            for one in sorted(RECORDS, key=lambda one: one.id)
            if query
            and any(
                matches_query(parse_query(query), extract_fields(one, [kind]))
                for kind in infer_changes(one)
            )
        ]
        shown = service.run("match", "queries.txt", "records.jsonl").stdout
        assert shown.splitlines() == [f"{number}\t{identity}" for number, identity in expected]
        assert len(expected) > 8

    def test_what_is_no_query_or_no_record_is_named_and_left_out(
        self, service: ServiceFolder
    ) -> None:
        (service.folder / "queries.txt").write_bytes(b"bus\n(knife\n\xff\nVRU\n")
        (service.folder / "broken.jsonl").write_text("{}\n" + encode_record(RECORDS[0]).decode())
        done = service.run("match", "queries.txt", "records.jsonl", "broken.jsonl", expect=1)
        assert {line.split("\t")[0] for line in done.stdout.splitlines()} == {"1", "4"}
        first, second, third = done.stderr.splitlines()
        assert "queries.txt:2: " in first
        assert "queries.txt:3: is not UTF-8" in second
        assert "broken.jsonl:1: not a record" in third

    def test_a_file_that_is_not_there(self, service: ServiceFolder) -> None:
        done = service.run("match", "queries.txt", "records.jsonl", expect=65)
        assert "queries.txt" in done.stderr


class TestExplain:
    def test_the_parts_and_the_places(self, service: ServiceFolder) -> None:
        shown = service.run("explain", 'VRU OR "violence reduction unit"', "records.jsonl").stdout
        typed, used, *_ = shown.splitlines()
        assert typed == 'VRU OR "violence reduction unit"'
        assert used == 'Search used: "violence reduction unit" OR VRU'
        assert "VRU: in capitals only" in shown
        assert "london:/questions/2: does not match" in shown
        assert "question[0] 4-27        The »Violence Reduction Unit« (VRU) on" in shown
        assert "question[0] 29-32" in shown

    def test_json_offsets_are_those_of_the_record(self, service: ServiceFolder) -> None:
        explained = service.run_json("explain", "knife", "records.jsonl", "--json")
        assert explained["canonical"] == "knife"
        for one, told in zip(RECORDS, explained["questions"], strict=True):
            texts = extract_fields(one)
            said = [
                texts[p["field"]][p["paragraph"]][p["start"] : p["end"]] for p in told["places"]
            ]
            assert said == {1: ["knives"], 2: ["knife"]}.get(RECORDS.index(one) + 1, [])

    def test_the_seed(self, service: ServiceFolder, seed: Path) -> None:
        shown = service.run("explain", 'VRU OR "violence reduction unit"', str(seed)).stdout
        assert "»VRU«" in shown

    def test_a_query_alone_and_nothing_that_matches(self, service: ServiceFolder) -> None:
        typed, used, *_ = service.run("explain", "kni* -bus").stdout.splitlines()
        assert (typed, used) == ("kni* -bus", "Search used: kni* NOT bus")
        assert "Search used" not in service.run("explain", "kni* NOT bus").stdout
        service.run("explain", "benches", "records.jsonl", expect=1)
        done = service.run("explain", "(knife", expect=64)
        assert len(done.stderr.splitlines()) == 1


class TestSearchAndPreview:
    def test_search_finds_what_was_taken_in(self, service: ServiceFolder) -> None:
        service.run("ingest", "records.jsonl")
        shown = service.run("search", "knife").stdout.splitlines()
        assert shown[-1] == "2 questions"
        assert "2026-07-16  2026/0002  Question 2" in shown
        assert "  On »knife« crime." in shown
        assert service.run("search", "benches", expect=1).stdout == "0 questions\n"
        told = service.run_json("search", "VRU", "--json", "--limit", "1")
        assert told["total"] == 2
        assert [one["id"] for one in told["questions"]] == ["london:/questions/4"]

    def test_preview_and_what_it_warns_of(self, service: ServiceFolder) -> None:
        service.run("ingest", "records.jsonl")
        shown = service.run("preview", "VRU").stdout
        assert "ever: 2   last mention: 2026-07-16" in shown
        assert "VRU is also written Violence Reduction Unit: 1 more question." in shown
        assert 'To include it: VRU OR "violence reduction unit"' in shown
        assert "did you mean knife" in service.run("preview", "knief").stdout
        assert service.run_json("preview", "VRU", "--json")["total"] == 2

    def test_a_word_in_capitals_that_is_found_in_small_letters(
        self, service: ServiceFolder
    ) -> None:
        service.run("ingest", "records.jsonl")
        said = "No question has BUS in capitals. 2 questions have bus in small letters."
        offered = f"{said} To look for these: bus"
        assert offered in service.run("search", "BUS", expect=1).stdout
        listed = json.loads(service.run("search", "BUS", "--json", expect=1).stdout)["data"]
        assert listed["small_forms"][0]["query"] == "bus"
        assert offered in service.run("preview", "BUS").stdout
        assert offered in service.run("subscribe", "ada@replica.example", "BUS").stderr

    @pytest.mark.parametrize(
        ("option", "topic"),
        [
            ("--as-typed", "VRU"),
            ("--with-other-forms", '"violence reduction unit" OR VRU'),
            (None, "VRU"),  # no terminal, so nobody to ask
        ],
    )
    def test_subscribing_with_what_an_acronym_stands_for(
        self, service: ServiceFolder, option: str | None, topic: str
    ) -> None:
        service.run("ingest", "records.jsonl")
        options = [option] if option else []
        done = service.run("subscribe", "ada@replica.example", "VRU", *options)
        assert f"is subscribed to {topic}, daily" in done.stdout
        assert ("also written" in done.stderr) == (topic == "VRU")
