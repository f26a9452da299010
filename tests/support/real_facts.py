"""Facts of real questions of 2000 to 2025, and what a page that states them prints.

The facts (names, titles, dates, quirks; no prose) lie outside the repository. Where they are not
there, a small sheet of invented facts in the same format stands in. All words on the pages are
filler of our own, and where a fact is not known an invented name or title is used.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from crawler.replica.date_formats import format_long_date
from tests.support.paths import SHARED
from tests.support.real_quirks import ANSWER_QUIRKS, HOLDING_TEXT, QUESTION_QUIRKS, PrintedLine

_REAL_FACTS_FILE = SHARED / "source" / "data" / "real_questions.jsonl"
_INVENTED_FACTS_FILE = Path(__file__).with_name("data") / "questions.jsonl"
#: Whether the facts are those of real questions.
ARE_FACTS_REAL = _REAL_FACTS_FILE.exists()
FACTS_FILE = _REAL_FACTS_FILE if ARE_FACTS_REAL else _INVENTED_FACTS_FILE
SITE_URL = "https://www.london.gov.uk"
LISTING_PATH = "/who-we-are/what-london-assembly-does/questions-mayor/find-an-answer"


class RealQuestion(msgspec.Struct, frozen=True):
    """One line of the notes; None is what they do not have. Their other fields are not needed."""

    source_url: str
    source_kind: str
    title: str | None
    reference: str | None
    reference_from_url: str | None
    question_by: str | None
    party: str | None
    asked_of: str | None
    meeting_name: str | None
    meeting_date: str | None
    meeting_date_iso: date | None
    answer_date: str | None
    answered_by: str | None
    answer_seen: bool | None
    supplementary_number: int | None
    features: tuple[str, ...]

    def has_feature(self, *words: str) -> bool:
        """Whether a feature says all of ``words``."""
        return any(all(word in feature for word in words) for feature in self.features)

    def find_facet(self, key: str) -> str | None:
        """The value of a search facet in the address, where it says of every row the same.

        The notes have the addresses decoded, so an "&" may be a part of a value.
        """
        pairs = re.split(r"&(?=[\w\[\]]+=)", urlsplit(self.source_url).query)
        found = [pair.partition("=")[2].partition(":") for pair in pairs]
        values = [value for name, _, value in found if name == key]
        return values[0] if len(values) == 1 else None


class PrintedAnswer(msgspec.Struct, frozen=True):
    """One answer as printed."""

    lines: tuple[PrintedLine, ...] = (PrintedLine(),)
    date: date | None = None
    by: str | None = None
    file: str | None = None


class PrintedPage(msgspec.Struct, frozen=True, kw_only=True):
    """What one page prints, whatever its markup."""

    title: str
    asked_by: str
    generation: str = "2022"
    address: str | None = None
    reference: str | None = None
    party: str | None = None
    asked_of: str = "The Mayor"
    meeting: str | None = None
    day: date | None = None
    question: tuple[PrintedLine, ...] = (PrintedLine(),)
    answers: tuple[PrintedAnswer, ...] = (PrintedAnswer(),)
    features: tuple[str, ...] = ()


def read_facts() -> tuple[RealQuestion, ...]:
    """Return the facts, one for each line of the file."""
    lines = FACTS_FILE.read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=RealQuestion) for line in lines)


# ------------------------------------------------------------------ which page states a fact

_YEAR_LAST = re.compile(r"(\d{4}) ?/ ?(\d{4})")
_ROWS = frozenset(("listing_row", "node_listing_row"))


def choose_generation(fact: RealQuestion) -> str:
    """The page design in which the source published what ``fact`` tells.

    Papers and written answers as of their date; but two answers on one page, with dates, are
    only in the designs after 2014's, so those papers are set in today's.
    """
    if fact.source_kind == "blog_of_pre2014_site":
        return "2000"
    if (
        fact.source_kind in _ROWS
        or LISTING_PATH in fact.source_url
        or fact.has_feature("holding then")
    ):
        return "2022"
    if fact.has_feature("holding answer first"):
        return "2022"
    paper = fact.meeting_date_iso and fact.meeting_date_iso.year < 2019
    return "2014" if paper or fact.source_kind == "single_old_markup" else "2019"


def put_year_first(reference: str) -> str:
    """``2008/1364`` of ``1364 / 2008``, the order of the papers of 2008."""
    match = _YEAR_LAST.fullmatch(reference)
    return f"{match[2]}/{match[1]}" if match and not match[1].startswith("20") else reference


def build_address(fact: RealQuestion, number: int) -> str | None:
    """Where the page is: its own address, else one in the manner of its design.

    ``number`` is the fact's line, the counter behind a slug: it must not matter.
    """
    if fact.source_kind in {"seed", "blog_of_pre2014_site"}:
        return None
    if fact.source_kind in {"single_old_markup", "repo_citation"}:
        return fact.source_url
    if choose_generation(fact) == "2022":
        words = re.findall(r"[a-z0-9]+", (fact.title or "untitled").lower())
        return f"{SITE_URL}{LISTING_PATH}/{'-'.join(words)[:60]}-{number}"
    if reference := fact.reference_from_url or fact.reference:
        suffix = "-1" if fact.has_feature("supplementary DOES carry") else ""
        return f"{SITE_URL}/questions/{put_year_first(reference)}{suffix}"
    return None


# ------------------------------------------------------------------ what it prints


def build_printed_page(fact: RealQuestion, number: int) -> PrintedPage:
    """The page of ``fact``, which stands on line ``number`` of the notes."""
    design = choose_generation(fact)
    asked_by = fact.question_by or "Ada Brook AM"
    carried = fact.has_feature("supplementary DOES carry")
    day = fact.meeting_date_iso
    # Today's table has one label for the meeting and its date, and no fact has its name.
    meeting = (
        f"A meeting of the tests on {format_long_date(day)}" if design == "2022" and day else None
    )
    return PrintedPage(
        generation=design,
        address=build_address(fact, number),
        title=fact.title or "A title of the tests",
        # Nobody has seen a number printed on a page of 2014 to 2022, but for one supplementary.
        reference=fact.reference if design in {"2000", "2022"} or carried else None,
        asked_by=asked_by,
        party=_choose_party(fact),
        asked_of=fact.asked_of or fact.find_facet("asked_of") or "The Mayor",
        meeting=meeting or fact.meeting_name,
        day=day,
        question=build_lines(fact, QUESTION_QUIRKS, asked_by),
        answers=_build_answers(fact, asked_by),
        features=fact.features,
    )


def _choose_party(fact: RealQuestion) -> str | None:
    if fact.has_feature("under organisation Labour Group"):
        return "Labour Group"
    return fact.party or fact.find_facet("mqt_organisation") or "Riverside Group"


def build_lines(
    fact: RealQuestion, quirks: dict[str, tuple[PrintedLine, ...]], asker: str
) -> tuple[PrintedLine, ...]:
    """The paragraphs that the quirks of ``fact`` ask for; plain filler where none does."""
    found = [line for feature in fact.features for line in quirks.get(feature, ())]
    return tuple(
        msgspec.structs.replace(line, speaker=line.speaker and line.speaker.format(asker=asker))
        for line in found
    ) or (PrintedLine(),)


def _build_answers(fact: RealQuestion, asker: str) -> tuple[PrintedAnswer, ...]:
    """The answers, with the dates and files that the facts name."""
    by = fact.answered_by
    if (
        fact.source_kind == "order_paper"
        or fact.has_feature("then NOTHING")
        or fact.has_feature("not yet")
    ):
        return ()
    if fact.has_feature("HOLDING:"):
        return (PrintedAnswer((PrintedLine(HOLDING_TEXT),), by=by),)
    day = _parse_answer_day(fact) or _invent_answer_day(fact)
    reply = PrintedAnswer(build_lines(fact, ANSWER_QUIRKS, asker), day, by)
    if fact.has_feature("holding then") or fact.has_feature("holding answer first"):
        return (PrintedAnswer((PrintedLine(HOLDING_TEXT),)), reply)
    if named := next((f for f in fact.features if f.startswith("attachment file name")), None):
        return (msgspec.structs.replace(reply, file=named.split('"')[1]),)
    return (reply,)


def _invent_answer_day(fact: RealQuestion) -> date | None:
    """An answer's date of our own, where the design prints one and no fact has it."""
    day = fact.meeting_date_iso
    return day + timedelta(days=7) if day and choose_generation(fact) == "2022" else None


def _parse_answer_day(fact: RealQuestion) -> date | None:
    """The answer's date, of which the notes have three shapes besides "(fetched ...)"."""
    text = fact.answer_date or ""
    if match := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", text):
        return date(int(match[3]), int(match[2]), int(match[1]))
    if match := re.fullmatch(r"(\d+)(?:th)? (January|November) (\d{4})", text):
        return date(int(match[3]), {"January": 1, "November": 11}[match[2]], int(match[1]))
    return None
