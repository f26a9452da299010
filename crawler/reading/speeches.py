"""A run of paragraphs split into speeches, in order, no word lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crawler.reading.items import Paragraph
from crawler.reading.names import identify_person
from crawler.reading.speaker_labels import read_speaker
from crawler.records import Speech


def split_speeches(
    body: Sequence[Paragraph], first_speaker: str | None, known_people: Iterable[str] = ()
) -> tuple[Speech, ...]:
    """The speeches in ``body``; ``first_speaker`` speaks until the first label.

    ``known_people`` are the people whom the page names, as printed: their bare names are taken for
    labels too. Whoever is labelled once with honours or a role is known from there on. Some pages
    begin with an orphan colon where the speaker's name is lost (2000/0420-0): it is dropped.
    """
    people = {slug for name in known_people if (slug := identify_person(name))}
    speeches: list[tuple[str | None, list[str]]] = [(first_speaker, [])]
    for number, paragraph in enumerate(body):
        text = paragraph.text.removeprefix(":").strip() if number == 0 else paragraph.text
        found = read_speaker(text, paragraph.bold, frozenset(people))
        if found:
            label, text = found
            if slug := identify_person(label):
                people.add(slug)
            speeches.append((label, []))
        if text:
            speeches[-1][1].append(text)
    return tuple(
        Speech(speaker, tuple(words))
        for number, (speaker, words) in enumerate(speeches)
        if words or number > 0
    )
