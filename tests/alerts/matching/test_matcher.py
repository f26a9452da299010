"""The matcher finds what the reference matcher finds, however topics joined it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.matching import Matcher
from alerts.matching.disk_cache import load_layer, save_layer
from alerts.matching.matcher import compile_layer
from alerts.queries import find_match, format_canonical, parse_canonical, parse_query
from crawler.storage import LocalFolder
from tests.support.examples import count_examples
from tests.support.query_strategies import NORMAL_FORMS, RECORD_TEXTS
from tests.support.reference_matcher import Texts, matches_query

TOPICS = st.lists(NORMAL_FORMS, min_size=1, max_size=12, unique=True)
BATCHES = st.lists(RECORD_TEXTS, min_size=1, max_size=4)


def match(matcher: Matcher, batch: list[Texts]) -> dict[int, list[int]]:
    return matcher.match(batch).group_by_topic()


def match_by_reference(topics: dict[int, str], batch: list[Texts]) -> dict[int, list[int]]:
    found = {
        topic: [
            place for place, texts in enumerate(batch) if matches_query(parse_query(form), texts)
        ]
        for topic, form in topics.items()
    }
    return {topic: places for topic, places in found.items() if places}


@pytest.mark.timeout(600)  # 20 s on an idle core, and several times as long under coverage and load
@settings(
    max_examples=count_examples(500)
)  # of 5 to 12 topics and 2 to 4 records each: over 10,000 cases
@given(
    st.lists(NORMAL_FORMS, min_size=5, max_size=12, unique=True),
    st.lists(RECORD_TEXTS, min_size=2, max_size=4),
)
@pytest.mark.slow
def test_the_matcher_find_match_and_the_reference_matcher_agree(
    forms: list[str], batch: list[Texts]
) -> None:
    topics = dict(enumerate(forms, 7))
    assert match(Matcher(topics), batch) == match_by_reference(topics, batch)
    for form in forms:
        for texts in batch:
            assert (find_match(parse_canonical(form), texts) is not None) == matches_query(
                parse_query(form), texts
            )


@settings(max_examples=count_examples(1000))
@given(TOPICS, BATCHES, st.data())
@pytest.mark.slow
def test_topics_may_join_and_leave(
    forms: list[str], batch: list[Texts], data: st.DataObject
) -> None:
    topics = dict(enumerate(forms))
    first = data.draw(st.integers(0, len(forms)))
    matcher = Matcher({n: topics[n] for n in range(first)})
    for topic in range(first, len(forms)):
        matcher.join(topic, topics[topic])
    gone = data.draw(st.sets(st.sampled_from(range(len(forms)))))
    for topic in gone:
        matcher.leave(topic)
    assert len(matcher) == len(forms) - len(gone)
    staying = {topic: form for topic, form in topics.items() if topic not in gone}
    assert match(matcher, batch) == match_by_reference(staying, batch)


@pytest.mark.slow
def test_layers_fill_and_are_merged() -> None:
    batch: list[Texts] = [{"title": [f"number n{n}n"]} for n in range(300)]
    matcher = Matcher({0: "n0n"})
    for topic in range(1, 300):
        matcher.join(topic, f"n{topic}n")
    everything = {topic: [topic] for topic in range(300)}
    assert matcher.layer_count > 3
    assert match(matcher, batch) == everything
    matcher.leave(250)
    matcher.merge_layers()
    assert matcher.layer_count == 2
    del everything[250]
    assert match(matcher, batch) == everything
    matcher.join(250, "n250n")
    assert match(matcher, batch)[250] == [250]


def test_small_layers_are_merged_whatever_has_joined_after_them() -> None:
    matcher = Matcher({0: "n0n"})
    for topic in range(1, 202):  # three layers of 64, and nine topics
        matcher.join(topic, f"n{topic}n")
    assert matcher.layer_count == 5
    matcher.merge_layers()
    assert matcher.layer_count == 2
    assert match(matcher, [{"title": ["n10n n200n"]}]) == {10: [0], 200: [0]}


def test_topics_that_join_together_are_one_layer_and_are_merged_with_as_many() -> None:
    batch: list[Texts] = [{"title": [f"number n{n}n"]} for n in range(300)]
    matcher = Matcher({0: "n0n"})
    matcher.join_all({topic: f"n{topic}n" for topic in range(1, 200)})
    for topic in range(200, 210):
        matcher.join(topic, f"n{topic}n")
    matcher.merge_layers()
    assert matcher.layer_count == 3  # ten topics are too few to compile 199 again
    for topic in (5, 205):
        matcher.leave(topic)
    matcher.join_all({topic: f"n{topic}n" for topic in (*range(210, 300), 5)})
    assert matcher.layer_count == 4
    matcher.merge_layers()
    assert matcher.layer_count == 2
    assert len(matcher) == 299
    assert match(matcher, batch) == {topic: [topic] for topic in range(300) if topic != 205}
    matcher.merge_layers()
    assert matcher.layer_count == 2


def test_matches_are_limited_to_the_first_records() -> None:
    matcher = Matcher({1: "knife", 2: "knife OR bus", 3: "bus"})
    texts: list[Texts] = [{"title": [words]} for words in ("bus", "pond", "knife", "bus knife")]
    found = matcher.match(texts)
    for most, kept, number in ((1, 1, 2), (2, 2, 2), (3, 2, 2), (4, 3, 4), (6, 3, 4), (7, 4, 7)):
        some, records = found.limit(len(texts), most)
        assert (records, some.topics.size) == (kept, number)


@settings(max_examples=count_examples(500))
@given(TOPICS, BATCHES)
@pytest.mark.slow
def test_a_saved_layer_is_loaded_unchanged(
    tmp_path_factory: pytest.TempPathFactory, forms: list[str], batch: list[Texts]
) -> None:
    folder = LocalFolder(tmp_path_factory.mktemp("saved"))
    topics = dict(enumerate(forms))
    save_layer(compile_layer(topics), folder, 3, "ours")
    layer = load_layer(folder, 3, lambda ids: "ours" if ids == list(topics) else "")
    assert layer is not None
    assert match(Matcher.from_layer(layer), batch) == match_by_reference(topics, batch)
    assert [child.name for child in folder.path.iterdir()] == ["3.npz"]


def test_a_file_of_other_topics_or_a_damaged_one_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, path = LocalFolder(tmp_path), tmp_path / "3.npz"
    assert load_layer(folder, 3, str) is None
    save_layer(compile_layer({1: "knife"}), folder, 3, "[1]")
    assert load_layer(folder, 3, str) is not None
    assert load_layer(folder, 3, lambda _: "another") is None
    whole = path.read_bytes()
    for broken in (b"", b"PK", whole[: len(whole) // 2]):
        path.write_bytes(broken)
        caplog.clear()
        assert load_layer(folder, 3, str) is None
        assert "so its topics are compiled" in caplog.text


def test_a_file_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, path = LocalFolder(tmp_path), tmp_path / "3.npz"
    path.mkdir()
    save_layer(compile_layer({1: "knife"}), folder, 3, "[1]")
    assert "ledger.compiled cannot be written: " in caplog.text
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "file").touch()
    save_layer(compile_layer({1: "knife"}), LocalFolder(tmp_path / "file"), 3, "[1]")
    assert caplog.text.count("cannot be written") == 2


def test_no_topics_and_no_records() -> None:
    assert match(Matcher(), [{"title": ["knife"]}]) == {}
    assert match(Matcher({1: "knife"}), []) == {}
    assert match(Matcher({1: "knife"}), [{"title": []}]) == {}


@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"(a{n} OR b{n})" for n in range(9)),  # 512 clauses
        "knife -(" + " ".join(f"(a{n} OR b{n})" for n in range(9)) + ")",
        "(anti-soc* NEAR/3 knife) OR bus",
        "bus -(anti-soc* NEAR/3 knife)",
    ],
)
def test_a_query_with_too_many_clauses_is_decided_in_the_text(query: str) -> None:
    everything = " ".join(f"a{n}" for n in range(9))
    batch: list[Texts] = [
        {"title": [text]}
        for text in (everything, everything[:-3], "knife " + everything, "knife", "bus",
                     "bus, antisocial knife", "antisocial in a bus with a knife")
    ]  # fmt: skip
    topics = {1: format_canonical(parse_query(query)), 2: "knife"}
    assert match(Matcher(topics), batch) == match_by_reference(topics, batch)
