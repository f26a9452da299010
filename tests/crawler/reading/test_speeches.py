"""Paragraphs split by speaker: every word once, in order, with its speaker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.pages import read_question
from crawler.reading import Document
from crawler.reading.items import Paragraph
from crawler.reading.speeches import split_speeches
from crawler.reading.visible_text import split_plain_text
from crawler.records import Speech
from tests.support.paragraph_labels import BOROUGHS, NOT_LABELS, SPEAKER_LABELS

#: Labels that were seen in real dialogues.
SEEN = [
    "Sadiq Khan (Mayor of London)",
    "Boris Johnson MP (Mayor of London)",
    "Sadiq Khan (Chair, Transport for London)",
    "Caroline Pidgeon MBE AM",
    "Valerie Shawcross CBE (AM)",
    "Kit Malthouse AM MP",
    "Andrew Dismore (Assembly Member for Barnet and Camden)",
    "Andrew Boff AM (Chair)",
    "Jennette Arnold OBE (Chair)",
    "The Chair",
    "Mike Tuffrey",
    "Chair, London Assembly",
]
FILLER = "Filler text of the tests, no real words."


def said(speeches: tuple[Speech, ...]) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(speech.speaker, speech.paragraphs) for speech in speeches]


def page(question: list[str], answer: list[str]) -> Document:
    """A page of 2014 with dialogue in question and answer."""
    head = ["River Piers", "Session date:", "July 4, 2012", "Question By:", "Ada Brook AM"]
    asked = ["Riverside Group", "Asked Of:", "The Mayor"]
    replied = ["Answer for River Piers", "Answer for River Piers", "Answered By:", "The Mayor"]
    return Document("\n".join([*head, *asked, *question, *replied, *answer]))


@pytest.mark.parametrize("label", SEEN)
def test_a_label_is_read_in_questions_as_in_answers(label: str) -> None:
    dialogue = [FILLER, f"{label}:  {FILLER}", "Filler that goes on."]
    record = read_question(page(dialogue, dialogue))
    second = (label, (FILLER, "Filler that goes on."))
    assert said(record.question) == [("Ada Brook", (FILLER,)), second]
    assert said(record.answers[0].speeches) == [("The Mayor", (FILLER,)), second]


def test_trap_10_dialogue_in_the_question() -> None:
    """The asker, an interruption, an interjection without a name, and the asker again."""
    question = [
        f"Ada Brook AM:  {FILLER}",
        f"Bo Reed (Mayor of London):  {FILLER}",
        "Filler by whoever calls out.",
        "The Chair:",
        FILLER,
        f"Ada Brook:  {FILLER}",
    ]
    assert said(read_question(page(question, [FILLER])).question) == [
        ("Ada Brook AM", (FILLER,)),
        ("Bo Reed (Mayor of London)", (FILLER, "Filler by whoever calls out.")),
        ("The Chair", (FILLER,)),
        ("Ada Brook", (FILLER,)),
    ]


def test_one_man_with_two_hats_is_two_speakers() -> None:
    chair, mayor = "Bo Reed (Chair, Transport for London)", "Bo Reed (Mayor of London)"
    body = split_plain_text(f"{chair}: One.\n{mayor}: Two.\n{chair}: Three.")
    assert [speech.speaker for speech in split_speeches(body, None)] == [chair, mayor, chair]


def test_an_orphan_colon_at_the_start_is_dropped_and_nowhere_else() -> None:
    body = split_plain_text(f": {FILLER}\n: {FILLER}")
    assert said(split_speeches(body, "Ada Brook")) == [("Ada Brook", (FILLER, f": {FILLER}"))]


def test_whoever_is_named_by_the_page_is_known_by_the_bare_name() -> None:
    body = split_plain_text("Ada Brook: One.\nBo Reed: Two.")
    assert [s.speaker for s in split_speeches(body, None, ["Ada Brook AM"])] == ["Ada Brook"]
    assert [s.speaker for s in split_speeches(body, None, ["Ada Brook", "Dr Bo Reed OBE"])] == [
        "Ada Brook",
        "Bo Reed",
    ]
    late = split_plain_text("Bo Reed: One.\nBo Reed AM: Two.\nBo Reed: Three.")
    assert said(split_speeches(late, "Ada Brook")) == [
        ("Ada Brook", ("Bo Reed: One.",)),
        ("Bo Reed AM", ("Two.",)),
        ("Bo Reed", ("Three.",)),
    ]


def test_a_first_speaker_without_words_makes_no_speech() -> None:
    assert split_speeches((), "Ada Brook") == ()
    body = split_plain_text("The Chair: One.")
    assert said(split_speeches(body, "Ada Brook")) == [("The Chair", ("One.",))]


# ------------------------------------------------------------------ laws

_WORDS = st.text(st.characters(codec="utf-8"), max_size=40)
_LINES = st.one_of(
    _WORDS,
    st.builds("{}:  {}".format, st.sampled_from([*SPEAKER_LABELS, *BOROUGHS]), _WORDS),
    st.sampled_from(NOT_LABELS),
)
BODIES = st.lists(_LINES, max_size=12).map(lambda lines: split_plain_text("\n".join(lines)))
OPENINGS = st.sampled_from([None, "Ada Brook", "The Mayor & Bo Reed"])


@given(BODIES, OPENINGS, st.lists(st.sampled_from(["Ada Brook", "Bo Reed AM", ""]), max_size=2))
@pytest.mark.slow
def test_no_word_is_lost_doubled_or_moved(
    body: tuple[Paragraph, ...], opening: str | None, known: list[str]
) -> None:
    """Speeches printed with their labels give the input again, except for white space."""
    speeches = split_speeches(body, opening, known)
    first = bool(speeches) and speeches[0].speaker == opening
    printed = [p for s in speeches[:1] if first for p in s.paragraphs]
    for speech in speeches[1 if first else 0 :]:
        printed += [f"{speech.speaker}:", *speech.paragraphs]
    source = [paragraph.text for paragraph in body]
    if source:
        source[0] = source[0].removeprefix(":")
    assert "".join("".join(printed).split()) == "".join("".join(source).split())


@pytest.mark.slow
@given(BODIES, OPENINGS)
def test_every_speech_but_the_first_has_a_label_and_no_paragraph_is_empty(
    body: tuple[Paragraph, ...], opening: str | None
) -> None:
    speeches = split_speeches(body, opening)
    assert all(speech.speaker for speech in speeches[1:])
    assert all(p == p.strip() != "" for speech in speeches for p in speech.paragraphs)


@pytest.mark.slow
@given(BODIES, BODIES, st.sampled_from(SPEAKER_LABELS))
def test_a_labelled_paragraph_begins_anew(
    before: tuple[Paragraph, ...], after: tuple[Paragraph, ...], label: str
) -> None:
    """Text before a label is read as if nothing followed."""
    head = (Paragraph(FILLER), *before)
    middle = Paragraph(f"{label}: {FILLER}")
    alone = split_speeches(head, "Ada Brook")
    speeches = split_speeches((*head, middle, *after), "Ada Brook")
    assert speeches[: len(alone)] == alone
    assert speeches[len(alone)].speaker == label
    assert speeches[len(alone)].paragraphs[0] == FILLER
