"""Words of English texts: what counts as a word, which words are the same, where each one is.

Owns the tokenizer, stems and stop words, acronyms and their definitions, the cutting of marked
passages, and how contact details are found in a text. It must not know queries, questions or the
database: it works on strings. Pure.

The face is larger than most because two things meet here that everything else is built on: words
(the tokenizer and its results) and passages (what is cut from a text to show a match).
"""

from alerts.text.acronyms import AcronymDefinition, find_definitions
from alerts.text.contact_details import ContactDetail, find_contact_detail
from alerts.text.domain_names import load_top_level_domains
from alerts.text.english import (
    LITTLE_WORDS,
    STOP_WORDS,
    find_common_start,
    has_forms,
    is_common_word,
    stem,
)
from alerts.text.person_names import find_person_names, list_name_signs, list_runs
from alerts.text.snippets import (
    Segment,
    Snippet,
    cut_around,
    cut_opening,
    cut_passage,
    find_passage,
    find_snippet,
    mark_spans,
    mark_title,
)
from alerts.text.spoken_acronyms import find_spoken_acronym
from alerts.text.tokenizer import (
    CURRENCY_WORDS,
    HYPHENS,
    LINKING_LETTERS,
    MAX_LINKED_WORDS,
    NUMBER_ENDINGS,
    SIGN_WORDS,
    Place,
    PreparedTexts,
    Token,
    build_word_keys,
    can_close_up,
    find_acronym,
    fold_keeping_case,
    fold_signs,
    fold_to_letters,
    is_written_closed,
    prepare_texts,
    replace_signs,
    strip_ending,
    tokenise,
)

__all__ = [
    "CURRENCY_WORDS",
    "HYPHENS",
    "LINKING_LETTERS",
    "LITTLE_WORDS",
    "MAX_LINKED_WORDS",
    "NUMBER_ENDINGS",
    "SIGN_WORDS",
    "STOP_WORDS",
    "AcronymDefinition",
    "ContactDetail",
    "Place",
    "PreparedTexts",
    "Segment",
    "Snippet",
    "Token",
    "build_word_keys",
    "can_close_up",
    "cut_around",
    "cut_opening",
    "cut_passage",
    "find_acronym",
    "find_common_start",
    "find_contact_detail",
    "find_definitions",
    "find_passage",
    "find_person_names",
    "find_snippet",
    "find_spoken_acronym",
    "fold_keeping_case",
    "fold_signs",
    "fold_to_letters",
    "has_forms",
    "is_common_word",
    "is_written_closed",
    "list_name_signs",
    "list_runs",
    "load_top_level_domains",
    "mark_spans",
    "mark_title",
    "prepare_texts",
    "replace_signs",
    "stem",
    "strip_ending",
    "tokenise",
]
