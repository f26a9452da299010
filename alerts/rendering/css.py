"""Inlining the CSS of an email's template, once when it is loaded instead of for every message.

Mail programs drop style sheets. css-inline reads HTML and does not know Jinja, so Jinja's marks
are hidden from it: as a word inside a tag, as a comment everywhere else.
"""

from __future__ import annotations

import re

import css_inline

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)

_STYLE = re.compile(r' style="([^"]*)"')
_CLASS = re.compile(r' class="([^"]*)"')


def inline_css(source: str, css: str, later: str = "") -> str:
    """Return a template with the rules of ``css`` in the style attributes of its elements.

    Args:
        source: A Jinja template of a whole page, or of a part of one. Its ``<style>`` elements
            stay: they are for media queries, which no attribute can hold.
        css: A style sheet.
        later: The style elements of the page's head. Classes that it does not mention are removed
            once their rules are in the style attributes: they are a tenth of an entry.
    """
    if "<style" in source and "<html" not in source:
        return source  # a part of the head: css-inline would move it
    hidden: list[str] = []

    def hide(found: re.Match[str]) -> str:
        hidden.append(found[0])
        name = f"JINJA{len(hidden) - 1}X"
        before = source[: found.start()]
        is_in_tag = before.rfind("<") > before.rfind(">")
        return name if is_in_tag else f"<!--{name}-->"

    def show(found: re.Match[str]) -> str:
        return hidden[int(found[1])]

    html = _JINJA.sub(hide, source)
    if "<html" in html:
        html = css_inline.CSSInliner(
            load_remote_stylesheets=False, keep_style_tags=True, extra_css=css
        ).inline(html)
    else:
        html = css_inline.inline_fragment(html, css)
    return re.sub(r"(?:<!--|&lt;!--)?JINJA(\d+)X(?:--&gt;|-->)?", show, _shorten_html(html, later))


def _shorten_html(html: str, later: str) -> str:
    """Return HTML without what nothing needs: an entry has a dozen style attributes."""

    def keep_used(found: re.Match[str]) -> str:
        used = [name for name in found[1].split() if f".{name}" in later]
        return f' class="{" ".join(used)}"' if used else ""

    html = html.replace("<tbody>", "").replace("</tbody>", "")
    html = _STYLE.sub(lambda found: f' style="{_shorten_style(found[1])}"', html)
    return _CLASS.sub(keep_used, html) if later else html


def _shorten_style(style: str) -> str:
    return re.sub(r"([:;,]) ", r"\1", style).removesuffix(";")
