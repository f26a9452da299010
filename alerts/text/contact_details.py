"""Whether a text holds a way to reach somebody: a web address, an email address, a number. Pure.

Used for words of strangers that we show to other people. It errs on the side of finding: somebody
who is refused can write the same topic in another way. What people do search for must not be found:
``SE17 1PB``, ``A40``, ``2022/1234``, ``gov.uk``, ``£1,000,000``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from alerts.text.domain_names import load_top_level_domains

ContactDetail = Literal["web address", "email address", "telephone number"]

#: Endings that are in no public DNS and are understood all the same: RFC 2606, 6761, 7686 and 9476,
#: and what ICANN keeps free for private networks.
_OTHER_ENDINGS = frozenset(
    (
        *("alt", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local"),
        *("localdomain", "localhost", "mail", "onion", "private", "test"),
    )
)
#: Suffixes that nobody can register, so that they lead nowhere by themselves.
_PLAIN_SUFFIXES = frozenset(
    f"{name}.uk"
    for name in ("ac", "co", "gov", "ltd", "nhs", "org", "parliament", "plc", "police", "sch")
)
#: Endings that are also words which follow "dot" in ordinary text: "dot to dot", "the dot in".
_LITTLE_WORDS = frozenset(("am", "as", "at", "be", "by", "do", "in", "is", "it", "no", "so", "to"))

#: Signs that a text may have between letters and that no reader takes for the dot of a domain. Any
#: other sign there counts as a dot: ``evil•com``, ``evil。com``.
_NO_DOTS = frozenset("'’‘`\"“”„‟″＂«»()[]{}|*:~/\\&+,;-‐‑‒–—―−_£€$%#@!?=<>^")
_WRAPPING = re.compile(r"[\"“”„‟″«»()\[\]{}'’‘`]")
_SCHEME = re.compile(
    r"\w\s*:\s*[/\\]{2}|\b(?:h\w\wps?|ftp|mailto|tel|sms)\s*:|\bwww\d?\b|\bhxxps?\b"
)
_EMAIL = re.compile(
    r"[\w.+-]\s*@\s*[\w\[(]|[(\[]\s*at\s*[)\]]"
    r"|\w[\W_]+at[\W_]+(?:g|google|hot|proton)mail\b|\w[\W_]+at[\W_]+(?:icloud|yahoo)\b"
)
#: Up to 63 letters, digits and hyphens (RFC 1035, section 2.3.4).
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
#: A name with dots between its labels, and whether a path follows.
_DOTTED = re.compile(rf"{_LABEL}(?:\.{_LABEL})+(?P<path>[:/]\w)?")
_SPACED = re.compile(r"\w\s+\.\s*(\w+)|\w\.\s+(com|org)\b")
#: "dot", also in Greek and Cyrillic letters that look like it.
_DOT = "[dԁ][o0оοσ][tтτ]"
_SPOKEN = re.compile(rf"(?<![^\W_])(\w[\w-]{{0,62}}?)[\W_]{{1,5}}{_DOT}[\W_]{{1,5}}(\w+)")
#: Other names of the dot are also words of ordinary text, so few endings count behind them.
_NAMED = re.compile(
    r"\w[\W_]{1,5}(?:period|full[\W_]?stop|point|punkt|punto)[\W_]{1,5}(?:com|org|net)\b"
)
#: Between letters that stand alone: ``e v i l . c o m``.
_LETTER_GAP = re.compile(r"(?<![^\W_])([^\W\d_])\s(?=[^\W\d_](?![^\W_]))")
_ARTICLES = frozenset(("a", "an", "the"))

#: Digits of a telephone number: from seven, the length of local numbers, as E.164 has no shorter
#: ones outside of a country's own services.
_MIN_DIGITS = 7
_NUMBER_WORDS = {
    word: digit
    for digit, words in enumerate(
        ("zero oh nought naught", "one", "two", "three", "four", "five", "six", "seven", "eight")
    )
    for word in words.split()
} | {"nine": 9}
_SPELLED = re.compile(rf"\b(?:(?:{'|'.join(_NUMBER_WORDS)}|double|treble|triple)\b[\W_]*)+")
_LETTERS_AS_DIGITS = re.compile(r"\b[0-9oil|]*[0-9][0-9oil|]*\b")
_AS_DIGITS = str.maketrans("oil|", "0111")
#: Groups of digits with up to three signs between them, and no letter before or behind.
_DIGITS = re.compile(r"(?<![^\W_])\d+(?:(?!,\s)[^\w]{1,3}\d+|_\d+)*(?![^\W_])")
#: Between the groups of a telephone number that is written as a query or a list.
_OPERATOR = re.compile(r"\s+(?:and|or|near(?:/\d{1,2})?)\s+|,\s+")
#: A number that is dialled as it is; its groups may have an operator between them.
_DIALLED = re.compile(
    r"(?<![^\W_])(?<!\d[^\w\s])(?:0|\+\s?\d)\d*"
    rf"(?:(?:{_OPERATOR.pattern}|[^\w]{{1,3}})\d+)+(?![^\W_])"
)
#: Numbers with as many digits that are none: references, dates, years, and numbers in thousands.
_OTHER_NUMBER = (
    r"(?:(?:19|20)\d\d[/ -]\d{1,5}|(?:19|20)\d\d-\d\d-\d\d|\d\d?([/.-])\d\d?\1(?:19|20)?\d\d"
    r"|\d\d/\d{4,5}|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|(?:19|20)\d\d)"
)
_WHOLE_OTHER_NUMBER = re.compile(_OTHER_NUMBER)
_PART_OTHER_NUMBER = re.compile(rf"(?<!\S){_OTHER_NUMBER}(?!\S)")


def find_contact_detail(text: str) -> ContactDetail | None:
    """Return what kind of contact detail a text holds; None if it holds none."""
    plain = _flatten(text)
    unwrapped = _WRAPPING.sub(" ", plain)
    closed = _LETTER_GAP.sub(r"\1", unwrapped)
    for variant in (plain, _WRAPPING.sub("", plain), unwrapped, closed):
        if _EMAIL.search(variant):
            return "email address"
        if _SCHEME.search(variant) or _has_domain(variant):
            return "web address"
        if _has_telephone_number(variant):
            return "telephone number"
    return None


def _flatten(text: str) -> str:
    """Return a text as a reader sees it: one width, no accents, nothing invisible, one dot."""
    shown = unicodedata.normalize("NFKD", text).lower()
    visible = "".join(
        str(unicodedata.decimal(char, char))
        for char in shown
        if unicodedata.category(char) not in ("Mn", "Me", "Cf")
    )
    return "".join("." if _is_dot(char) else char for char in visible)


def _is_dot(char: str) -> bool:
    return not (char.isalnum() or char.isspace() or char in _NO_DOTS)


def _has_domain(text: str) -> bool:
    return (
        any(_is_domain(found) for found in _DOTTED.finditer(text))
        or any(_is_ending(one[1] or one[2]) for one in _SPACED.finditer(text))
        or _NAMED.search(text) is not None
        or any(
            _is_ending(ending) and ending not in _LITTLE_WORDS and name not in _ARTICLES
            for name, ending in _SPOKEN.findall(text)
        )
    )


def _is_domain(found: re.Match[str]) -> bool:
    """Return whether a name with dots can be opened, or one of its beginnings can."""
    name = found[0].removesuffix(found["path"] or "")
    if name in _PLAIN_SUFFIXES:
        return found["path"] is not None
    labels = name.split(".")
    return _is_ip_address(labels) or any(_is_ending(label) for label in labels[1:])


def _is_ip_address(labels: list[str]) -> bool:
    return len(labels) == 4 and all(label.isdigit() and int(label) < 256 for label in labels)


def _is_ending(label: str) -> bool:
    """Return whether a name that ends so is a domain.

    An ending in other letters counts, whether it is one or only looks like one: ``соm`` in Cyrillic
    letters.
    """
    return (
        label in load_top_level_domains()
        or label in _OTHER_ENDINGS
        or label.startswith("xn--")
        or (not label.isascii() and len(label) > 1)
    )


def _has_telephone_number(text: str) -> bool:
    spelled = _SPELLED.sub(_write_digits, text)
    digits = _LETTERS_AS_DIGITS.sub(lambda found: found[0].translate(_AS_DIGITS), spelled)
    return any(_count_digits(found[0]) >= _MIN_DIGITS for found in _DIGITS.finditer(digits)) or any(
        _is_dialled(found[0]) for found in _DIALLED.finditer(digits)
    )


def _is_dialled(row: str) -> bool:
    """Return whether numbers between operators are the groups of one that begins with 0 or +."""
    groups = _OPERATOR.split(row)
    digits = sum(char.isdigit() for group in groups for char in group)
    return digits >= _MIN_DIGITS and not _WHOLE_OTHER_NUMBER.fullmatch(groups[0])


def _write_digits(found: re.Match[str]) -> str:
    """Return spelled digits as digits: ``oh two double three`` as ``0233``."""
    digits, times = "", 1
    for word in re.findall(r"[a-z]+", found[0]):
        if word in _NUMBER_WORDS:
            digits, times = digits + str(_NUMBER_WORDS[word]) * times, 1
        else:
            times = 2 if word == "double" else 3
    return f" {digits} "


def _count_digits(number: str) -> int:
    """Return how many digits a row of numbers has beside references, dates, years and amounts.

    A row that begins with 0 is dialled as it is, whatever its groups look like.
    """
    if _WHOLE_OTHER_NUMBER.fullmatch(number):
        return 0
    rest = number if number.startswith("0") else _PART_OTHER_NUMBER.sub(" ", number)
    return sum(char.isdigit() for char in rest)
