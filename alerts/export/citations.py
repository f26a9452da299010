"""A question as a citation: a line to copy, BibTeX, and CSL-JSON for reference managers. Pure.

CSL-JSON: https://docs.citationstyles.org/en/stable/specification.html, appendices III and IV.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import msgspec

from alerts.language import format_day, gettext
from alerts.rendering import normalise_link
from crawler.records import Question, name_question

#: What TeX reads as commands, and how each is printed.
_TEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


class Citation(msgspec.Struct, frozen=True):
    """One question, to be cited."""

    key: str  #: in BibTeX, and the name of the files: ``question-2026-1303``
    text: str
    bibtex: str
    csl_json: str


def build_citation(question: Question, url: str, site: str, accessed_on: date) -> Citation:
    """Return how to cite a question.

    Args:
        question: The question.
        url: Of our page of it, with its thread and history.
        site: What people know its source by: ``www.london.gov.uk``.
        accessed_on: The day of the visit.
    """
    ending = question.reference or question.id.rpartition(":")[2]
    key = "-".join(["question", *re.findall(r"[A-Za-z0-9]+", ending)])
    return Citation(
        key,
        _build_text(question, url, site, accessed_on),
        _build_bibtex(question, key, url, site, accessed_on),
        _build_csl(question, key, url, site, accessed_on),
    )


def _build_text(question: Question, url: str, site: str, accessed_on: date) -> str:
    asker = question.asked_by.name if question.asked_by else None
    day = question.meeting.date if question.meeting else None
    number = gettext("question")
    if question.reference:
        number = gettext("question %(reference)s") % {"reference": question.reference}
    parts = [
        asker,
        f"“{name_question(question)}”",
        number,
        site,
        format_day(day) if day else None,
        normalise_link(question.url),
    ]
    cited = ", ".join(part for part in parts if part)
    values = {"cited": cited, "url": url, "day": format_day(accessed_on)}
    return gettext("%(cited)s. Thread and history: %(url)s, accessed %(day)s.") % values


def _build_bibtex(question: Question, key: str, url: str, site: str, accessed_on: date) -> str:
    day = question.meeting.date if question.meeting else None
    number = f"Question {question.reference}" if question.reference else None
    fields = {
        "author": question.asked_by and f"{{{_escape_tex(question.asked_by.name)}}}",
        "title": f"{{{_escape_tex(name_question(question))}}}",
        "howpublished": _escape_tex(site),
        "number": number and _escape_tex(number),
        "year": day and f"{day.year}",
        "month": day and f"{day.month}",
        "day": day and f"{day.day}",
        "url": normalise_link(question.url) or url,
        "urldate": accessed_on.isoformat(),
        "note": f"Thread and history: \\url{{{url}}}",
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}", ""])


def _escape_tex(text: str) -> str:
    return "".join(_TEX_ESCAPES.get(character, character) for character in text)


def _build_csl(question: Question, key: str, url: str, site: str, accessed_on: date) -> str:
    day = question.meeting.date if question.meeting else None
    values: dict[str, Any] = {
        "id": key,
        "type": "webpage",
        "title": name_question(question),
        "author": [{"literal": question.asked_by.name}] if question.asked_by else None,
        "container-title": site,
        "number": question.reference,
        "issued": day and {"date-parts": [[day.year, day.month, day.day]]},
        "accessed": {"date-parts": [[accessed_on.year, accessed_on.month, accessed_on.day]]},
        "URL": normalise_link(question.url) or url,
        "note": f"Thread and history: {url}",
    }
    item = {name: value for name, value in values.items() if value}
    return msgspec.json.format(msgspec.json.encode([item]), indent=2).decode()
