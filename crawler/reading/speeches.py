"""The split of a text into speeches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crawler.reading.items import Paragraph
from crawler.reading.names import identify_person
from crawler.reading.speaker_labels import read_speaker
from crawler.records import Speech


def split_speeches(
    body: Sequence[Paragraph], first_speaker: str | None, known_people: Iterable[str] = ()
) -> tuple[Speech, ...]:
    """Return the speeches in ``body``, in order, with every word.

    A person who is labelled once with honours or a role is known from there on. Some pages start
    with a colon without a name (2000/0420-0): it is dropped.

    Args:
        body: The paragraphs.
        first_speaker: Who speaks until the first label; None if it is not known.
        known_people: People whom the page names, as printed. Their bare names count as labels.
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
