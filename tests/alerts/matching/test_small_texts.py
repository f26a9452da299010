"""All texts of a few words are matched as the reference matcher does, not only those drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from alerts.matching import Matcher
from alerts.queries import format_canonical, parse_canonical, parse_query
from tests.support.reference_matcher import Texts, matches_query

#: Between two words: the next is in a new paragraph, or in another field.
PARAGRAPH, FIELD = "¶", "§"


class Family(NamedTuple):
    """Texts, and queries that find some of them."""

    words: tuple[str, ...]
    gaps: tuple[str, ...]
    size: int
    queries: tuple[str, ...]

    def list_texts(self) -> Iterator[Texts]:
        """Yield every text of up to ``size`` of the words, with each gap between any two."""
        for count in range(self.size + 1):
            for words in product(self.words, repeat=count):
                for gaps in product(self.gaps, repeat=max(0, count - 1)):
                    text = "".join(map("".join, zip(words, (*gaps, ""), strict=False)))
                    title, _, asker = text.partition(FIELD)
                    names = asker.split(PARAGRAPH)
                    yield {"title": title.split(PARAGRAPH), "asked_by": names, "party": names}


FAMILIES = {
    "near": Family(
        ("knife", "crime", "gate"),
        (" ", PARAGRAPH),
        4,
        (
            *("knife NEAR/1 crime", "crime NEAR/1 knife", "knife NEAR/2 crime"),
            *(
                "knife NEAR/1 crime NEAR/1 gate",
                "gate NEAR/2 knife NEAR/2 crime",
                "gate NEAR/1 gate",
            ),
            *('"knife crime" NEAR/1 gate', 'gate NEAR/1 "gate crime"', "kni* NEAR/1 cri*"),
            *("knife NEAR/1 missing", "missing NEAR/1 knife", "-(knife NEAR/1 crime) gate"),
            *("title:knife NEAR/1 title:crime", "asked_by:knife NEAR/1 asked_by:crime"),
        ),
    ),
    "near in fields": Family(
        ("knife", "crime"),
        (" ", FIELD),
        4,
        (
            *("party:knife NEAR/1 party:crime", "party:crime NEAR/2 party:knife"),
            *("title:knife NEAR/1 title:crime", "asked_by:crime NEAR/1 asked_by:knife"),
            *("knife NEAR/1 crime", "bus OR (party:knife NEAR/1 party:crime)"),
        ),
    ),
    "phrases": Family(
        ("knives", "knife", "crime"),
        (" ", PARAGRAPH, FIELD),
        3,
        (
            *('"knife crime"', '"knives crime"', '"crime knife"', '"crime knives"', "kni*"),
            *('"knife knife knife"', '"knife knives crime"', 'title:"knife crime"', '"kni crime"'),
            *(
                'asked_by:"crime knives"',
                "knife crime",
                "knives -crime",
                "title:knife -asked_by:kni*",
            ),
            *(
                "(knife OR crime) -(knife crime)",
                "title:knife asked_by:crime",
                "party:knife OR crime",
            ),
        ),
    ),
    "linked": Family(
        ("anti", "social", "antisocial", "e"),
        (" ", "-", "¶"),
        3,
        (
            *(
                "anti-social",
                "antisocial",
                "social",
                '"anti-social e"',
                '"e anti-social"',
                "e-social",
            ),
            *(
                "anti-soc*",
                "antisoc*",
                "anti-social NEAR/1 e",
                "e NEAR/1 antisocial",
                '"anti social"',
            ),
            *(
                "asked_by:anti-social",
                "title:anti-soc*",
                "anti-social-e",
                "socials",
                '"anti socials"',
            ),
        ),
    ),
    "names": Family(
        ("Mr", "Quill", "Halls", "hall"),
        (" ", "-", "¶", "§"),
        3,
        (
            *(
                "hall",
                "halls",
                "Hall",
                '"mr hall"',
                '"mr halls"',
                "asked_by:hall",
                "asked_by:halls",
            ),
            *("title:hall", "mr NEAR/1 halls", "hall-hall", '"hall mr"', "asked_by:mr"),
        ),
    ),
    "acronyms": Family(
        ("VRU", "VRUs", "vru", "NO", "2"),
        (" ", "-", "'s "),
        3,
        (
            *(
                "VRU",
                "vru",
                "vrus",
                "VRUs",
                '"the VRU"',
                "NO2",
                "no2",
                '"NO 2"',
                '"VRU NO"',
                "no-2",
            ),
            *("vru NEAR/1 VRU", "2", "vru*", "VRU -vru", '"vru VRU"', "vru-2", "title:VRU"),
        ),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_all_texts_of_a_few_words_are_matched(name: str) -> None:
    batch = list(FAMILIES[name].list_texts())
    queries = FAMILIES[name].queries
    forms = dict(enumerate({format_canonical(parse_query(query)): None for query in queries}, 3))
    found = Matcher(forms).match(batch).group_by_topic()
    for topic, form in forms.items():
        query = parse_canonical(form)
        expected = [place for place, texts in enumerate(batch) if matches_query(query, texts)]
        assert found.get(topic, []) == expected, form
