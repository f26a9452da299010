"""Charts drawn from any counts: round scales, bars that fit, and words that say the same."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from alerts.charts import (
    ChartLinks,
    MonthCount,
    build_monthly_chart,
    count_months,
)
from alerts.charts.scale import choose_scale
from alerts.charts.text_width import cut, measure, wrap
from tests.support.charts import TODAY, make_chart, make_comparison

COUNTS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 3000)), min_size=24, max_size=24
).filter(lambda pairs: sum(map(sum, pairs)) >= 12)


@given(st.integers(0, 10**7))
def test_a_scale_has_three_or_four_round_steps_and_room_above_the_highest(highest: int) -> None:
    scale = choose_scale(highest)
    assert scale.steps in {3, 4}
    assert re.fullmatch(r"[1245]0*", str(scale.step))
    assert scale.top > highest
    assert scale.top <= max(3, 2 * highest + 2)
    assert {later - earlier for earlier, later in pairwise((0, *scale.marks))} == {scale.step}


@pytest.mark.slow
@given(COUNTS)
def test_bars_are_as_high_as_their_numbers_and_stay_below_the_top_line(
    pairs: list[tuple[int, int]],
) -> None:
    chart = make_chart(pairs)
    drawing = etree.fromstring(f"<svg>{chart.drawing}</svg>")
    highest = max(one.total for one in chart.series[0].months)
    pixels = (190 - 26) / choose_scale(highest).top
    groups = drawing.findall("g")
    assert len(groups) == 24
    for group, one in zip(groups, chart.series[0].months, strict=True):
        solid = group.find("rect[@class='full']")
        outlined = group.find("rect[@class='hollow']")
        assert (solid is not None) == (one.answered > 0)
        assert (outlined is not None) == (one.unanswered > 0)
        if solid is not None:
            assert float(solid.get("height")) == pytest.approx(one.answered * pixels, abs=0.11)
        for bar in (solid, outlined):
            assert bar is None or float(bar.get("y")) > 26
        assert f"{one.total:,} question" in str(group.findtext("title"))


@pytest.mark.slow
@given(COUNTS)
def test_the_table_has_the_numbers_of_the_drawing(pairs: list[tuple[int, int]]) -> None:
    chart = make_chart(pairs)
    rows = [tuple(int(n.replace(",", "")) for n in row[1:]) for row in chart.rows]
    assert rows == [(a + u, a, u) for a, u in reversed(pairs)]
    highest = max(one.total for one in chart.series[0].months)
    assert f": {highest:,} question" in chart.headline
    assert f"Highest: {highest:,} in" in chart.description


def test_only_the_highest_and_the_latest_bar_carry_their_number() -> None:
    chart = make_chart([(3, 0)] * 10 + [(9, 0)] + [(2, 0)] * 12 + [(4, 1)])
    drawing = etree.fromstring(f"<svg>{chart.drawing}</svg>")
    numbers = [e.text for e in drawing.findall("text[@class='val']") if len(e.text) < 4]
    assert numbers == ["9", "5"]


def test_on_a_phone_every_third_month_is_named() -> None:
    drawing = etree.fromstring(f"<svg>{make_chart([(3, 0)] * 24).drawing}</svg>")
    letters = [e for e in drawing.findall("text") if e.get("y") == "206"]
    assert len(letters) == 24
    assert [e.text for e in letters if e.get("class") != "wide"] == list("OJAJOJAJ")


def test_fewer_than_twelve_questions_make_no_chart() -> None:
    chart = make_chart([(0, 0)] * 20 + [(3, 1), (0, 0), (2, 0), (5, 0)])
    assert not chart.is_drawn
    assert chart.headline == "11 questions since August 2024"
    assert make_chart([(0, 0)] * 24).headline == "No questions in these months"


def test_months_that_were_not_compared_are_left_out_and_the_latest_stays_at_the_right() -> None:
    days = {date(2026, month, 5): 7 for month in range(1, 8)}
    months = count_months(days, {date(2026, 7, 5): 2}, TODAY, first_day=date(2026, 5, 20))
    assert [(one.month.month, one.answered, one.unanswered) for one in months] == [
        (5, 7, 0), (6, 7, 0), (7, 5, 2),
    ]  # fmt: skip
    chart = build_monthly_chart(
        months,
        subject="x",
        counted="x",
        source="s",
        links=ChartLinks("/charts/search"),
    )
    drawing = etree.fromstring(f"<svg>{chart.drawing}</svg>")
    places = [float(r.get("x").rstrip("%")) for r in drawing.iter("rect") if r.get("class")]
    assert min(places) > 85


@pytest.mark.slow
@given(COUNTS, COUNTS)
def test_two_lines_end_at_names_that_do_not_meet(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    figure = make_comparison(first, second)
    drawing = etree.fromstring(f"<svg>{figure.drawing}</svg>")
    named = [e for e in drawing.findall("text") if "wide" in e.get("class", "")]
    assert [e.text.rpartition(" ")[0] for e in named] == ["knife crime", "VRU"]
    heights = [float(e.get("y")) for e in named]
    assert abs(heights[0] - heights[1]) >= 16.9
    assert max(heights) <= 205
    lines = drawing.findall("svg/polyline")
    assert [line.get("class") for line in lines] == ["line b", "line"]
    points = [tuple(map(float, one.split(","))) for one in lines[1].get("points").split()]
    top = choose_scale(max(sum(pair) for pair in (*first, *second))).top
    assert [y for _, y in points] == pytest.approx(
        [174 - 174 * sum(pair) / top for pair in first], abs=0.06
    )


def test_whatever_is_typed_is_escaped() -> None:
    figure = make_comparison([(3, 0)] * 24, [(2, 0)] * 24, ("<b>&", "\"x'<script>"))
    parsed = html.fromstring(f"<div><svg>{figure.drawing}</svg></div>")
    assert not list(parsed.iter("b", "script"))
    assert (
        figure.links.get_address("csv") == "/charts/search.csv?q=%3Cb%3E%26&vs=%22x%27%3Cscript%3E"
    )


@pytest.mark.slow
@given(st.text(max_size=200), st.integers(60, 900), st.integers(1, 4))
def test_wrapped_texts_fit(text: str, width: int, lines: int) -> None:
    found = wrap(text, 20, width, lines)
    assert len(found) <= lines
    assert all(measure(line, 20) <= width for line in found)
    if not any(line.endswith("…") for line in found):
        assert " ".join(found) == " ".join(text.split())


def test_a_text_is_cut_after_a_word() -> None:
    assert cut("neighbourhood grants in the outer boroughs", 13, 160) == "neighbourhood grants…"
    assert cut("short", 13, 150) == "short"


def test_a_chart_is_a_value() -> None:
    chart = make_chart([(3, 0)] * 24)
    assert chart == make_chart([(3, 0)] * 24)
    assert MonthCount(TODAY, 2, 3).total == 5
