"""Question pages of today's design to measure with: as large as the source's, people invented.

The sizes are the point: 60 to 120 kB, of which most is what every page of a Drupal site carries
(menus, facets, settings in scripts, footer). The answer is a dialogue with a table, a list and a
file: short on most pages, as the written ones are, and long on some.
"""

from __future__ import annotations

import json
import random

_VOCABULARY = """
the river pier ferry boat tide lock quay mud swan reed barge rope night morning service cost plan
year London of to and in that we are for on with this what how many have been will more
"""
_MEMBERS = ("Ada Brook AM", "Ben Cole AM", "Cora Dale OBE AM", "Dilys Eade AM (Chair)")
_MAYOR = "Bo Reed (Mayor of London)"
_PARTIES = ("Riverside Group", "Hilltop Group", "City Hall Meadows")


def build_pages(count: int) -> list[bytes]:
    """``count`` different pages, the same ones each time."""
    return [_page(random.Random(number)).encode() for number in range(count)]


def _sentence(draw: random.Random, least: int = 6, most: int = 24) -> str:
    words = draw.choices(_VOCABULARY.split(), k=draw.randint(least, most))
    return f"{' '.join(words).capitalize()}{draw.choice('..?')}"


def _prose(draw: random.Random, sentences: int) -> str:
    """Sentences with what the source's editors leave between them."""
    gaps = draw.choices((" ", "&nbsp; ", "  ", " ‑ "), (20, 3, 4, 1), k=sentences)
    return "".join(f"{_sentence(draw)}{gap}" for gap in gaps)


def _menu(draw: random.Random, items: int, name: str) -> str:
    rows = "".join(
        f'<li class="{name}__item {name}__item--level-{n % 3}"><a class="{name}__link" '
        f'href="/what-we-do/{name}/{n}" data-drupal-link-system-path="node/{n * 7}">'
        f"<span>{_sentence(draw, 2, 4)}</span></a></li>\n"
        for n in range(items)
    )
    return f'<nav class="{name}" aria-label="{name}"><ul class="{name}__list">{rows}</ul></nav>'


def _settings(draw: random.Random, entries: int) -> str:
    state = {f"block-{n}": {"id": n, "view": _sentence(draw), "ajax": True} for n in range(entries)}
    return f'<script type="application/json">{json.dumps(state)}</script>'


def _facets(draw: random.Random) -> str:
    boxes = "".join(
        f'<li class="facet-item"><a href="?f%5B0%5D=mqt_category%3A{n}" rel="nofollow">'
        f'<span class="facet-item__value">{_sentence(draw, 1, 3)}</span> '
        f'<span class="facet-item__count">({draw.randint(1, 900)})</span></a></li>\n'
        for n in range(draw.randint(30, 60))
    )
    return f'<aside class="facets"><h2>Filter results</h2><ul>{boxes}</ul></aside>'


def _table(draw: random.Random) -> str:
    cells = "".join(
        f"<tr><td>20{n + 10}</td><td>{draw.randint(1, 99)}</td><td>{draw.randint(1, 999)}</td></tr>"
        for n in range(draw.randint(4, 14))
    )
    return f"<table><tr><th>Year</th><th>Piers</th><th>Boats</th></tr>{cells}</table>"


def _dialogue(draw: random.Random) -> str:
    """Who speaks in bold, then a paragraph or three; now and then a table, a list, a link."""
    blocks: list[str] = []
    for turn in range(draw.choice((2, 3, 4, 6, 12, 24))):
        speaker = _MAYOR if turn % 2 else draw.choice(_MEMBERS)
        blocks.append(
            f"<p><strong><span>{speaker}:</span></strong><span>&nbsp; {_prose(draw, 4)}</span></p>"
        )
        blocks += [f"<p>{_prose(draw, 5)}</p>" for _ in range(draw.randint(0, 2))]
    blocks.insert(len(blocks) // 2, _table(draw))
    blocks.append(f"<ul><li>{_sentence(draw)}</li><li>{_sentence(draw)}</li></ul>")
    blocks.append(f'<p>See <a href="/sites/default/files/{draw.randint(1, 99)}.pdf">annex</a>.</p>')
    return "\n".join(blocks)


def _labels(draw: random.Random) -> str:
    rows = {
        "Reference": f"2026/{draw.randint(1, 5000):04}",
        "Question by": draw.choice(_MEMBERS[:3]),
        "Organisation": draw.choice(_PARTIES),
        "Asked of": "The Mayor",
        "Category": "River",
        "Meeting": "MQT on 16 July 2026",
    }
    cells = "".join(f"<tr><td>{k}:</td><td>{v}</td></tr>\n" for k, v in rows.items())
    return f"""<table class="styled-table"><thead><tr><th>Label</th><th>Content</th></tr></thead>
      <tbody>{cells}</tbody></table>"""


def _main(draw: random.Random) -> str:
    title = _sentence(draw, 3, 7).rstrip(".?")
    return f"""<main id="main" role="main"><h1>{title}</h1>{_labels(draw)}
      <div><div class="section-title">Question</div><h3 class="page-section">{title}</h3>
      <div class="rich-text"><p>{_prose(draw, 4)}</p></div></div>
      <div><h2 id="answer">Answer</h2></div>
      <div class="u-space-y-7"><div class="u-space-y-5"><div>Date:&nbsp; Tuesday 21 July 2026</div>
      {_dialogue(draw)}</div></div></main>"""


def _page(draw: random.Random) -> str:
    return f"""<!DOCTYPE html><html lang="en-GB" dir="ltr"><head><meta charset="utf-8">
      <title>Question | Replica</title>{_settings(draw, draw.randint(80, 160))}</head>
      <body class="path-node"><header>{_menu(draw, draw.randint(140, 240), "menu-main")}</header>
      {_facets(draw)}{_main(draw)}
      <footer>{_menu(draw, draw.randint(40, 70), "menu-footer")}</footer>
      {_settings(draw, draw.randint(10, 30))}</body></html>"""
