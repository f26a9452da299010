"""Strategies for queries and texts, from few words, so that they often match."""

from __future__ import annotations

from hypothesis import strategies as st

from alerts.queries import Query, QueryError, format_canonical, parse_query

#: Pieces that a parser or tokenizer may take for something else, in any order and often without a
#: space: operators, fields, signs, quotes, hyphens and apostrophes of several kinds, letters that
#: link, capitals, accents, characters that fold to several or to none.
HOSTILE_PIECE_LIST: list[str] = [
    *("AND", "OR", "NOT", "NEAR", "NEAR/2", "or", "not", "||", "|", "(", ")", "~2", "*", "&"),
    *("title:", "change:", "asked", "ref:", "2026/0001", "::", ":", "source:", "kind:question"),
    *("Ada", "Mr", "Hall", "Small"),
    *('"', "“", "”", "«", "'", "’", "‘", "`", "´", "-", "‐", "‑", "–", "—", "−", "­", "_"),
    *(".", "…", ",", ";", "/", "!", "?", "%", "+", "\u00a0", "\t", "\u200b", "\x00", "\u0301"),
    *("U.S.", "U.K.'s", "V.R.U.", "M.P.s", "a.m.", "E.ON", "A&E", "A&Es"),
    *("35%", "£5m", "5 million", "per cent", "1-6", "$", "near", "questions about", "how many"),
    *("AND.", "OR…", "1,", "000", "£1,000", "60+", "HS2", "HS 2", "NO2", "NO 2", "a40", "1st"),
    *("20s", "SW1A", "½2", "ITs", "DfE", "k", "'s", "km", "u2", "us for", "mph"),
    *("e", "u", "x", "E", "U", "s", "S", "us", "US", "VRU", "VRUs", "TfL", "IT", "the", "of"),
    *("QUALITY", "CRIME", "FARES", "LED", "IN", "Ulez", "ASBOs", "COVID-19", "u-lez", "Nato’s"),
    *("knife", "Knives", "KNIFE", "crime", "Siân", "ÉTÉ", "Łódź", "straße", "ﬁre", "CO₂", "½"),
    *(
        "she'll",
        "O’Neill",
        "councils’",
        "MP's",
        "1,000",
        "10:30",
        "20mph",
        "C40",
        "Δέλτα",
        "日本",
    ),
]
HOSTILE_PIECES = st.sampled_from(HOSTILE_PIECE_LIST)
HOSTILE_TEXTS = st.lists(
    st.tuples(HOSTILE_PIECES, st.sampled_from(["", "", " ", " "])), max_size=10
).map(lambda pieces: "".join(piece + gap for piece, gap in pieces))

WORDS = st.sampled_from(
    [
        *("knife", "knives", "Knife", "crime", "crimes", "VRU", "VRUs", "vru", "WHO", "who", "e"),
        *("e-scooter", "escooters", "scooter", "anti-social", "social", "antisocial", "x-ray"),
        *("bus", "buses", "Siân", "sian", "council's", "council", "don't", "low-traffic-zone"),
        *("ULEZ", "Ulez", "u-lez", "ASBOS", "Asbos", "ASBO", "Covid-19", "COVID", "covid"),
        *("Ada", "Mr", "Bus"),
    ]
)
SEPARATORS = st.sampled_from([" ", " ", " ", "-", "‑", ", ", "\u00a0", ". ", " and ", "’s "])
SENTENCES = st.lists(st.tuples(WORDS, SEPARATORS), max_size=8).map(
    lambda some: "".join(word + gap for word, gap in some)
)
_FIELDS = ("title", "question", "answer", "party", "change")
_NAMES = st.sampled_from(
    ["Ada Knives", "Knife", "Bus-Crimes", "Siân Bus", "MPs Crime", "X Buses", "Ada Ulez"]
)
RECORD_TEXTS = st.fixed_dictionaries(
    {field: st.lists(SENTENCES, max_size=2) for field in _FIELDS[:3]}
    | {"asked_by": st.lists(_NAMES, max_size=2)}
    | {"party": st.lists(WORDS, max_size=1), "change": st.sampled_from([["asked"], ["answered"]])}
)

_PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"')
_PREFIXES = st.sampled_from(["kni*", "soci*", "scoot*", "anti-soc*", "low-traf*"])
_LEAVES = WORDS | _PHRASES | _PREFIXES | st.sampled_from(["change:asked", "party:council"])
_NEARS = st.tuples(_LEAVES, st.integers(1, 4), _LEAVES).map(
    lambda it: f"{it[0]} NEAR/{it[1]} {it[2]}"
)


def _compound(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(parts, min_size=2, max_size=4)
    joined = st.tuples(several, st.sampled_from([" ", " OR "])).map(lambda it: it[1].join(it[0]))
    signed = st.tuples(st.sampled_from(["-", "title:", "answer:", ""]), joined | parts)
    return signed.map(lambda it: f"{it[0]}({it[1]})")


def _parsed(text: str) -> Query | None:
    try:
        return parse_query(text)
    except QueryError:
        return None


QUERY_TEXTS = st.recursive(_LEAVES | _NEARS, _compound, max_leaves=8)
#: Queries that the parser accepts, in normal form.
QUERIES: st.SearchStrategy[Query] = QUERY_TEXTS.map(_parsed).filter(lambda query: query is not None)  # type: ignore[assignment]
NORMAL_FORMS = QUERIES.map(format_canonical)
