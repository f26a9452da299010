"""What a database is asked for, and what texts have in it, which the databases of services keep."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alerts.queries import find_match, parse_query, prepare_fields
from alerts.queries.index_terms import (
    OVERSIZE_KEY,
    build_index_keys,
    build_index_query,
    format_fts5,
    format_tsquery,
)
from tests.alerts.queries.test_index_terms import has


@pytest.mark.parametrize(
    ("typed", "condition", "is_exact"),
    [
        ("knives", "('sxknife' | 'nxknives')", True),
        ("VRU", "'cxvru'", True),
        ('"knives"', "'wxknives'", True),
        ("kni*", "'wxkni':*", True),
        ("łódź*", "'wxlodz':*", True),
        ('"Δέ 日本"', "'px10xzceb4zceb5ze697a5ze69cac'", True),
        ("title:knife", "('saknife' | 'naknife')", True),
        ("year:2026", "'wn2026'", True),
        ("question:knife", "('sxknife' | 'nxknife')", False),
        ('answer:"knife"', "'wxknife'", False),
        ('title:"knife crime"', "'pa5xknifecrime'", True),
        ('"tottenham high road"', "('px9xtottenhamhigh' & 'px4xhighroad')", False),
        (
            "low-road",
            "(('qx3xlowroad' | 'rx3xlowroad' | 'px3xlowroad') | ('sxlowroad' | 'nxlowroad'))",
            True,
        ),
        (
            "low-roads",
            "(('qx3xlowroad' | 'rx3xlowroads' | 'px3xlowroad') | ('sxlowroad' | 'nxlowroads'))",
            False,
        ),
        (
            "a-b-roads",
            (
                "(('px1xab' & ('qx1xbroad' | 'rx1xbroads' | 'px1xbroad'))"
                " | ('qx1xabroad' | 'rx1xabroads' | 'px1xabroad')"
                " | ('qx2xabroad' | 'rx2xabroads' | 'px2xabroad')"
                " | ('sxabroad' | 'nxabroads'))"
            ),
            False,
        ),
        ("anti-soc*", "(('wxanti' & 'wxsoc':*) | 'wxantisoc':*)", False),
        ("party:anti-soc*", "(('weanti' & 'wesoc':*) | 'weantisoc':*)", False),
        ("bus NEAR/3 VRU", "('cxvru' & ('sxbus' | 'nxbus'))", False),
        (
            "anti-soc* NEAR/3 VRU",
            "(('cxvru' & 'wxanti' & 'wxsoc':*) | ('cxvru' & 'wxantisoc':*))",
            False,
        ),
        ('"bus" -"gun"', "('wxbus' & !'wxgun')", True),
        ('"bus" -"gun" -"a b c"', "('wxbus' & !'wxgun')", False),
        ('"bus" -title:"gun" OR "gun"', "(('wxbus' & !'wagun') | 'wxgun')", True),
        ('"bus" change:asked', "'wxbus'", False),
        ('"bus" -change:asked', "'wxbus'", False),
        ('"bus" OR change:asked', None, False),
        ("change:asked", None, False),
        ('"bus" -anti-soc* OR "gun"', "('wxbus' | 'wxgun')", False),
        ('"bus" -(vru anti-soc*)', "('wxbus' | ('wxbus' & !('sxvru' | 'nxvru')))", False),
    ],
)
def test_what_is_asked_for(typed: str, condition: str | None, is_exact: bool) -> None:
    asked = build_index_query(parse_query(typed))
    assert (asked.condition and format_tsquery(asked.condition)) == condition
    assert asked.is_exact is is_exact


def test_sqlite_is_asked_in_its_own_words() -> None:
    asked = build_index_query(parse_query('kni* "a b" -"gun" OR bus'))
    assert asked.condition is not None
    assert format_fts5(asked.condition) == (
        '((("px1xab" AND "wxkni" *) NOT "wxgun") OR ("sxbus" OR "nxbus"))'
    )


@pytest.mark.parametrize(
    ("texts", "keys"),
    [
        (
            {"title": ["High Roads"]},
            (
                "wahigh waroads wxhigh wxroads sahigh saroad sxhigh sxroad"
                " pa4xhighroads px4xhighroads qa4xhighroad qx4xhighroad"
            ),
        ),
        ({"answer": ["VRUs, XR"]}, "wxvrus wxxr sxvru sxxr cxvru cxxr px4xvrusxr"),
        (
            {"asked_by": ["Susan Halls"]},
            (
                "wdsusan wdhalls wxsusan wxhalls ndsusan ndhalls nxsusan nxhalls"
                " pd5xsusanhalls px5xsusanhalls rd5xsusanhalls rx5xsusanhalls"
            ),
        ),
        ({"party": ["Łódź"]}, "welodz selodz"),
        ({"change": ["Asked"]}, "wkasked skask"),
        ({"question": ["Δ 日"]}, "wxzceb4 wxze697a5 sxzceb4 sxze697a5 px5xzceb4ze697a5"),
        (
            {"question": ["E-bike a"]},
            "wxe wxbike wxebike wxa sxe sxbike sxebike sxa px1xebike px4xbikea px5xebikea",
        ),
        ({"answer": ["a", "b"]}, "wxa sxa wxb sxb"),
    ],
)
def test_what_a_text_is_found_by(texts: dict[str, Sequence[str]], keys: str) -> None:
    assert sorted(build_index_keys(prepare_fields(texts))) == sorted(keys.split())


_QUERIES = [
    *("knife", "knives", '"knife"', "kni*", "VRU", "vru", '"vru"', "Δέλ*", "x-ray", "tube-bus"),
    *("title:knife", "question:knife", "party:knives", "asked_by:knives", "asked_by:VRU"),
    *("knife-crime", "knife-crimes", '"knife crime"', '"knives crime"', "title:knife-crimes"),
    *('asked_by:"knife crime"', '"crime knife crime"', "knife-crime-vru", "vru-x", "anti-kni*"),
    *("knife NEAR/1 crime", "knife NEAR/1 x-ray", "knife -crime", 'knife -"knife crime"'),
    *("knife -knife-crimes", "vru (knife OR x)", "knife -(crime vru)", "knife -anti-kni*"),
    *("knife -question:crime", "(vru OR x) (knife OR crime) -title:x", "-change:asked knife"),
]
_TEXTS: list[dict[str, Sequence[str]]] = [
    {field: [text]}
    for field in ("title", "question", "party", "asked_by")
    for text in (
        *("Knife", "knives", "VRU", "vrus", "Δέλτα", "X ray", "tube bus", "a knife-crime"),
        *("knife crime", "knives crimes", "knife. Crimes", "crime knife crime", "crime, knife"),
        *("knifecrimes VRU", "knife crime vru x", "Knife crime knife VRU", "anti-knife"),
    )
]
_TEXTS += [
    {"question": ["knife", "crime"]},
    {"title": ["knife"], "answer": ["crime", "VRU x-ray"]},
    {"asked_by": ["Ada Crime"], "answer": ["a knife"], "change": ["asked"]},
]
_KEYS = [build_index_keys(prepare_fields(texts)) for texts in _TEXTS]


@pytest.mark.parametrize("typed", _QUERIES)
def test_each_text_that_matches_is_asked_for(typed: str) -> None:
    query = parse_query(typed)
    asked = build_index_query(query)
    assert asked.condition is not None
    for texts, keys in zip(_TEXTS, _KEYS, strict=True):
        is_met, is_matched = has(keys, asked.condition), find_match(query, texts) is not None
        assert is_met == is_matched if asked.is_exact else is_met >= is_matched, texts


@pytest.mark.parametrize(
    ("words", "is_exact"),
    [(("日" * 64, "日" * 49 + "ab"), True), (("日" * 64, "日" * 49 + "abc"), False)],
)
def test_a_key_that_may_be_cut_off_leaves_its_text_to_be_decided(
    words: tuple[str, str], is_exact: bool
) -> None:
    asked = build_index_query(parse_query(f'"{words[0]} {words[1]}"'))
    assert asked.is_exact is is_exact
    assert asked.condition is not None
    keys = build_index_keys(prepare_fields({"answer": [" ".join(words)]}))
    assert has(keys, asked.condition)
    assert max(map(len, keys)) <= 800


def test_only_a_text_of_too_many_letters_is_left_out_of_the_index() -> None:
    words = " ".join(f"{'bcdfghjkl'[n % 9]}{n:07}" for n in range(2_000))
    assert OVERSIZE_KEY.text not in build_index_keys(prepare_fields({"answer": [words]}))
