"""Little words, which are in nearly every text, left out where other words remain. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from alerts.language import gettext, ngettext
from alerts.language import gettext_noop as _
from alerts.queries.fields import KEYWORD_FIELDS
from alerts.queries.grammar import Node, is_selective, list_lead_in, list_shouted, parse_tree
from alerts.text import LITTLE_WORDS, STOP_WORDS, tokenise

_OPERATOR_HINTS = {
    "or": _("Write OR in capitals to find either word."),
    "not": _("Write NOT in capitals to leave a word out."),
}


def split_little_words(nodes: list[Node]) -> tuple[list[Node], list[Token]]:
    """Return the parts of an AND that are looked for, and the little words that are left out.

    Quoted words, acronyms and beginnings of words are always looked for. Nothing is left out if
    nothing else would be looked for: first those that nearly every text has, then the others.
    """
    for words in (LITTLE_WORDS, STOP_WORDS):
        little = [node for node in nodes if isinstance(node, Token) and _is_in(node, words)]
        kept = [node for node in nodes if not any(node is word for word in little)]
        if words is LITTLE_WORDS and not is_selective(kept):
            continue
        if not all(not isinstance(node, Token) and node.data == "without" for node in kept):
            return kept, little
    return nodes, []


def list_hints(text: str) -> list[str]:
    """Return sentences on words of a query that are left out, or read in another way than typed.

    Each has how to say what was meant.

    Raises:
        QueryError: The text is no query.
    """
    words = list(dict.fromkeys(str(word) for word in _iter_left_out(parse_tree(text))))
    hints = []
    others = [*list_lead_in(text), *(word for word in words if word.lower() not in STOP_WORDS)]
    words = [word for word in words if word not in others]
    if others:
        message = ngettext(
            "%(words)s is left out: put words in quotes that have to be there.",
            "%(words)s are left out: put words in quotes that have to be there.",
            len(others),
        )
        hints.append(message % {"words": _list_quoted(others)})
    if words:
        message = ngettext(
            "%(words)s is left out: it is in nearly every text.",
            "%(words)s are left out: they are in nearly every text.",
            len(words),
        )
        hints.append(message % {"words": _list_quoted(words)})
    shouted = [word for word in dict.fromkeys(list_shouted(text)) if word.lower() not in words]
    if shouted:
        message = ngettext(
            "%(words)s is read as a word in small letters, not as an acronym.",
            "%(words)s are read as words in small letters, not as acronyms.",
            len(shouted),
        )
        hints.append(message % {"words": _list_quoted(shouted)})
    small = {word.lower() for word in words}
    return hints + [gettext(hint) for word, hint in _OPERATOR_HINTS.items() if word in small]


def _list_quoted(words: list[str]) -> str:
    *others, last = [f"“{word}”" for word in words]
    if not others:
        return last
    return gettext("%(words)s and %(last)s") % {"words": ", ".join(others), "last": last}


def _iter_left_out(node: Node) -> Iterator[Token]:
    if isinstance(node, Token):
        return
    if node.data == "scoped" and str(node.children[0])[:-1].lower() in KEYWORD_FIELDS:
        return
    if node.data == "all":
        yield from split_little_words(node.children)[1]
    for part in node.children:
        yield from _iter_left_out(part)


def _is_in(token: Token, little: frozenset[str]) -> bool:
    """Return whether a word as typed is one of some little words."""
    if token.type != "WORD" or "*" in token:
        return False
    words = tokenise(token)
    is_one = len(words) == 1 or not any(map(str.isalnum, token))  # "&&" is "and" twice
    return is_one and words[0].word in little and not words[0].acronym
