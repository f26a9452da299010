"""The limits of a page's markup, checked before it is parsed. Pure.

HTML parsers look through all open elements at many tags, and through all attributes of a tag at
each one. The time that a page takes grows with the square of its depth: 50,000 nested tables took
half a minute. So the open elements are counted first, in one pass over the text, as the HTML
Standard (section 13.2.6) opens and closes them.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile

from crawler.reading.items import UnreadablePage

#: Browsers stop at 512. The deepest page that we know of the source has 40.
MAX_DEPTH = 500
MAX_ATTRIBUTES = 500
#: The parser looks through all options of a list at each one. A list of all members has 25.
MAX_OPTIONS = 2000
#: Looks at open elements on one page: a hundred for each of the 50,000 tags of a very long one.
_MAX_STEPS = 5_000_000

_RAW = "iframe|noembed|noframes|script|style|textarea|title|xmp"
#: A comment, an element whose content is no markup, or a tag. Everything is matched at most once
#: (possessive), and what is left open ends with the text, so the pass is linear.
_TOKEN = re.compile(
    r"<(?:!--.*?(?:-->|\Z)"
    rf"|(?P<raw>{_RAW})(?=[\s/>]).*?(?:</(?P=raw)(?=[\s/>])|\Z)"
    r"|(?P<end>/?)(?P<name>[a-z][^\s/>]*+)"
    r"(?P<rest>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?+|'[^']*+'?+)?+)*+)(?:>|\Z))",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"[^\s/=]++(?:\s*+=\s*+(?:\"[^\"]*+\"?+|'[^']*+'?+|\S++))?+")
#: A tag with more attributes than the limit has at least two characters for each.
_MIN_SUSPICIOUS_LENGTH = 2 * MAX_ATTRIBUTES


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEVER_OPEN = _names(
    "area base body br col embed frame head hr html img input link meta param source track wbr"
)
_FORMATTING = _names("a b big code em font i nobr s small strike strong tt u")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_BLOCKS = _HEADINGS | _names(
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure "
    "footer form header hgroup hr li dd dt main menu nav ol p pre search section summary table ul"
)
_SCOPE = _names("applet button caption marquee object table td template th")
#: What ends the formatting in it.
_MARKERS = _names("applet caption marquee object td template th")
_SPECIAL = _BLOCKS | _SCOPE | _names("colgroup frameset select tbody tfoot thead tr")
_ROW_GROUPS = _names("tbody tfoot thead")
_CELLS = _names("td th")
_TABLE_PARTS = _CELLS | _ROW_GROUPS | _names("caption colgroup table tr")
#: What a start tag closes, up to which element outwards.
_CLOSES = {
    "li": (_names("li"), _SPECIAL - _names("address div p li")),
    "dd": (_names("dd dt"), _SPECIAL - _names("address div p dd dt")),
    "dt": (_names("dd dt"), _SPECIAL - _names("address div p dd dt")),
    "td": (_CELLS, _names("table template")),
    "th": (_CELLS, _names("table template")),
    "tr": (_names("tr"), _names("table template")),
    **dict.fromkeys(_ROW_GROUPS, (_ROW_GROUPS, _names("table template"))),
}
#: What a start tag closes if it is the innermost open element.
_CLOSES_INNERMOST = {
    "option": _names("option"),
    **dict.fromkeys(("rp", "rt"), _names("rp rt")),
    **dict.fromkeys(_HEADINGS, _HEADINGS),
}
#: Elements of HTML that end a drawing or formula in which they stand.
_END_DRAWINGS = (
    _FORMATTING - {"a", "font"}
    | _HEADINGS
    | _names("blockquote center dd div dl dt li menu ol p pre ruby span sub sup table ul var")
)


def check_markup(html: str) -> None:
    """Raise :class:`UnreadablePage` for markup that no parser should be given.

    Args:
        html: A page or a part of one.

    Raises:
        UnreadablePage: Elements are nested more than 500 deep, a tag has more than 500
            attributes, or there is another way to make a parser slow.
    """
    if html.count("<") <= MAX_DEPTH and len(html) < _MIN_SUSPICIOUS_LENGTH:
        return
    open_elements = _OpenElements()
    for token in _TOKEN.finditer(html):
        name = token["name"]
        if not name:
            continue
        if len(token["rest"]) >= _MIN_SUSPICIOUS_LENGTH and _has_many_attributes(token["rest"]):
            raise UnreadablePage(f"a tag has more than {MAX_ATTRIBUTES} attributes")
        if token["end"]:
            open_elements.end(name.lower())
        else:
            open_elements.start(name.lower(), token["rest"])
        open_elements.check()


def _has_many_attributes(text: str) -> bool:
    return sum(1 for _ in _ATTRIBUTE.finditer(text)) > MAX_ATTRIBUTES


class _OpenElements:
    """The elements that are open at a place, as a parser would have them, with less exactness.

    Formatting elements that are left open are opened again outside the element that is closed. All
    of them are kept, also where a parser would keep three of a kind.
    """

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._open: Counter[str] = Counter()
        self._options = 0
        self._steps = 0

    def check(self) -> None:
        """Raise :class:`UnreadablePage` if there are too many."""
        if len(self._stack) > MAX_DEPTH:
            raise UnreadablePage(f"its elements are nested more than {MAX_DEPTH} deep")
        if self._options > MAX_OPTIONS:
            raise UnreadablePage(f"it has lists with more than {MAX_OPTIONS} options")
        if self._steps > _MAX_STEPS:
            raise UnreadablePage("its elements are closed in too wrong an order")

    def start(self, name: str, attributes: str) -> None:
        """Handle a start tag."""
        if name in _NEVER_OPEN or (name == "form" and self._open["form"]):
            return
        self._options += name == "option"
        if self._open["svg"] or self._open["math"]:
            if name not in _END_DRAWINGS:
                if not attributes.endswith("/"):
                    self._push(name)
                return
            self._pop(_names("svg math"), frozenset())
        if name in _TABLE_PARTS and name != "table" and not self._open["table"]:
            return  # ignored outside a table
        self._close_implied(name)
        self._push(name)

    def end(self, name: str) -> None:
        """Handle an end tag."""
        if name in _FORMATTING or name == "form":
            self._remove(name)
        elif name in _TABLE_PARTS:
            self._pop(frozenset((name,)), _names("table template") - {name})
        elif name in _HEADINGS:
            self._pop(_HEADINGS, _SCOPE)
        else:
            limit = _SCOPE if name in _SPECIAL else _SPECIAL
            self._pop(frozenset((name,)), limit - {name})

    def _push(self, name: str) -> None:
        self._stack.append(name)
        self._open[name] += 1

    def _close_implied(self, name: str) -> None:
        """Close what a start tag closes without an end tag."""
        if name in _BLOCKS:
            self._pop(_names("p"), _SCOPE)
        if name in _CLOSES:
            self._pop(*_CLOSES[name])
        if name == "a":
            self._remove("a")
        if self._stack and self._stack[-1] in _CLOSES_INNERMOST.get(name, ()):
            self._open[self._stack.pop()] -= 1

    def _remove(self, name: str) -> None:
        """Close the innermost element of a name; what is in it stays open."""
        place = self._find(frozenset((name,)), _SCOPE)
        if place is not None:
            del self._stack[place]
            self._open[name] -= 1

    def _pop(self, names: frozenset[str], limit: frozenset[str]) -> None:
        """Close the innermost element of ``names`` and all in it, unless ``limit`` lies between.

        The formatting elements in it stay open, but for those in a cell.
        """
        place = self._find(names, limit)
        if place is None:
            return
        closed = self._stack[place:]
        del self._stack[place:]
        self._open.subtract(closed)
        for name in takewhile(lambda each: each not in _MARKERS, closed):
            if name in _FORMATTING:
                self._push(name)

    def _find(self, names: frozenset[str], limit: frozenset[str]) -> int | None:
        """Return the place of the innermost element of ``names`` inside ``limit``, or None."""
        if not any(self._open[name] for name in names):
            return None
        for place in range(len(self._stack) - 1, -1, -1):
            self._steps += 1
            if self._stack[place] in names:
                return place
            if self._stack[place] in limit:
                return None
        return None
