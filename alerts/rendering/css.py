"""CSS put on the elements of an email's template, when it is loaded and not for every message.

Mail programs drop style sheets. The library for it reads HTML and knows nothing of Jinja, so what
is Jinja's is hidden from it: as a word inside a tag, as a comment everywhere else.
"""

from __future__ import annotations

import re

import css_inline

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def inline_css(source: str, css: str) -> str:
    """``source``, a Jinja template of a page or of a part of one, with ``css`` on its elements.

    A ``<style>`` in it stays: it is for what cannot stand on an element.
    """
    if "<style" in source and "<html" not in source:
        return source  # the part that goes into every head
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
    return re.sub(r"(?:<!--|&lt;!--)?JINJA(\d+)X(?:--&gt;|-->)?", show, html)
