"""Batches and layers of any size: the records of a match are numbers in words of 64 bits."""

from __future__ import annotations

import pytest

from alerts.matching import Matcher
from alerts.queries import format_canonical, parse_query
from tests.support.reference_matcher import Texts

#: Around the borders of words of 64 bits.
SIZES = (0, 1, 2, 6, 7, 8, 63, 64, 65, 127, 128, 129, 200)
#: Which records of a batch have the word "w" and the step: all, every second, and so on. A word of
#: bits with more than six set is unpacked in another way than the others.
STEPS = (1, 2, 9, 10, 11, 12, 63, 64, 65)


def make_texts(size: int) -> list[Texts]:
    return [
        {
            "title": [" ".join(f"w{step}w" for step in STEPS if place % step == step - 1)],
            "question": [f"number n{place}n"],
            "party": ["w1w w2w"],
        }
        for place in range(size)
    ]


@pytest.mark.parametrize("size", SIZES)
def test_all_records_of_a_batch_are_found_and_no_others(size: int) -> None:
    expected: dict[str, list[int]] = {}
    for step in STEPS:
        places = [place for place in range(size) if place % step == step - 1]
        expected[f"w{step}w"] = expected[f"w{step}w*"] = places
        if step > 2:
            either = [p for p in range(size) if p % 2 == 1 or p % step == step - 1]
            expected[f"w{step}w -w2w"] = [p for p in places if p % 2 == 0]
            expected[f"w1w (w2w OR w{step}w)"] = either
            expected[f"w1w NEAR/9 w{step}w"] = places
    expected |= {f"n{place}n": [place] for place in range(size)}
    expected |= {f'"number n{place}n"': [place] for place in range(0, size, 7)}
    expected |= {"party:w1w": [*range(size)], '"w1w w2w"': [*range(1, size, 2)]}
    forms = {query: format_canonical(parse_query(query)) for query in expected}
    topics = dict(enumerate(sorted(set(forms.values())), 5))
    found = Matcher(topics).match(make_texts(size)).group_by_topic()
    numbers = {form: number for number, form in topics.items()}
    for query, places in expected.items():
        assert found.get(numbers[forms[query]], []) == places, query
