"""Printed names and offices, read as people and roles. Pure.

The input is text such as ``Caroline Pidgeon MBE AM`` or ``Boris Johnson (Chair, TfL) and Sir Peter
Hendy (Commissioner, TfL)``; the output is names, identities and roles. The spellings of a person
are data, in ``people.toml``. Text that cannot be split with certainty is left whole.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from crawler.reading.visible_text import clean_text
from crawler.records import Addressee, Asker

# ------------------------------------------------------------------ the words around a name

_TITLE = r"""(?:
    (?:The\ )?(?:Rt|Right)\ Hon(?:ourable)? | Sir | Dame | Lord | Lady | Baron | Baroness | Dr
    | Prof(?:essor)? | Mr | Mrs | Ms | Miss | Mx | Cllr | Councillor | Rev(?:erend)?
)\.?"""
_HONOUR = """(?:
    AM | MP | MEP | MBE | OBE | CBE | DBE | KBE | GBE | BEM | MVO | LVO | CVO | DCVO | KCVO | CB
    | KCB | DCB | CMG | KCMG | CH | QPM | KPM | QFSM | KFSM | QC | KC | PC | DL | JP | PhD | FRSA
)"""
#: Words of offices. They are never part of a personal name.
ROLE_PATTERN = r"""(?i:
    acting | adviser | advisor | ambassador | assembly | assistant | board | ceo | chair
    | chairman | chairperson | chairwoman | chief | commissioner | co-chair | czar | deputy
    | director | executive | head | inspector | interim | leader | managing | mayor | mayoral | md
    | member | minister | night\ czar | non-executive | officer | permanent | president
    | secretary | statutory | superintendent | tsar | under-secretary | vice | vice-chair
)"""
#: Words of organisations and subjects. An "and" after them joins two subjects, not two people.
_ORGANISATION_WORD = """(?:
    Authority | Committee | Company | Corporation | Council | Crossrail | Department | Development
    | Government | Group | Housing | London | Limited | Ltd | Metropolitan | Office | Park\\ Royal
    | Planning | Police | Policing | Service | Services | Transport
)"""
_LETTER = r"[^\W\d_]"
_WORD = rf"""(?!(?:{ROLE_PATTERN}|{_ORGANISATION_WORD}|{_HONOUR})(?:['’]s)?(?![\w'’-]))
    (?:(?:[A-Z]\.)+ | [A-ZÀ-ÖØ-ÞĀ-Ž](?:{_LETTER}|['’‐‑-])*)"""
_PARTICLE = r"(?:al|ap|bin|bint|da|de|del|den|der|di|du|el|la|le|van|von)"
_NAME = rf"""(?:
    (?:Lord|Lady|Baron|Baroness)\ {_WORD}(?:\ {_WORD})*\ of\ {_WORD}(?:\ {_WORD})*
    | (?:{_TITLE}\ )+{_WORD}(?:\ (?:{_PARTICLE}\ )*{_WORD}){{0,5}}
    | {_WORD}(?:\ (?:{_PARTICLE}\ )*{_WORD}){{1,5}}
)"""
#: A personal name with titles before it and honours after it: ``Valerie Shawcross CBE (AM)``.
NAME_PATTERN = re.compile(
    rf"(?P<name>{_NAME})(?P<honours>(?:,?\ {_HONOUR}(?!\w)|\ \((?:AM|MP)\))*)(?![\w'’-])",
    re.VERBOSE,
)
TITLE_PATTERN = re.compile(rf"{_TITLE}\ ", re.VERBOSE)
_TRAILING_HONOURS = re.compile(rf"(?:[ ,]+{_HONOUR})+$", re.VERBOSE | re.IGNORECASE)
_LEADING_TITLES = re.compile(rf"^(?:{_TITLE}\ )+(?=\S+\ \S)", re.VERBOSE | re.IGNORECASE)
_PEER = re.compile(r"(?:lord|lady|baron|baroness) .* of .*", re.IGNORECASE)
_OFFICE = re.compile(rf"(?:the\ )?{ROLE_PATTERN}\b", re.VERBOSE | re.IGNORECASE)
#: A role after a full name, without a comma: ``Rajesh Agrawal Deputy Mayor for Business``.
_TRAILING_ROLE = re.compile(rf"(\S+\ \S.*?)\ {ROLE_PATTERN}\ \S.*", re.VERBOSE)
_BRACKETED_TEXT = re.compile(r"\((?:[^()]|\([^()]*\))*\)?")
_APOSTROPHES = str.maketrans(dict.fromkeys("‘’ʼ′`´", "'"))


# ------------------------------------------------------------------ one person


def clean_name(printed: str) -> str:
    """Return the name alone: ``Caroline Pidgeon`` for ``Caroline Pidgeon MBE AM (Chair)``.

    Titles, honours and roles are removed; apostrophes become straight. Peers with a place keep
    their title, which is part of the name (``Lord Bailey of Paddington``), and so do single
    surnames (``Dr Sahota``). An office is returned as it is.
    """
    whole = clean_text(printed).translate(_APOSTROPHES)
    name = clean_text(_BRACKETED_TEXT.sub(" ", whole))
    if _OFFICE.match(name):
        return name
    if role := _TRAILING_ROLE.fullmatch(name):
        name = role[1]
    name = _TRAILING_HONOURS.sub("", name.partition(",")[0].strip())
    if not _PEER.fullmatch(name):
        name = _LEADING_TITLES.sub("", name)
    return name or whole


def identify_person(printed: str) -> str | None:
    """Return the identity of a person, the same for all spellings: ``sian-berry``.

    Returns:
        None for an office, whose holder changes, and for text without a letter.
    """
    name = clean_name(printed)
    if not name or _OFFICE.match(name):
        return None
    slug = _slugify(name)
    return _load_people().get(slug, slug) or None


def is_known_person(slug: str | None) -> bool:
    """Return whether a result of :func:`identify_person` is a person in ``people.toml``."""
    return slug in _load_people().values()


def _slugify(name: str) -> str:
    """Return ``name`` in lower case with hyphens, without accents and apostrophes.

    ``Steve O'Connell`` becomes ``steve-oconnell``.
    """
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = "".join(c for c in letters if not unicodedata.combining(c) and c != "'")
    return re.sub(r"[\W_]+", "-", plain).strip("-")


@cache  # one entry: the file is part of the program
def _load_people() -> Mapping[str, str]:
    """Return the identity of each person in ``people.toml`` by the slug of every spelling."""
    data = tomllib.loads(
        files("crawler.reading").joinpath("people.toml").read_text(encoding="utf-8")
    )
    return {
        _slugify(spelling): entry["id"]
        for entry in data["person"]
        for spelling in (entry["id"], entry["name"], *entry.get("also", ()))
    }


def read_asker(printed: str, party: str | None) -> Asker:
    """Return the asker. ``party`` is kept as printed: it may be that of the parent question."""
    return Asker(
        name=clean_name(printed),
        printed=clean_text(printed),
        party=clean_text(party or "") or None,
        person=identify_person(printed),
    )


# ------------------------------------------------------------------ several, with roles

_SEPARATOR = re.compile(r",? (?:and|&) |, ")
_BARE_OFFICE = re.compile(rf"The(?:\ {ROLE_PATTERN})+", re.VERBOSE)
_ROLE_BRACKET = re.compile(rf"\ \([^()]*\b{ROLE_PATTERN}\b", re.VERBOSE)
_FOLLOWING_ROLE = re.compile(rf",?\ {ROLE_PATTERN}\b", re.VERBOSE)


def read_addressees(printed: str) -> tuple[Addressee, ...]:
    """Return the people and offices that a question was put to, in order.

    The source joins them by "and", "&" and commas, which also occur inside roles and names of
    organisations. Where either is possible, the text is not split.
    """
    return tuple(_read_addressee(part) for part in _split_addressees(clean_text(printed)) if part)


def _split_addressees(text: str) -> Iterator[str]:
    """Yield the parts of ``text``, split where another addressee certainly starts."""
    start = 0
    for separator in _SEPARATOR.finditer(text):
        left, right = text[start : separator.start()], text[separator.end() :]
        if left.count("(") > left.count(")"):
            continue
        if _starts_with_person(right) or _starts_with_addressee(left, separator[0], right):
            yield left
            start = separator.end()
    yield text[start:]


def _starts_with_person(text: str) -> bool:
    """Return whether ``text`` certainly starts with the name of a person.

    That is a name with a title, honours or a role, or one in ``people.toml``. In ``Deputy Mayor for
    Housing and Residential Development`` the words after "and" are none of these.
    """
    if not (match := NAME_PATTERN.match(text)):
        return False
    rest = text[match.end() :]
    return bool(
        match["honours"]
        or TITLE_PATTERN.match(text)
        or is_known_person(identify_person(match["name"]))
        or _ROLE_BRACKET.match(rest)
        or _FOLLOWING_ROLE.match(rest)
    )


def _starts_with_addressee(left: str, separator: str, right: str) -> bool:
    """Return whether ``right`` starts with another addressee because ``left`` is complete.

    A bare name, a name with a role in brackets, and "The Mayor" are complete. Any other role may
    go on after an "and". After a comma, the rest must consist of bare names.
    """
    if not _is_complete_addressee(left):
        return False
    if separator == ", ":
        return all(NAME_PATTERN.fullmatch(name) for name in _SEPARATOR.split(right))
    if bare := NAME_PATTERN.match(right):
        after = right[bare.end() :]
        return not after or after.startswith(" (") or bool(_SEPARATOR.match(after))
    return bool(_OFFICE.match(right))


def _is_complete_addressee(text: str) -> bool:
    """Return whether ``text`` is an addressee that cannot go on after it."""
    if match := NAME_PATTERN.match(text):
        rest = text[match.end() :]
        return not rest or (rest.startswith(" (") and rest.endswith(")"))
    return _BARE_OFFICE.fullmatch(text) is not None


def _read_addressee(part: str) -> Addressee:
    """Return one addressee; the whole part is the name if no name and role can be told apart."""
    whole = Addressee(name=part.translate(_APOSTROPHES), printed=part)
    if not (match := NAME_PATTERN.match(part)):
        return whole
    rest = part[match.end() :]
    name = clean_name(match[0])
    if not rest:
        return Addressee(name=name, printed=part)
    if rest.startswith(" (") and rest.endswith(")"):
        return Addressee(name=name, printed=part, role=rest[2:-1].strip())
    if rest.startswith(", ") or _FOLLOWING_ROLE.match(rest):
        return Addressee(name=name, printed=part, role=rest.strip(", "))
    return whole
