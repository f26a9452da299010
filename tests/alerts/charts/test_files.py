"""Charts and pictures as files: whole documents, in light colours, with the fonts they bring."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import struct
import zlib
from importlib.resources import files

import pytest
from lxml import etree

from alerts.charts import Figure, LinkPicture, draw_link_picture, write_file
from alerts.charts import canvas as colours
from alerts.charts.pictures import write_picture
from alerts.charts.png import render_png
from tests.support.charts import make_chart, make_comparison, make_months
from tests.support.png import count_colours, read_png_size
from tests.support.web_client import TEMPLATES

SVG = "{http://www.w3.org/2000/svg}"
FONTS = files("alerts.charts").joinpath("fonts")
PAIRS = [(n % 7, 0) for n in range(21)] + [(6, 1), (3, 2), (2, 9)]


OTHER = [(4, 1)] * 24


def write_svg(figure: Figure, address: str | None = None) -> str:
    return write_file(figure, "svg", address).decode()


def test_a_file_says_what_it_shows_where_it_comes_from_and_who_made_it() -> None:
    document = etree.fromstring(write_svg(make_chart(PAIRS), "https://watch.example"))
    words = " ".join(document.itertext())
    for said in (
        "Most in July 2026: 11 questions",
        "Questions a month on VRU",
        "Source: www.example.org, read by Watchword",
        "watch.example",
        "Not yet answered",
    ):
        assert said in words
    assert document.findtext(f"{SVG}title") == "Most in July 2026: 11 questions"
    assert "watch.example" not in write_svg(make_chart(PAIRS), None)


def test_a_file_brings_its_colours_and_needs_no_style_sheet_or_other_file() -> None:
    for figure in (make_chart(PAIRS), make_comparison(PAIRS, OTHER)):
        svg = write_svg(figure, "https://watch.example")
        document = etree.fromstring(svg)
        assert not [e for e in document.iter() if e.get("class") or e.get("style")]
        assert not list(document.iter(f"{SVG}style", f"{SVG}script", f"{SVG}image"))
        assert "%" not in svg
        assert "href" not in svg


def test_the_colours_of_files_are_those_of_the_style_sheet() -> None:
    sheet = TEMPLATES.render_text("static/style.css").partition("@media")[0]
    for name in ("tint", "line", "edge", "text", "quiet", "accent", "mark", "stripe"):
        found = re.search(rf"--{name}:(#[0-9a-f]+)", sheet)
        assert found is not None
        assert getattr(colours, name.upper()) == found[1]


@pytest.mark.slow
@pytest.mark.parametrize("is_comparison", [False, True])
def test_a_chart_as_png_has_twice_the_pixels_and_is_not_blank(is_comparison: bool) -> None:
    figure = make_comparison(PAIRS, OTHER) if is_comparison else make_chart(PAIRS)
    svg = write_svg(figure, None)
    height = int(etree.fromstring(svg).get("height"))
    assert read_png_size(write_file(figure, "png")) == (1600, 2 * height)
    found = count_colours(render_png(svg, 1.0))
    assert found["#0b5966"] > 500  # the bars or the line
    assert found["#162021"] > 75  # letters, of our own fonts
    assert found["#ffffff"] > 125_000


@pytest.mark.slow
def test_every_server_makes_the_same_letters() -> None:
    chart = make_chart(PAIRS, "Zoë Łukasz Ωmega Прага")
    svg = write_svg(chart)
    assert write_file(chart, "png") == render_png(svg, 2.0)
    plain = count_colours(render_png(svg, 1.0))
    without = count_colours(render_png(svg.replace("Zoë Łukasz Ωmega Прага", ""), 1.0))
    assert without["#ffffff"] - plain["#ffffff"] > 375


@pytest.mark.slow
def test_a_picture_for_links_is_1200_by_630_with_name_title_and_bars() -> None:
    picture = LinkPicture(
        service="Watchword",
        title="Violence Reduction Unit",
        details=("98 questions since 3 May 2016",),
        months=make_months(PAIRS),
        foot="watch.example",
    )
    svg = write_picture(picture)
    words = [text for text in etree.fromstring(svg).itertext() if text.strip()]
    assert words == [
        "Watch", "word", "Violence Reduction Unit", "98 questions since 3 May 2016",
        "watch.example",
    ]  # fmt: skip
    png = draw_link_picture(picture)
    assert read_png_size(png) == (1200, 630)
    found = count_colours(png)
    assert min(found[colour] for colour in ("#ffe48a", "#0b5966", "#162021", "#ffd84d")) > 1000


def test_a_long_title_of_a_record_is_whole_on_four_lines_or_cut_with_dots() -> None:
    title = "What was spent on grants in each of the last three years, by borough and by ward"
    for text, is_whole in ((title, True), (f"{title} and more" * 5, False)):
        svg = write_picture(LinkPicture(service="Other", title=text, is_record=True))
        lines = [
            e.text for e in etree.fromstring(svg).iter(f"{SVG}text")
            if e.get("font-family", "").startswith("Literata")
        ]  # fmt: skip
        assert len(lines) in {2, 3, 4}
        assert (" ".join(lines) == text) == is_whole
        assert lines[-1].endswith("…") != is_whole


def test_csv_has_one_header_line_and_a_line_for_each_month() -> None:
    rows = list(csv.reader(io.StringIO(write_file(make_chart(PAIRS), "csv").decode())))
    assert rows[0] == ["month", "answered", "not_answered"]
    assert rows[1] == ["2024-08", "0", "0"]
    assert rows[-1] == ["2026-07", "2", "9"]
    assert len(rows) == 25
    assert [tuple(map(int, row[1:])) for row in rows[1:]] == PAIRS


def test_csv_of_a_comparison_names_the_topics_and_holds_no_formula() -> None:
    written = write_file(make_comparison(PAIRS, OTHER, ("=SUM(A1)", "knife crime")), "csv").decode()
    rows = list(csv.reader(io.StringIO(written)))
    assert rows[0] == ["month", "topic", "answered", "not_answered"]
    assert rows[1][:2] == ["2024-08", "'=SUM(A1)"]
    assert rows[-1] == ["2026-07", "knife crime", "4", "1"]
    assert len(rows) == 49


def test_the_shipped_fonts_are_the_recorded_ones_and_bring_their_licences() -> None:
    recorded = FONTS.joinpath("fonts.sha256").read_text().splitlines()
    assert len(recorded) == 3
    for line in recorded:
        digest, name = line.split()
        assert hashlib.sha256(FONTS.joinpath(name).read_bytes()).hexdigest() == digest
        licence = FONTS.joinpath(f"{name.partition('-')[0]}-LICENSE.txt").read_text()
        assert "SIL Open Font License, Version 1.1" in licence


def test_a_png_is_what_its_reader_of_the_tests_takes_it_for() -> None:
    line = b"\0" + b"\x0b\x59\x66" * 2
    body = zlib.compress(line * 2)
    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    )
    assert read_png_size(png) == (2, 2)
    assert count_colours(png) == {"#0b5966": 4}
