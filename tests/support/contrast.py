"""How well the text of an email stands out, computed from the styles that it bears."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import html5lib

_COLOUR = re.compile(r"#([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
_HTML = "{http://www.w3.org/1999/xhtml}"


def compute_ratios(html: str, *, dark: bool) -> Iterator[tuple[float, str]]:
    """The contrast of each text, as WCAG 2.2 defines it, and the text."""
    root = html5lib.parse(html)
    body = root.find(f"{_HTML}body")
    assert body is not None
    yield from _walk_texts(body, "#000000", "#ffffff", _parse_dark_rules(html) if dark else {})


def _parse_dark_rules(html: str) -> dict[str, dict[str, str]]:
    """What the dark scheme says, by tag or class."""
    block = html.partition("prefers-color-scheme: dark")[2].partition("@media")[0]
    found: dict[str, dict[str, str]] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", block.partition("{")[2]):
        for selector in selectors.split(","):
            found.setdefault(selector.strip(), {}).update(_parse_declarations(body))
    return found


def _parse_declarations(style: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in style.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value}


def _walk_texts(
    element: Element, ink: str, ground: str, rules: dict[str, dict[str, str]]
) -> Iterator[tuple[float, str]]:
    tag: object = element.tag
    if not isinstance(tag, str):  # a comment, such as those for Outlook
        return
    declared = _parse_declarations(element.get("style", ""))
    names = [tag.removeprefix(_HTML), *(f".{c}" for c in element.get("class", "").split())]
    for name in names:
        declared |= rules.get(name, {})
    ink = _colour(declared.get("color", "")) or ink
    ground = _colour(declared.get("background-color", declared.get("background", ""))) or ground
    if element.text and element.text.strip():
        yield compute_contrast(ink, ground), element.text.strip()
    for child in element:
        yield from _walk_texts(child, ink, ground, rules)
        if child.tail and child.tail.strip():
            yield compute_contrast(ink, ground), child.tail.strip()


def _colour(value: str) -> str | None:
    found = _COLOUR.search(value)
    if not found:
        return None
    digits = found[1]
    return f"#{digits}" if len(digits) == 6 else "#" + "".join(d * 2 for d in digits)


def compute_contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
