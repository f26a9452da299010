"""The printed formats of dates, and text that is not a date."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.reading.dates import find_date, read_date
from tests.support.real_facts import FACTS_FILE

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def shapes(day: date) -> tuple[str, ...]:
    """Return ``day`` in each format of the source."""
    month = MONTHS[day.month - 1]
    return (
        f"{month} {day.day}, {day.year}",
        f"{day.year}-{day.month:02}-{day.day:02}",
        f"{day.day:02} {month} {day.year}",
        f"{day.day} {month} {day.year}",
        f"{WEEKDAYS[day.weekday()]} {day.day} {month} {day.year}",
        f"{day.day:02}/{day.month:02}/{day.year}",
    )


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("December 20, 2018", date(2018, 12, 20)),
        ("July 4, 2012", date(2012, 7, 4)),
        ("2014-10-22", date(2014, 10, 22)),
        ("09 February 2023", date(2023, 2, 9)),
        ("9 February 2023", date(2023, 2, 9)),
        ("Tuesday 20 December 2022", date(2022, 12, 20)),
        (" \u00a0 Tuesday  \u00a020\u00a0December\n2022 ", date(2022, 12, 20)),
        ("Monday 20 December 2022", date(2022, 12, 20)),  # a Tuesday: the number is the fact
        ("28/06/2016", date(2016, 6, 28)),
        ("16/07/2008", date(2008, 7, 16)),
        ("03/04/2016", date(2016, 4, 3)),  # day first, always
        ("29 February 2024", date(2024, 2, 29)),
    ],
)
def test_reads_each_printed_shape(printed: str, expected: date) -> None:
    assert read_date(printed) == expected


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "\u00a0",
        "31 February 2023",
        "February 31, 2023",
        "29 February 2023",
        "2023-02-31",
        "2023-13-01",
        "06/28/2016",  # month first is not a shape of the source
        "00/00/0000",
        "01 January 0000",
        "24th January 2020",
        "20 Dec 2018",
        "December 2018",
        "December 20 2018",
        "20.12.2018",
        "20-12-2018",
        "28/06/16",
        "2016-07-22T00:00:00.000Z",
        "Someday 20 December 2022",
        "MQT on 2018-12-20",
        "28/06/2016 and 29/06/2016",
        "२०१८-१२-२०",
    ],
)
def test_guesses_nothing(printed: str) -> None:
    assert read_date(printed) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MQT on 2018-12-20", date(2018, 12, 20)),
        ("Plenary on 2006-12-06", date(2006, 12, 6)),
        ("Plenary on 23 March 2023", date(2023, 3, 23)),
        ("Mayor's Question Time 23 March 2023", date(2023, 3, 23)),
        ("Written response from the Mayor received 28/06/2016", date(2016, 6, 28)),
        ("Date:  Tuesday 20 December 2022", date(2022, 12, 20)),
        ("MQT on Thursday\u00a09 February\u00a02023.", date(2023, 2, 9)),
        ("(December 20, 2018)", date(2018, 12, 20)),
        ("20 December 2018 (MQT on 2018-12-20)", date(2018, 12, 20)),
        ("MQT on 2018-12-20, moved from 2018-12-19", None),
        ("MQT on 2018-02-31", None),
        ("31 February 2018, that is 03/03/2018", None),
        ("MQT", None),
        ("", None),
        ("MQ 2022/3939 and 3111 / 2013", None),
        ("file 128/06/2016", None),
        ("at 2016-07-22T00:00:00.000Z", None),
        ("2023-01-02-3", None),
    ],
)
def test_finds_the_one_date_in_a_text(text: str, expected: date | None) -> None:
    assert find_date(text) == expected


@given(st.dates(date(1999, 1, 1), date(2100, 12, 31)))
def test_every_date_survives_printing_in_every_shape(day: date) -> None:
    for printed in shapes(day):
        assert read_date(printed) == day
        assert find_date(f"Plenary on {printed}") == day
        assert find_date(f"Received {printed}.") == day


@given(st.text(alphabet=st.sampled_from("0123456789/- ,MarchTuesday"), max_size=40) | st.text())
def test_no_text_is_an_error(text: str) -> None:
    whole = read_date(text)
    assert whole is None or find_date(text) == whole


def test_reads_the_dates_of_real_questions() -> None:
    for line in FACTS_FILE.read_text(encoding="utf-8").splitlines():
        fact = json.loads(line)
        if fact["meeting_date"]:
            assert read_date(fact["meeting_date"]) == date.fromisoformat(fact["meeting_date_iso"])
        if fact["meeting_name"]:
            assert find_date(fact["meeting_name"]) == date.fromisoformat(fact["meeting_date_iso"])
