"""A thread as a debate in Akoma Ntoso 3.0 (OASIS LegalDocML), the XML of parliaments. Pure.

Its identifiers follow the Akoma Ntoso Naming Convention 1.0.
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
from crawler.records import Answer, Question, Speech, name_question

_NAMESPACE = "http://docs.oasis-open.org/legaldocml/ns/akn/3.0"
_AKN = ElementMaker(namespace=_NAMESPACE, nsmap={None: _NAMESPACE})
#: The jurisdiction in identifiers, by source: ISO 3166-1, or 3166-2 for a part of a country.
_JURISDICTIONS = {"london": "gb-eng", "uk-parliament": "gb"}


def build_debate(thread: Sequence[Question], identity: FeedIdentity, first_seen: date) -> bytes:
    """Return a thread as an Akoma Ntoso document.

    Args:
        thread: A question and its supplementaries; at least one.
        identity: Who publishes the document.
        first_seen: The day on which we first read the question.
    """
    people = _PersonReferences()
    sections = [
        _build_section(number, question, people) for number, question in enumerate(thread, 1)
    ]
    first = thread[0]
    document = _AKN.akomaNtoso(
        _AKN.debate(
            _build_meta(first, people, identity, first_seen),
            _AKN.debateBody(
                _AKN.debateSection(
                    _AKN.heading(clean_xml_text(name_question(first))),
                    *sections,
                    name="questions",
                    eId="dbsect_1",
                )
            ),
            name="questions",
        )
    )
    xml: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return xml


class _PersonReferences:
    """The people who are named, each once, by the id that the text refers to them with."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def add_reference(self, name: str) -> str:
        """Return the reference to a person, ``#ada-brook``, and keep their name."""
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        key = "-".join(re.findall(r"[a-z0-9]+", plain)) or "somebody"
        key = key if key[0].isalpha() else f"p-{key}"
        self.names.setdefault(key, name)
        return f"#{key}"


def _build_meta(
    question: Question, people: _PersonReferences, identity: FeedIdentity, first_seen: date
) -> Any:
    day = (question.meeting.date if question.meeting else None) or first_seen
    country = _JURISDICTIONS.get(question.source, "gb")
    number = re.sub(r"[^A-Za-z0-9]+", "-", question.reference or question.id).strip("-").lower()
    work = f"/akn/{country}/debate/questions/{day}/{number}"
    expression = f"{work}/eng@{first_seen}"
    authority = f"{identity.public_url or identity.home_url}"
    page = (
        normalise_link(question.url) or f"{identity.public_url or ''}{question_path(question.id)}"
    )
    levels = [
        _build_frbr_level("FRBRWork", work, day, "question", _AKN.FRBRcountry(value=country)),
        _build_frbr_level(
            "FRBRExpression", expression, first_seen, "reading", _AKN.FRBRlanguage(language="eng")
        ),
        _build_frbr_level("FRBRManifestation", f"{expression}.akn", first_seen, "reading"),
    ]
    organisation = _AKN.TLCOrganization(
        eId="watchword", href=authority, showAs=clean_xml_text(identity.name)
    )
    return _AKN.meta(
        _AKN.identification(*levels, source="#watchword"),
        _AKN.references(
            _AKN.original(eId="original", href=page, showAs="the source's page"),
            organisation,
            *(
                _AKN.TLCPerson(
                    eId=key, href=f"/akn/ontology/person/{country}/{key}", showAs=clean_xml_text(n)
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
        _AKN("from", clean_xml_text(asker)),
        *_build_paragraphs(question.question),
        by=people.add_reference(asker),
        eId=f"question_{number}",
        **({"to": people.add_reference(to)} if to else {}),
    )
    answers = [
        _build_answer(f"{number}_{place}", answer, people)
        for place, answer in enumerate(question.answers, 1)
    ]
    heading = _AKN.heading(clean_xml_text(name_question(question)))
    return _AKN.debateSection(
        heading, asked, *answers, name="question", eId=f"dbsect_1__dbsect_{number}"
    )


def _build_answer(number: str, answer: Answer, people: _PersonReferences) -> Any:
    by = answer.answered_by[0] if answer.answered_by else "Not known"
    times = {"startTime": f"{answer.date}T00:00:00"} if answer.date else {}
    return _AKN.answer(
        _AKN("from", clean_xml_text(by)),
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
            yield _AKN.p(clean_xml_text(text))
    if empty:
        yield _AKN.p()
