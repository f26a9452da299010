"""Many spellings of an address, one identity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.addresses import canonical_path, numbered_reference, question_id

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
    assert canonical_path(url) == PATH
    assert question_id("london", url) == "london:/questions/2018/5425"


@pytest.mark.parametrize(
    "other", ["/questions/2018/5425-0", "/questions/2018/5425-1", "/questions/2018/54250"]
)
def test_a_suffix_is_another_question(other: str) -> None:
    assert question_id("london", other) != question_id("london", PATH)


def test_the_root_has_a_path() -> None:
    assert canonical_path("https://www.london.gov.uk") == "/"
    assert canonical_path("https://www.london.gov.uk/") == "/"


def test_sources_do_not_share_identities() -> None:
    assert question_id("london", PATH) != question_id("elsewhere", PATH)


@given(st.from_regex(r"(/{1,3}[a-z0-9%-]{0,5}){0,5}", fullmatch=True))
def test_host_and_query_never_matter(path: str) -> None:
    first = canonical_path(f"https://one.example{path}")
    assert first == canonical_path(f"http://two.example{path}?a=b#c")
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
    assert numbered_reference(f"https://www.london.gov.uk{path}") == expected
