"""Words, dates and numbers in the language of the process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from gettext import NullTranslations
from zoneinfo import ZoneInfo

import pytest
from babel import Locale

from alerts.language import (
    LanguageError,
    check_language,
    format_day,
    format_long_day,
    format_month,
    format_near,
    format_number,
    format_short_day,
    get_language_tag,
    gettext_noop,
    ngettext,
    set_language,
    use_translations,
)
from alerts.rendering import Templates

NOW = datetime(2026, 11, 26, 14, 22, tzinfo=UTC)
NEW_YEAR = datetime(2026, 12, 31, 12, tzinfo=UTC)  # in Auckland, it has begun


class Shouting(NullTranslations):
    """Translates into capitals."""

    def gettext(self, message: str) -> str:
        return _shout(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return _shout(msgid1 if n == 1 else msgid2)


def _shout(message: str) -> str:
    """Return a message in capitals, with its placeholders as they are."""
    parts = re.split(r"(%\(\w+\)s)", message)
    return "".join(part if part.startswith("%(") else part.upper() for part in parts)


@pytest.fixture
def in_capitals() -> Iterator[None]:
    use_translations(Shouting())
    yield
    set_language("en_GB")


@pytest.fixture
def in_welsh_dates() -> Iterator[None]:
    use_translations(NullTranslations(), Locale.parse("cy"))
    yield
    set_language("en_GB")


def test_dates_and_numbers_are_british_by_default() -> None:
    day = date(2018, 12, 20)
    assert (format_day(day), format_short_day(day), format_month(day)) == (
        "20 December 2018",
        "20 Dec 2018",
        "December 2018",
    )
    assert (format_number(68214), format_day(None)) == ("68,214", "")


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(minutes=17), "today, 14:05"),
        (timedelta(days=1), "yesterday, 14:22"),
        (timedelta(days=-1), "tomorrow, 14:22"),
        (timedelta(days=3), "Monday"),
        (timedelta(days=7), "19 Nov 2026"),
    ],
)
def test_a_near_moment_is_named_as_people_say_it(ago: timedelta, text: str) -> None:
    assert format_near(NOW - ago, NOW) == text


@pytest.mark.usefixtures("in_welsh_dates")
def test_dates_follow_the_locale() -> None:
    assert format_day(date(2018, 12, 20)) == "20 Rhagfyr 2018"
    assert get_language_tag() == "cy"


@pytest.mark.usefixtures("in_capitals")
def test_templates_and_labels_are_translated(tmp_path: object) -> None:
    templates = Templates()
    page = templates.render_html(
        "web/error.html",
        name="Watchword",
        title="T",
        message="M",
        has_search=True,
        static_paths={"style.css": "/s", "favicon.svg": "/f"},
        attributions=(),
    )
    assert "SKIP TO CONTENT" in page
    assert 'placeholder="TOPIC' not in page  # this page has a search box of its own
    assert ngettext("%(n)s day", "%(n)s days", 2) % {"n": 2} == "2 DAYS"
    assert gettext_noop("as it is") == "as it is"


@pytest.mark.parametrize("name", ["klingon", "cy", ""])
def test_a_language_without_a_catalogue_is_refused(name: str) -> None:
    with pytest.raises(LanguageError):
        check_language(name)


@pytest.mark.parametrize(
    ("format_", "in_london", "in_auckland"),
    [
        (format_day, "31 December 2026", "1 January 2027"),
        (format_long_day, "Thursday 31 December 2026", "Friday 1 January 2027"),
        (format_short_day, "31 Dec 2026", "1 Jan 2027"),
        (format_month, "December 2026", "January 2027"),
    ],
)
def test_a_moment_has_its_day_in_each_zone(
    format_: Callable[[date], str], in_london: str, in_auckland: str
) -> None:
    """The same moment, one after the other."""
    assert format_(NEW_YEAR.astimezone(ZoneInfo("Europe/London"))) == in_london
    assert format_(NEW_YEAR.astimezone(ZoneInfo("Pacific/Auckland"))) == in_auckland
