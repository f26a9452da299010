"""A thread as a debate in Akoma Ntoso 3.0 (OASIS LegalDocML), the parliaments' own XML. Pure.

Its identifiers follow the Naming Convention 1.0, in the jurisdiction that we file the source under.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from alerts.feeds.items import clean
from alerts.feeds.json_feed import Imprint
from alerts.rendering.urls import question_path, web_address
from crawler.records import Answer, Question, Speech

_NAMESPACE = "http://docs.oasis-open.org/legaldocml/ns/akn/3.0"
_A = ElementMaker(namespace=_NAMESPACE, nsmap={None: _NAMESPACE})
#: Where a source's papers are filed: ISO 3166 and, for a city, the part of the country.
_COUNTRY = {"london": "gb-eng", "uk-parliament": "gb"}


def debate(thread: Sequence[Question], imprint: Imprint, seen: date) -> bytes:
    """The question and its supplementaries; ``seen`` is the day on which we had it first."""
    people = _People()
    sections = [_section(number, one, people) for number, one in enumerate(thread, 1)]
    first = thread[0]
    document = _A.akomaNtoso(
        _A.debate(
            _meta(first, people, imprint, seen),
            _A.debateBody(
                _A.debateSection(
                    _A.heading(_said(first.title or first.id)),
                    *sections,
                    name="questions",
                    eId="dbsect_1",
                )
            ),
            name="questions",
        )
    )
    made: bytes = etree.tostring(
        document, xml_declaration=True, encoding="UTF-8", pretty_print=True
    )
    return made


class _People:
    """Who is named, each once, by the sign that the text refers to them with."""

    def __init__(self) -> None:
        self.named: dict[str, str] = {}

    def sign(self, name: str) -> str:
        """``#ada-brook``"""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        key = "-".join(re.findall(r"[a-z0-9]+", plain)) or "somebody"
        key = key if key[0].isalpha() else f"p-{key}"
        self.named.setdefault(key, name)
        return f"#{key}"


def _meta(question: Question, people: _People, imprint: Imprint, seen: date) -> Any:
    day = (question.meeting.date if question.meeting else None) or seen
    country = _COUNTRY.get(question.source, "gb")
    number = re.sub(r"[^A-Za-z0-9]+", "-", question.reference or question.id).strip("-").lower()
    work = f"/akn/{country}/debate/questions/{day}/{number}"
    read = f"{work}/eng@{seen}"
    authority = f"{imprint.public_url or imprint.home_url}"
    page = web_address(question.url) or f"{imprint.public_url or ''}{question_path(question.id)}"
    levels = [
        _level("FRBRWork", work, day, "question", _A.FRBRcountry(value=country)),
        _level("FRBRExpression", read, seen, "reading", _A.FRBRlanguage(language="eng")),
        _level("FRBRManifestation", f"{read}.akn", seen, "reading"),
    ]
    organisation = _A.TLCOrganization(eId="watchword", href=authority, showAs=clean(imprint.name))
    return _A.meta(
        _A.identification(*levels, source="#watchword"),
        _A.references(
            _A.original(eId="original", href=page, showAs="the source's page"),
            organisation,
            *(
                _A.TLCPerson(eId=key, href=f"/akn/ontology/person/{country}/{key}", showAs=_said(n))
                for key, n in people.named.items()
            ),
            source="#watchword",
        ),
    )


def _level(kind: str, uri: str, day: date, what: str, *more: Any) -> Any:
    return getattr(_A, kind)(
        _A.FRBRthis(value=f"{uri}/!main"),
        _A.FRBRuri(value=uri),
        _A.FRBRdate(date=day.isoformat(), name=what),
        _A.FRBRauthor(href="#watchword"),
        *more,
    )


def _section(number: int, question: Question, people: _People) -> Any:
    asker = question.asked_by.name if question.asked_by else "Not known"
    to = question.asked_of[0].name if question.asked_of else None
    asked = _A.question(
        _A("from", _said(asker)),
        *_paragraphs(question.question),
        by=people.sign(asker),
        eId=f"question_{number}",
        **({"to": people.sign(to)} if to else {}),
    )
    answers = [
        _answer(f"{number}_{place}", answer, people)
        for place, answer in enumerate(question.answers, 1)
    ]
    heading = _A.heading(_said(question.title or question.id))
    return _A.debateSection(
        heading, asked, *answers, name="question", eId=f"dbsect_1__dbsect_{number}"
    )


def _answer(number: str, answer: Answer, people: _People) -> Any:
    by = answer.answered_by[0] if answer.answered_by else "Not known"
    times = {"startTime": f"{answer.date}T00:00:00"} if answer.date else {}
    return _A.answer(
        _A("from", _said(by)),
        *_paragraphs(answer.speeches),
        by=people.sign(by),
        eId=f"answer_{number}",
        **times,
    )


def _paragraphs(speeches: Iterable[Speech]) -> Iterator[Any]:
    empty = True
    for speech in speeches:
        for text in speech.paragraphs:
            empty = False
            yield _A.p(_said(text))
    if empty:
        yield _A.p()


def _said(text: str) -> str:
    return clean(text)
