"""Many spellings of an address, one id."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading import build_question_id, canonicalise_path
from crawler.reading.urls import find_reference

PATH = "/questions/2018/5425"


@pytest.mark.parametrize(
    "url",
    [
        f"https://www.london.gov.uk{PATH}",
        f"http://www.london.gov.uk{PATH}",
        f"https://london.gov.uk{PATH}",
        f"http://mqt.london.gov.uk{PATH}",
        f"https://beta.london.gov.uk:443{PATH}",
        f"https://www.london.gov.uk{PATH}/",
        f"https://www.london.gov.uk{PATH}///",
        f"https://www.london.gov.uk/{PATH}",
        "https://www.london.gov.uk/questions//2018//5425",
        f"https://www.london.gov.uk{PATH}?qt-search=1&solrsort=desc",
        f"https://www.london.gov.uk{PATH}?",
        f"https://www.london.gov.uk{PATH}#answer",
        f"https://www.london.gov.uk{PATH}/?page=1#answer",
        "https://www.london.gov.uk/questions/%32018/5425",
        PATH,
    ],
)
def test_every_spelling_is_the_same_question(url: str) -> None:
    assert canonicalise_path(url) == PATH
    assert build_question_id("london", url) == "london:/questions/2018/5425"


@pytest.mark.parametrize(
    "other", ["/questions/2018/5425-0", "/questions/2018/5425-1", "/questions/2018/54250"]
)
def test_a_suffix_is_another_question(other: str) -> None:
    assert build_question_id("london", other) != build_question_id("london", PATH)


def test_the_root_has_a_path() -> None:
    assert canonicalise_path("https://www.london.gov.uk") == "/"
    assert canonicalise_path("https://www.london.gov.uk/") == "/"


def test_sources_do_not_share_identities() -> None:
    assert build_question_id("london", PATH) != build_question_id("elsewhere", PATH)


# ------------------------------------------------------------------- the traps of the real source

FIND = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"
HOSTS = [
    "www.london.gov.uk",
    "london.gov.uk",
    "questions.london.gov.uk",
    "webcachetest.london.gov.uk",
    "www.london.gov.uk:443",
    "questions.london.gov.uk:80",
]
FACETS = [
    "",
    "?f[0]=mqt_category:Transport&f[1]=mqt_question_by:Steve O'Connell",
    "?f%5B1%5D=mqt_question_by%3ASteve+O%27Connell&f%5B0%5D=mqt_category%3ATransport",
    "?f[2]=asked_of:Liz%20Peace%20CBE%2C%20Chair%2C%20OPDC&page=1",
    (
        "?facet=true&facet_date=question_meetingdate_dt&json_nl=map&q=*:*"
        '&facet_date_end=2016-07-22T00:00:00.000Z/DAY+1DAY&fq=question_questionby_s:"Tom Copley"'
    ),
    (
        "?q={!boost b=recip(ms(NOW,question_meetingdate_dt),3.16e-11,1,1)}"
        "question_solrsummary_t:(ongar)"
    ),
    "?findQuestionsByQuestionSequenceId=MQ+3322%2F+2014&page=8",
    "?findQuestionsByQuestionSequenceId=Question%25202018%2F1913&page=4",
    "%3Ff%5B0%5D=mqt_category%3ATransport",  # the query encoded once more than it should be
    "%253Fpage%253D4",
    "/?page=0",
    "#answer",
    "?#",
]


@pytest.mark.parametrize("tail", FACETS)
@pytest.mark.parametrize("path", [FIND, f"{FIND}/traffic-lights-23", "/questions/2006/0427-0"])
def test_trap_5_the_duplicate_address_space_has_one_page_each(path: str, tail: str) -> None:
    urls = [f"{scheme}://{host}{path}{tail}" for scheme in ("http", "https") for host in HOSTS]
    assert {canonicalise_path(url) for url in urls} == {path}


@pytest.mark.slow
@given(
    st.sampled_from(["http", "https"]),
    st.sampled_from(HOSTS),
    st.lists(st.sampled_from(["f[0]", "f[1]", "f%5B7%5D", "page", "q"]), max_size=4),
    st.text(max_size=20),
    st.integers(1, 3),
)
def test_trap_5_any_query_on_any_host(
    scheme: str, host: str, keys: list[str], value: str, times: int
) -> None:
    encoded = value
    for _ in range(times):
        encoded = quote(encoded, safe="")
    query = "&".join(f"{key}={encoded}" for key in keys)
    url = f"{scheme}://{host}{FIND}/bus-blinds?{query}#{encoded}"
    assert build_question_id("london", url) == f"london:{FIND}/bus-blinds"


@pytest.mark.slow
@given(st.text(st.characters(codec="utf-8"), max_size=40) | st.text("%253F2#/.?a", max_size=30))
def test_trap_5_a_canonical_address_is_not_changed(path: str) -> None:
    """Canonicalising a path twice changes nothing, also after a host is put before it."""
    first = canonicalise_path(f"https://www.london.gov.uk/{path}")
    assert canonicalise_path(first) == first
    assert canonicalise_path(f"http://questions.london.gov.uk{first}") == first
    assert first.isascii()
    assert not set("?# ") & set(first)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1), st.integers(1, 3))
def test_trap_5_encoding_more_than_once_changes_nothing(slug: str, times: int) -> None:
    path = f"{FIND}/{slug}"
    encoded = "".join(f"%{ord(character):02X}" for character in path)
    for _ in range(times):
        encoded = encoded.replace("%", "%25")
    assert canonicalise_path(f"https://london.gov.uk/{encoded}") == path


SLUGGED = "/questions/2014/4962/meeting-londons-current-and-future-policing-needs"


def test_trap_5_a_number_with_a_slug_is_the_number_s_question() -> None:
    for url in (SLUGGED, f"http://london.gov.uk{SLUGGED}/", "/questions/2014/4962"):
        assert build_question_id("london", url) == "london:/questions/2014/4962"
        assert find_reference(url) == "2014/4962"
    assert build_question_id("london", "/questions/2014/4962-1/a-slug") == (
        "london:/questions/2014/4962-1"
    )
    assert find_reference("/questions/2014/4962-1/a-slug") is None
    for other in ("/questions/meeting/mqt/2019/02/25", "/questions/2014/4962/a/b"):
        assert build_question_id("london", other) == f"london:{other}"


def test_trap_5_a_page_is_asked_for_where_the_source_has_it() -> None:
    assert canonicalise_path(f"https://www.london.gov.uk{SLUGGED}?page=1") == SLUGGED


@pytest.mark.parametrize("slug", ["traffic-lights-23", "20-mph-zones-1", "fire-response-times-3"])
def test_trap_4_a_slug_and_its_counter_are_no_reference(slug: str) -> None:
    assert find_reference(f"https://www.london.gov.uk{FIND}/{slug}") is None
    assert canonicalise_path(f"https://www.london.gov.uk{FIND}/{slug}") == f"{FIND}/{slug}"
    assert build_question_id("london", f"{FIND}/{slug}") != build_question_id(
        "london", f"{FIND}/{slug[:-2]}"
    )


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        ("/questions/2019/12364", "2019/12364"),
        ("/questions/2019/21058/", "2019/21058"),
        ("/questions/2009/0289-1", None),
        ("/questions/2011/0075-1", None),
    ],
)
def test_trap_2_five_digits_and_suffixes_are_questions_of_their_own(
    path: str, reference: str | None
) -> None:
    assert find_reference(path) == reference
    others = ["/questions/2019/1236", "/questions/2009/0289", "/questions/2011/0075"]
    assert build_question_id("london", path) not in {
        build_question_id("london", other) for other in others
    }


def test_trap_3_a_main_question_may_end_in_0_and_is_not_the_one_without() -> None:
    """2006/0427-0 is a main question of a plenary; 2006/0427 was asked at another meeting."""
    assert build_question_id("london", "/questions/2006/0427-0") == "london:/questions/2006/0427-0"
    assert build_question_id("london", "/questions/2006/0427") == "london:/questions/2006/0427"
    assert find_reference("/questions/2006/0427-0") is None


@pytest.mark.slow
@given(st.from_regex(r"(/{1,3}[a-z0-9%-]{0,5}){0,5}", fullmatch=True))
def test_host_and_query_never_matter(path: str) -> None:
    first = canonicalise_path(f"https://one.example{path}")
    assert first == canonicalise_path(f"http://two.example{path}?a=b#c")
    assert first.startswith("/")
    assert "//" not in first


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/questions/2018/5425", "2018/5425"),
        ("/questions/2018/0027/", "2018/0027"),
        ("/questions/2019/12364", "2019/12364"),
        ("/questions/2014/4962/a-slug-of-words", "2014/4962"),
        ("/questions/2006/0427-0", None),
        ("/questions/2009/0289-1", None),
        ("/questions/2018", None),
        ("/questions/2018/542", None),
        ("/questions/a-slug-1", None),
        ("/questions/2018/5425/one/two", None),
        ("/elsewhere/2018/5425", None),
        ("/", None),
    ],
)
def test_a_reference_in_the_address(path: str, expected: str | None) -> None:
    assert find_reference(f"https://www.london.gov.uk{path}") == expected
