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

from alerts.feeds import FeedIdentity
from alerts.rendering import clean_xml_text, normalise_link, question_path
from crawler.records import Answer, Question, Speech

_NAMESPACE = "http://docs.oasis-open.org/legaldocml/ns/akn/3.0"
_AKN = ElementMaker(namespace=_NAMESPACE, nsmap={None: _NAMESPACE})
#: Where a source's papers are filed: ISO 3166 and, for a city, the part of the country.
_JURISDICTIONS = {"london": "gb-eng", "uk-parliament": "gb"}


def build_debate(
    thread: Sequence[Question], feed_identity: FeedIdentity, first_seen: date
) -> bytes:
    """The question and its supplementaries; ``first_seen`` is the day on which we had it first."""
    people = _PersonReferences()
    sections = [_build_section(number, one, people) for number, one in enumerate(thread, 1)]
    first = thread[0]
    document = _AKN.akomaNtoso(
        _AKN.debate(
            _build_meta(first, people, feed_identity, first_seen),
            _AKN.debateBody(
                _AKN.debateSection(
                    _AKN.heading(_clean_text(first.title or first.id)),
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


class _PersonReferences:
    """Who is named, each once, by the sign that the text refers to them with."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def add_reference(self, name: str) -> str:
        """``#ada-brook``"""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        key = "-".join(re.findall(r"[a-z0-9]+", plain)) or "somebody"
        key = key if key[0].isalpha() else f"p-{key}"
        self.names.setdefault(key, name)
        return f"#{key}"


def _build_meta(
    question: Question, people: _PersonReferences, feed_identity: FeedIdentity, first_seen: date
) -> Any:
    day = (question.meeting.date if question.meeting else None) or first_seen
    country = _JURISDICTIONS.get(question.source, "gb")
    number = re.sub(r"[^A-Za-z0-9]+", "-", question.reference or question.id).strip("-").lower()
    work = f"/akn/{country}/debate/questions/{day}/{number}"
    read = f"{work}/eng@{first_seen}"
    authority = f"{feed_identity.public_url or feed_identity.home_url}"
    page = (
        normalise_link(question.url)
        or f"{feed_identity.public_url or ''}{question_path(question.id)}"
    )
    levels = [
        _build_frbr_level("FRBRWork", work, day, "question", _AKN.FRBRcountry(value=country)),
        _build_frbr_level(
            "FRBRExpression", read, first_seen, "reading", _AKN.FRBRlanguage(language="eng")
        ),
        _build_frbr_level("FRBRManifestation", f"{read}.akn", first_seen, "reading"),
    ]
    organisation = _AKN.TLCOrganization(
        eId="watchword", href=authority, showAs=clean_xml_text(feed_identity.name)
    )
    return _AKN.meta(
        _AKN.identification(*levels, source="#watchword"),
        _AKN.references(
            _AKN.original(eId="original", href=page, showAs="the source's page"),
            organisation,
            *(
                _AKN.TLCPerson(
                    eId=key, href=f"/akn/ontology/person/{country}/{key}", showAs=_clean_text(n)
                )
                for key, n in people.names.items()
            ),
            source="#watchword",
        ),
    )


def _build_frbr_level(kind: str, uri: str, day: date, date_name: str, *more: Any) -> Any:
    return getattr(_AKN, kind)(
        _AKN.FRBRthis(value=f"{uri}/!main"),
        _AKN.FRBRuri(value=uri),
        _AKN.FRBRdate(date=day.isoformat(), name=date_name),
        _AKN.FRBRauthor(href="#watchword"),
        *more,
    )


def _build_section(number: int, question: Question, people: _PersonReferences) -> Any:
    asker = question.asked_by.name if question.asked_by else "Not known"
    to = question.asked_of[0].name if question.asked_of else None
    asked = _AKN.question(
        _AKN("from", _clean_text(asker)),
        *_build_paragraphs(question.question),
        by=people.add_reference(asker),
        eId=f"question_{number}",
        **({"to": people.add_reference(to)} if to else {}),
    )
    answers = [
        _build_answer(f"{number}_{place}", answer, people)
        for place, answer in enumerate(question.answers, 1)
    ]
    heading = _AKN.heading(_clean_text(question.title or question.id))
    return _AKN.debateSection(
        heading, asked, *answers, name="question", eId=f"dbsect_1__dbsect_{number}"
    )


def _build_answer(number: str, answer: Answer, people: _PersonReferences) -> Any:
    by = answer.answered_by[0] if answer.answered_by else "Not known"
    times = {"startTime": f"{answer.date}T00:00:00"} if answer.date else {}
    return _AKN.answer(
        _AKN("from", _clean_text(by)),
        *_build_paragraphs(answer.speeches),
        by=people.add_reference(by),
        eId=f"answer_{number}",
        **times,
    )


def _build_paragraphs(speeches: Iterable[Speech]) -> Iterator[Any]:
    empty = True
    for speech in speeches:
        for text in speech.paragraphs:
            empty = False
            yield _AKN.p(_clean_text(text))
    if empty:
        yield _AKN.p()


def _clean_text(text: str) -> str:
    return clean_xml_text(text)
