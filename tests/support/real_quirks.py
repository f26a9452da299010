"""The quirks of real pages, put into words of our own.

A quirk is named as the facts name it. Each is either in the words (the two tables here), in the
facts themselves, or in how the page is laid out; a test holds that none is forgotten.
"""

from __future__ import annotations

import msgspec

FILLER = "Filler text of the tests, no real words."
HOLDING_TEXT = "Officers are drafting a response which will be sent shortly."


class PrintedLine(msgspec.Struct, frozen=True):
    """One paragraph as printed: its speaker's label, if it has one, and its words."""

    words: str = FILLER
    speaker: str | None = None  #: "" is a label of which only the colon is left
    bold: str = ""  #: a bold run that the words begin with


#: What a feature puts into the question's words. ``{asker}`` is the asker as printed.
QUESTION_QUIRKS: dict[str, tuple[PrintedLine, ...]] = {
    'question text starts with orphan ": " (speaker name lost)': (PrintedLine(speaker=""),),
    "dialogue INSIDE the question body": (
        PrintedLine(),
        PrintedLine(speaker="Sally Hamwee (Chair)"),
        PrintedLine(speaker="{asker}"),
    ),
    "unattributed interjection paragraph": (PrintedLine("Filler that interrupts."),),
    '"The Chair:" as a speaker': (PrintedLine(speaker="The Chair"),),
    "several paragraphs": (PrintedLine("Filler, the last paragraph."),),
    "not a question (point of order)": (PrintedLine("Filler that asks nothing"),),
    "no question asked": (PrintedLine("Filler that asks nothing."),),
    "unbalanced quotes": (PrintedLine("Filler with a “quote that never ends."),),
    'lost paragraph breaks ("streets.We")': (PrintedLine("Filler of the tests.Filler again."),),
    'trailing " ."': (PrintedLine("Filler text of the tests ."),),
    "text ends without punctuation": (PrintedLine("Filler text of the tests"),),
    "no final full stop": (PrintedLine("Filler text of the tests"),),
    'apostrophe stored as "-" ("officers- time")': (PrintedLine("The tests- filler."),),
    "dash stored as apostrophe": (PrintedLine("Filler ' no real words."),),
    'closing quote stored as ",-"': (PrintedLine("Filler with a 'quote,- no real words."),),
    "stray space inside a word": (PrintedLine("Fill er text of the tests."),),
    'question starts with own name "<Name> (AM):"': (PrintedLine(speaker="{asker} (AM)"),),
    "(round-bracket) editorial insertion": (PrintedLine("Filler (of the tests) text."),),
    "straight quotes mixed with U+2026": (PrintedLine("Filler \"text\" 'of' the tests…"),),
    "lettered list inline": (PrintedLine("Filler: (a) of; (b) the; (c) tests."),),
    '"AM MP:" double honour': (PrintedLine(speaker="{asker} AM MP"),),
    "£ sign": (PrintedLine("Filler of £20."),),
    "trailing space": (PrintedLine(f"{FILLER} "),),
    "curly double quotes": (PrintedLine("Filler “text” of the tests."),),
    "mismatched curly quotes": (PrintedLine("Filler ”text” of ‘the‘ tests."),),
    "U+2011 inside a compound word": (PrintedLine("Filler with no real\u2011word."),),
    '"[---]" cut mark in the text': (PrintedLine("Filler [---] of the tests."),),
    'doubled word "that that" (sic)': (PrintedLine("Filler that that is no mistake."),),
    'double spaces and " ,"': (PrintedLine("Filler  text , of  the tests."),),
    "bullet list as paragraphs with leading NBSPs": (
        PrintedLine("Filler:"),
        PrintedLine("\u00a0\u00a0\u00a0one bullet of the tests"),
        PrintedLine("\u00a0\u00a0\u00a0another"),
    ),
    "asker label has a straight apostrophe, text has U+2019": (
        PrintedLine(speaker="Steve O’Connell AM"),
    ),
    'question starts "[to the Interim Chief Executive]"': (
        PrintedLine(f"[to the Interim Chief Executive] {FILLER}"),
    ),
    'footnote digit glued into text " 1 Given"': (
        PrintedLine("Filler of the tests. 1 Given that."),
    ),
    'teaser cut with "..."': (PrintedLine(" ".join([FILLER] * 20)),),
    "whole dialogue flattened into one teaser paragraph": (
        PrintedLine(speaker="{asker} AM"),
        PrintedLine(speaker="The Chair"),
    ),
    "U+2011 U+2011 as a dash": (PrintedLine("Filler \u2011\u2011 of the tests."),),
    'broken first word "T hank you" (bold run split)': (PrintedLine(bold="F"),),
    '"T hank you"': (PrintedLine(bold="F"),),
    "U+2011 non-breaking hyphen used as a dash": (PrintedLine("Filler \u2011 of the tests."),),
    "NBSP + space double spaces": (PrintedLine("Filler.\u00a0 No real words."),),
    "square-bracket editorial insertions": (PrintedLine("Filler [of the tests]."),),
}

#: What a feature puts into the answer's words.
ANSWER_QUIRKS: dict[str, tuple[PrintedLine, ...]] = {
    '"The Chair:" speaks inside the answer': (PrintedLine(), PrintedLine(speaker="The Chair")),
    "Chair speaks at the end of the answer": (
        PrintedLine(),
        PrintedLine(speaker="Jennette Arnold OBE (Chair)"),
    ),
    "3-paragraph answer": (
        PrintedLine("Filler, one."),
        PrintedLine("Filler, two."),
        PrintedLine("Filler, three."),
    ),
    "written-form main question with ORAL dialogue in the answer": (
        PrintedLine(speaker="Boris Johnson (Mayor of London)"),
        PrintedLine(speaker="{asker} (AM)"),
        PrintedLine("Filler, a second paragraph."),
        PrintedLine(speaker="The Chair"),
    ),
    '"Boris Johnson MP (Mayor of London):"': (
        PrintedLine(speaker="Boris Johnson MP (Mayor of London)"),
    ),
    'dialogue: "<Name> AM:" / "Sadiq Khan (Mayor of London):"': (
        PrintedLine(),
        PrintedLine(speaker="{asker} AM"),
        PrintedLine(speaker="Sadiq Khan (Mayor of London)"),
    ),
    "oral-answer style dates in [ ]": (PrintedLine("Filler of [29 November 2021] and before."),),
    '"Oral response" placeholder': (PrintedLine("Oral response"),),
    'body is the literal placeholder "Oral response"': (PrintedLine("Oral response"),),
    'ends in " --"': (PrintedLine("Filler that is cut off --"),),
}

#: What needs no words: the title, the names, the address or the number have it.
QUIRKS_IN_FACTS = frozenset(
    (
        '"&" variant of the same session prefix',
        '"MP" honour newer than the meeting',
        "**MAIN question although the URL ends -0** (number collides with an MQT question)",
        "**reference with a suffix: YYYY/NNNN-N**",
        "5-digit number",
        'REVERSED reference "NNNN / YYYY"',
        "URL form /questions/YYYY/NNNN/<slug>",
        "URL suffix 18 != [19]",
        "URL suffix == supplementary number",
        "a Green asker under organisation City Hall Conservatives",
        "ampersand in title",
        "apostrophe in name",
        "asked of an adviser by bare name",
        "asked of an outside body",
        'asked_of value misspelt "Cresida"',
        "colon in title",
        "curly apostrophe in title",
        "honour newer than the meeting",
        "listing order is not reference order (1693,1695,1696,1694)",
        "lower-case title",
        "misspelt title (sic)",
        "not a question; has a reference",
        "numbered series of near-duplicate titles",
        "party facet renamed in retrospect (was GLA Conservatives)",
        "party shown = the supplementary ASKER's (parent was Labour)",
        "peer title as the facet name",
        "row cut in the excerpt",
        "shown under organisation Labour Group although asker is Lib Dem",
        "slash in title",
        "slug = title lower-cased, brackets dropped",
        "string-sorted? order seen 7,11,17,25,3",
        "suffixed reference on an ordinary plenary main question",
        'title carries a literal "Question: " prefix',
        "two bracketed groups in the title",
        "very long title: agenda question + subject",
        "year of the id (2020 answer date) differs from the question year (2019/20888)",
    )
)

#: What is in the layout of the page.
QUIRKS_IN_LAYOUT = frozenset(
    (
        '"Meeting date 16/07/2008"',
        '"Question number 1500/2008"',
        '"[Main question]"',
        'HOLDING: "Officers are drafting a response which will be sent shortly."',
        'attachment file name "MQ2019_19838 - Tube Capacity (1).xlsx"',
        'heading "Answer for ..." then NOTHING',
        "here a supplementary DOES carry the parent number 2021/0393",
        (
            'holding answer first, then "Written response from the Mayor received 28/06/2016" '
            "(dd/mm/yyyy)"
        ),
        "holding then substantive",
        'label "Supplementary To:" present but empty',
        'no "Supplementary To" label',
        "no labels in the captured text",
        "title absent at top of captured text (only in answer heading)",
        "title printed 3 times",
        'unanswered text: "Answer not yet available."',
    )
)

#: What other publications add to a page of the source, and the source's own page lacks.
QUIRKS_OF_OTHER_SITES = frozenset(
    (
        '"(Oral)" after the number',
        'TWFY prints "answered at on 29 November 2021"',
    )
)
