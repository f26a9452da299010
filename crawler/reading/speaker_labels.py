"""Speakers' labels at the start of paragraphs: ``Caroline Pidgeon MBE AM:  Thank you.`` Pure.

A heading taken for a label gives a person's words to the heading. A label that is missed gives
them to the previous speaker. So a name needs evidence; :func:`_is_speaker_label` lists the kinds.
"""

from __future__ import annotations

import re

from crawler.reading.names import (
    NAME_PATTERN,
    ROLE_PATTERN,
    TITLE_PATTERN,
    identify_person,
    is_known_person,
)
from crawler.reading.visible_text import clean_text

#: The longest label seen has 85 characters; a colon after 120 does not end a label.
_MAX_LABEL_LENGTH = 120

#: An office that speaks without a name: ``The Chair``, ``Chair, London Assembly``.
_OFFICE = re.compile(
    r"""
    (?:The\ )?(?:(?:Acting|Deputy|Interim|Vice)[ -])?
    (?: Mayor(?:\ of\ London)?
      | Chair(?:man|person|woman)?(?:(?:,|\ of)(?:\ the)?\ (?:London\ )?Assembly)? )
    (?:\ \([^()]*\))?
    | The\ (?:Deputy\ )?Commissioner
    """,
    re.VERBOSE,
)
_BRACKET = r"\ \((?:[^()]|\([^()]*\))*\)"
#: What may stand between a name and the colon, besides honours: a role, in brackets or not.
_NAME_SUFFIX = re.compile(
    rf"(?:{_BRACKET}|,?\ {ROLE_PATTERN}\b"
    r"(?:,?\ (?:[^\W\d_a-z][^\s,]*|of|for|the|and|&|in|to|on))*)?"
    rf"(?:\ (?:AM|MP))*",
    re.VERBOSE,
)
#: A role that a person holds. "(Mayor's Strategy)" is none.
_STATED_ROLE = re.compile(rf"\b(?=[A-Z]){ROLE_PATTERN}\b(?!['’]s)|\b(?:AM|MP)\b", re.VERBOSE)

#: Words of bold headings and places, which are capitalised like names: "Next Steps:".
_HEADING_WORD = re.compile(
    r"""\b(?:
    Action|Actions|Additional|Affordable|Air|Airport|Annual|Answer|Answers|Apologies|Appendix
    |April|Area|Arena|August|Avenue|Average|Background|Band|Bank|Borough|Bridge|Budget|Bus|Buses
    |Central|Centre|City|Common|Conclusion|Context|Corridor|Cost|Costs|Council|Crime|Cross
    |Culture|Current|Cycle|Date|December|Delivery|Details|Docks|Early|East|Economic|Education
    |Elms|Energy|Environment|Estate|Estimated|Example|Executive|Extension|February|Figure|Figures
    |Fire|Five|Following|Forest|Four|Friday|Fund|Funding|Further|Future|Gap|Gardens|Gateway|Good
    |Grand|Greater|Green|Growth|Hamlets|Health|Hill|Homes|Hospital|House|How|Impact|Improving
    |Information|Inner|International|Introduction|Investment|January|July|Junction|June|Key|Lane
    |Latest|Line|Local|Main|March|Market|Meeting|Members|Monday|More|National|New|Next|North|Note
    |Notes|November|Number|Objective|Objectives|October|Old|One|Open|Opportunity|Oral|Order|Other
    |Our|Outcome|Outcomes|Outer|Overall|Overview|Palace|Park|Part|Phase|Plan|Please|Point|Points
    |Policy|Present|Priorities|Priority|Programme|Progress|Project|Projects|Public|Quality
    |Quarter|Question|Questions|Rail|Recommendation|Recommendations|Reference|Report|Reports
    |Response|Responses|River|Riverside|Road|Royal|Safe|Safety|Saturday|Scheme|Schemes|School
    |Second|Section|September|Sleeping|Social|Some|Source|South|Space|Square|Stadium|Stage
    |Station|Stations|Step|Steps|Strategy|Street|Summary|Sunday|Supplementary|Supporting|Table
    |Tables|Target|Targets|Thames|The|Then|These|Third|This|Those|Three|Thursday|Timetable|Title
    |To|Total|Town|Train|Tube|Tuesday|Tunnel|Two|Unit|Update|Valley|Value|Village|Violent|Water
    |Waterfront|Wednesday|West|Wharf|What|When|Where|Which|Why|Wick|Wood|Written|Year|Years|Your
    |Youth|Zone
    # the boroughs, and the halves of their names
    |Barking|Barnet|Bexley|Brent|Bromley|Camden|Chelsea|Croydon|Dagenham|Ealing|Enfield|Fulham
    |Greenwich|Hackney|Hammersmith|Haringey|Harrow|Havering|Hillingdon|Hounslow|Islington
    |Kensington|Kingston|Lambeth|Lewisham|Merton|Newham|Redbridge|Richmond|Southwark|Sutton
    |Wandsworth|Westminster
    )\b
    | ['’]s\b | ^St\b  # King's Cross, St Pancras
    """,
    re.VERBOSE,
)


def read_speaker(line: str, bold: str, known_people: frozenset[str]) -> tuple[str, str] | None:
    """Return the speaker's label at the start of ``line``, and the text after its colon.

    Args:
        line: One paragraph.
        bold: The bold run at the start of the line, empty if there is none.
        known_people: Identities of the people whom the page has named so far.

    Returns:
        None if the line starts with no label. The text after the label may be empty: the speech is
        then in the paragraphs that follow.
    """
    text = clean_text(line)
    end = _find_colon(text)
    if end is None:
        return None
    label, rest = text[:end].strip(), text[end + 1 :].strip()
    strong = clean_text(bold).rstrip(": ") == label
    return (
        (label, rest) if _is_speaker_label(label, rest, known_people, is_all_bold=strong) else None
    )


def _find_colon(text: str) -> int | None:
    """Return the place of the first colon outside brackets, None if no label can end there."""
    depth = 0
    for place, character in enumerate(text[: _MAX_LABEL_LENGTH + 1]):
        depth += (character == "(") - (character == ")")
        if character == ":" and depth <= 0:
            return place
    return None


def _is_speaker_label(
    label: str, rest: str, known_people: frozenset[str], *, is_all_bold: bool
) -> bool:
    """Return whether ``label`` names a speaker.

    ``is_all_bold`` says that the bold run at the start of the paragraph is the label and no more.
    """
    if _OFFICE.fullmatch(label):
        return True
    match = NAME_PATTERN.match(label)
    if not match or not _NAME_SUFFIX.fullmatch(tail := label[match.end() :]):
        return False
    slug = identify_person(match["name"])
    if slug in known_people or is_known_person(slug):
        return True
    if match["honours"] or _STATED_ROLE.search(tail):
        return True
    if tail or rest[:1].isdigit() or rest.startswith("£"):
        return False  # a list of places, where a figure follows: "Waltham Forest: 35"
    # A bare name in bold has only its capitals as evidence, and headings have them too.
    return TITLE_PATTERN.match(label) is not None or (
        is_all_bold and not _HEADING_WORD.search(label)
    )
