"""What a query without results may have meant: similar words, members' names, or small letters."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec
from rapidfuzz import process
from rapidfuzz.distance import OSA
from sqlalchemy import Connection

from alerts.language import format_number, gettext, ngettext
from alerts.ledger import members, word_index
from alerts.queries import (
    Query,
    QueryError,
    ast,
    format_canonical,
    index_terms,
    iter_words,
    list_wanted_leaves,
    parse_query,
    replace_wanted_leaves,
)
from alerts.search.search import TimeBudget, count_results
from alerts.text import CURRENCY_WORDS, SIGN_WORDS, fold_to_letters, is_common_word

#: Spellings that are compared by how many questions have them; the commonest is suggested.
_MAX_CANDIDATES = 6
#: Letters of an acronym that is compared with others: of shorter ones, nearly every one is similar
#: to another (IT and IA, ACE and ACM).
_MIN_ACRONYM_LENGTH = 5
#: Letters of a word that is compared with names, and of one in which two may be wrong: in a word of
#: the language, only one may be.
_MIN_NAME_LENGTH, _MIN_LONG_LENGTH = 4, 5
#: Lists of members whose names are kept in plain letters: a ledger's before and after a crawl.
_MAX_NAME_LISTS = 4
#: A word that a sign is read as, at the end of another: *35percent*.
_SIGN_WORD = re.compile(rf"(?<=\d)({'|'.join(SIGN_WORDS)})$")
#: Words of a query that is compared with names.
_MAX_NAME_WORDS = 4
#: Questions with a word in capitals from which on it is taken for an acronym: fewer may be titles
#: that are printed in capitals.
_MIN_ACRONYM = 5
#: How many times as many questions have the word in small letters.
_MIN_RATIO = 20


class SpellingSuggestion(msgspec.Struct, frozen=True):
    """A word that the archive does not have, and the most similar one that it has."""

    word: str
    nearest: str | None  #: None if no word is similar enough
    questions: int  #: number of questions that have the nearest
    query: str | None = None  #: the whole query with the nearest in place of the word
    is_name: bool = False  #: whether the nearest is a member's name


def suggest_spellings(
    connection: Connection, query: Query, *, found: int | None
) -> list[SpellingSuggestion]:
    """Return a suggestion for each wanted word that no question has in any field.

    Where nothing is found, the words are compared with the members' names first.

    Args:
        connection: The ledger.
        query: A query in normal form.
        found: How many questions the query finds; None if it is not known whether it finds any.
    """
    if found == 0 and (name := _find_name(connection, query)):
        return [name]
    if found and not _has_choices(query):  # whatever is found has all words
        return []
    return list(_iter_unknown(connection, query))


def list_unknown_words(
    spellings: Iterable[SpellingSuggestion], small_forms: Iterable[SmallForm], typed: str
) -> list[SpellingSuggestion]:
    """Return suggestions as they are shown: with the words as typed, and each word once.

    Args:
        spellings: As :func:`suggest_spellings` returns them.
        small_forms: Words that are found in small letters, which is said of them.
        typed: The query.
    """
    in_capitals = {form.word for form in small_forms}
    return [
        msgspec.structs.replace(one, word=find_typed_word(typed, one.word))
        for one in spellings
        if one.is_name or one.word not in in_capitals
    ]


def find_typed_word(typed: str, word: str) -> str:
    """Return a word of a query as it was typed: ``20 mph`` for *20mph*, ``35%`` for *35percent*."""
    pattern = r"\W?".join(_write_pattern(part) for part in _SIGN_WORD.split(word) if part)
    found = re.search(rf"(?<!\w){pattern}(?!\w)", typed, re.IGNORECASE)
    return found[0] if found else word


def _write_pattern(part: str) -> str:
    letters = r"\W?".join(map(re.escape, part))
    return f"(?:{letters}|{re.escape(SIGN_WORDS[part])})" if part in SIGN_WORDS else letters


def _has_choices(query: Query) -> bool:
    """Return whether a question can match without some of the wanted words."""
    return isinstance(query, ast.Or) or (
        isinstance(query, ast.And) and any(map(_has_choices, query.parts))
    )


def _iter_unknown(connection: Connection, query: Query) -> Iterator[SpellingSuggestion]:
    leaves = [leaf for leaf in list_wanted_leaves(query) if leaf.field is None]
    for word in (word for leaf in leaves for word in iter_words(leaf)):
        if word.tokens[0] in CURRENCY_WORDS:  # a sign
            continue
        condition = index_terms.build_index_query(word).condition
        if condition and not word_index.count_questions(connection, condition, maximum=1):
            text = "".join(word.tokens)
            if _may_be_misspelt(word):
                yield _find_nearest(connection, query, word, text)
            else:
                yield SpellingSuggestion(text, None, 0)


def _may_be_misspelt(word: ast.Word) -> bool:
    """Return whether a word that the archive does not have may be a mistake.

    A short acronym, a number and a common word of the language are what was meant.
    """
    if all(token.isdecimal() or token in SIGN_WORDS for token in word.tokens):
        return False
    if word.mode == "capitals":
        return len(word.tokens[0]) >= _MIN_ACRONYM_LENGTH
    return not all(is_common_word(token) for token in word.tokens)


def _find_name(connection: Connection, query: Query) -> SpellingSuggestion | None:
    """Return the member whose name is most similar to all words of a query, if one is."""
    leaves = list_wanted_leaves(query)
    if isinstance(query, ast.Or) or any(leaf.field not in (None, "asked_by") for leaf in leaves):
        return None
    typed = [token for leaf in leaves for word in iter_words(leaf) for token in word.tokens]
    if not 0 < len(typed) <= _MAX_NAME_WORDS:
        return None
    name = _find_similar_name(typed, _fold_names(tuple(members.list_names(connection))))
    if name is None:
        return None
    try:
        named = parse_query(f'"{name}"')
    except QueryError:  # a name that is no query
        return None
    number = count_results(connection, named).questions
    text = " ".join(format_canonical(leaf).replace('"', "") for leaf in leaves)
    corrected = format_canonical(named)
    return SpellingSuggestion(text, name, number, corrected, is_name=True) if number else None


class _FoldedNames(msgspec.Struct, frozen=True):
    """Members' names in plain letters."""

    words: dict[str, tuple[str, ...]]  #: name -> its words in plain letters
    names: dict[str, tuple[str, ...]]  #: a word in plain letters -> the names that have it


@lru_cache(_MAX_NAME_LISTS)
def _fold_names(names: tuple[str, ...]) -> _FoldedNames:
    words = {name: tuple(fold_to_letters(part) for part in name.split()) for name in names}
    having = defaultdict[str, list[str]](list)
    for name, parts in words.items():
        for part in dict.fromkeys(parts):
            having[part].append(name)
    return _FoldedNames(words, {part: tuple(found) for part, found in having.items()})


def _find_similar_name(typed: list[str], known: _FoldedNames) -> str | None:
    """Return the name that differs from the words typed in the fewest letters.

    None if every name differs in more than may be wrong.
    """
    words = sorted((word.lower() for word in typed), key=len, reverse=True)
    # Only names with a word like the longest one can be similar, and most have none.
    near = process.extract(
        words[0],
        list(known.names),
        scorer=OSA.distance,
        score_cutoff=_count_allowed(words[0]),
        limit=None,
    )
    similar = []
    for name in {name for part, _, _ in near for name in known.names[part]}:
        distance = _compare_with_name(words, known.words[name])
        if distance is not None:
            similar.append((distance, name))
    return min(similar)[1] if similar else None


def _count_allowed(word: str) -> int:
    """Return how many letters of a word may be wrong."""
    allowed = int(len(word) >= _MIN_NAME_LENGTH)
    return allowed + (len(word) >= _MIN_LONG_LENGTH and not is_common_word(word))


def _compare_with_name(words: list[str], name: tuple[str, ...]) -> int | None:
    """Return how many letters differ between words and those of a name; None if too many.

    Args:
        words: In small letters, the longest first.
        name: The words of a name, in plain letters.
    """
    left = list(name)
    total = 0
    for word in words:
        allowed = _count_allowed(word)
        near = [(OSA.distance(word, part), part) for part in left]
        distance, part = min(near, default=(allowed + 1, ""))
        if distance > allowed:
            return None
        left.remove(part)
        total += distance
    return total


def _find_nearest(
    connection: Connection, query: Query, word: ast.Word, text: str
) -> SpellingSuggestion:
    """Return the word of the archive most similar to ``text``; of equal ones, the commonest.

    A word is left out if the query would be refused with it, such as a stop word alone.
    """
    key_prefix = "cx" if word.mode == "capitals" else "wx"
    # Whole keys: what all of them begin with changes no distance, and to cut it off takes longer.
    known = word_index.list_keys_with_prefix(connection, key_prefix + text[0].lower())
    max_distance = 1 if len(text) < 5 else 2
    similar = process.extract(
        key_prefix + text.lower(),
        known,
        scorer=OSA.distance,
        score_cutoff=max_distance,
        limit=_MAX_CANDIDATES,
    )
    counted = []
    for key, distance, _ in similar:
        number = word_index.count_questions(connection, index_terms.IndexKey(key))
        if number:
            counted.append((distance, -number, key[len(key_prefix) :]))
    for _, number, form in sorted(counted):
        nearest = form.upper() if word.mode == "capitals" else form
        if corrected := _correct(query, word, nearest):
            return SpellingSuggestion(text, nearest, -number, corrected)
    return SpellingSuggestion(text, None, 0)


def _correct(query: Query, word: ast.Word, nearest: str) -> str | None:
    """Return ``query`` with ``nearest`` in place of a word; None if that would be refused."""

    def replace(leaf: ast.Word | ast.Phrase) -> ast.Word | ast.Phrase:
        if isinstance(leaf, ast.Word):
            is_it = (leaf.tokens, leaf.mode) == (word.tokens, word.mode)
            return msgspec.structs.replace(leaf, tokens=(nearest,)) if is_it else leaf
        return msgspec.structs.replace(
            leaf, words=tuple(ast.Word((nearest,), "exact") if w == word else w for w in leaf.words)
        )

    def correct(leaf: ast.Leaf) -> Query:
        if isinstance(leaf, ast.Near):
            return msgspec.structs.replace(leaf, parts=tuple(map(replace, leaf.parts)))
        return replace(leaf)

    try:
        corrected = parse_query(format_canonical(replace_wanted_leaves(query, correct)))
    except QueryError:
        return None
    return format_canonical(corrected)


# ------------------------------------------------------------------ capitals


class SmallForm(msgspec.Struct, frozen=True):
    """A word in capitals that finds little or nothing, and the same word in small letters."""

    word: str  #: as in the canonical query: ``FARES``
    questions: int  #: number of questions that have it in capitals
    small: str  #: ``fares``
    small_questions: int  #: number of questions that have it in small letters
    query: str  #: the whole query, with the word in small letters
    is_complete: bool = True  #: whether these are all; if not, there are at least so many

    @property
    def sentence(self) -> str:
        """What was found, as one sentence."""
        small = ngettext(
            "%(number)s question has %(word)s in small letters.",
            "%(number)s questions have %(word)s in small letters.",
            self.small_questions,
        )
        if not self.is_complete:
            small = ngettext(
                "At least %(number)s question has %(word)s in small letters.",
                "At least %(number)s questions have %(word)s in small letters.",
                self.small_questions,
            )
        values = {"number": format_number(self.small_questions), "word": self.small}
        return f"{self._count_capitals()} {small % values}"

    def _count_capitals(self) -> str:
        values = {"number": format_number(self.questions), "word": self.word}
        if not self.questions:
            return gettext("No question has %(word)s in capitals.") % values
        message = ngettext(
            "%(number)s question has %(word)s in capitals.",
            "%(number)s questions have %(word)s in capitals.",
            self.questions,
        )
        return message % values


def find_small_forms(
    connection: Connection, query: Query, budget: TimeBudget | None = None
) -> list[SmallForm]:
    """Return the wanted words in capitals that are found in small letters instead, each once.

    Args:
        connection: The ledger.
        query: A query in normal form.
        budget: The time for counting questions; None for no limit.
    """
    found = (_compare_cases(connection, query, word, budget) for word in _list_capitals(query))
    return [form for form in found if form is not None]


def _list_capitals(query: Query) -> list[ast.Word]:
    """Return the wanted words in capitals, each in the field that it is looked for in."""
    return list(dict.fromkeys(_iter_capitals(query)))


def _iter_capitals(query: Query) -> Iterator[ast.Word]:
    for leaf in list_wanted_leaves(query):
        for word in iter_words(leaf):
            if word.mode == "capitals":
                yield msgspec.structs.replace(word, field=leaf.field)


def _compare_cases(
    connection: Connection, query: Query, word: ast.Word, budget: TimeBudget | None
) -> SmallForm | None:
    """Return the small form of a word in capitals if that is what the questions have."""
    corrected = _correct_case(query, word)
    if corrected is None:
        return None
    capitals = count_results(connection, word, budget)
    if capitals.questions >= _MIN_ACRONYM or not capitals.is_complete:
        return None
    small = count_results(connection, _lower(word), budget)
    if not small.questions or small.questions < _MIN_RATIO * capitals.questions:
        return None
    return SmallForm(
        word.tokens[0],
        capitals.questions,
        word.tokens[0].lower(),
        small.questions,
        corrected,
        small.is_complete,
    )


def _lower(word: ast.Word) -> ast.Word:
    tokens = tuple(token.lower() for token in word.tokens)
    return msgspec.structs.replace(word, tokens=tokens, mode="stem")


def _correct_case(query: Query, word: ast.Word) -> str | None:
    """Return ``query`` with a word in small letters; None if that would be refused."""

    def replace(part: ast.Word | ast.Phrase) -> ast.Word | ast.Phrase:
        is_it = isinstance(part, ast.Word) and (part.tokens, part.mode) == (word.tokens, word.mode)
        return _lower(part) if is_it and isinstance(part, ast.Word) else part

    def correct(leaf: ast.Leaf) -> Query:
        if leaf.field != word.field:
            return leaf
        if isinstance(leaf, ast.Near):
            return msgspec.structs.replace(leaf, parts=tuple(map(replace, leaf.parts)))
        return replace(leaf)

    try:
        parse_query(format_canonical(_lower(word)))  # a little word alone is refused
        corrected = parse_query(format_canonical(replace_wanted_leaves(query, correct)))
    except QueryError:
        return None
    return format_canonical(corrected)
