"""How long a text is on a picture, about: pictures have no reflow, so texts are cut to fit."""

from __future__ import annotations

#: Widths in parts of the font size, measured in Inter.
_NARROW, _WIDE = frozenset("iljftrI.,:;'’|!()[] -–/"), frozenset("mwMW@%&—…")
_WIDTHS = {"narrow": 0.33, "wide": 0.9, "capital": 0.7, "other": 0.585}
#: Letters of other scripts than ours are as wide as high at most.
_FULL_WIDTH_FROM = "\u1100"


def measure(text: str, size: float) -> float:
    """Return about how many pixels ``text`` takes at a font size in pixels."""
    return size * sum(map(_measure_letter, text))


def _measure_letter(letter: str) -> float:
    if letter in _NARROW:
        return _WIDTHS["narrow"]
    if letter in _WIDE:
        return _WIDTHS["wide"]
    if letter >= _FULL_WIDTH_FROM and not "\u1e00" <= letter <= "\u206f":
        return 1.0
    return _WIDTHS["capital" if letter.isupper() else "other"]


def cut(text: str, size: float, width: float) -> str:
    """Return ``text``, cut after a word with ``…`` if it is longer than ``width`` pixels."""
    lines = wrap(text, size, width, 1)
    return lines[0] if lines else ""


def wrap(text: str, size: float, width: float, lines: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` pixels; what is left over is cut off."""
    found, words = [""], text.split()
    for place, word in enumerate(words):
        longer = f"{found[-1]} {word}".strip()
        if measure(longer, size) <= width:
            found[-1] = longer
        elif len(found) < lines and measure(word, size) <= width:
            found.append(word)
        else:
            found[-1] = _end_with_dots(" ".join((found[-1], *words[place:])), size, width)
            break
    return [line for line in found if line]


def _end_with_dots(text: str, size: float, width: float) -> str:
    kept = text.strip()
    while kept and measure(f"{kept}…", size) > width:
        kept = kept[:-1]
    at_word = kept.rpartition(" ")[0]
    # A word is cut in two where half the line would be empty otherwise.
    return f"{(at_word if len(at_word) > len(kept) / 2 else kept).rstrip(' ,.;:–')}…"
