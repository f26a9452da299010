"""Faults that the replica shows on command: what real sources have done to their readers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from crawler.replica.world import ReplicaAnswer, ReplicaQuestion, ReplicaSnapshot

#: What a moved page leaves at its old address.
OldAddress = Literal["gone", "redirect", "works"]

_MOVED_SUFFIX = "-v2"
_ADDED_SENTENCE = "<p>This reply has been reviewed.</p>\n"


class ReplicaFaults(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The faults that are on. All can be set and reset while the site is served."""

    blank_listing: bool = False  #: every search finds nothing
    short_pages: bool = False  #: each page of a listing has three rows when it is first asked for
    maintenance: bool = False  #: every page says "try again later", below the site's header
    hidden_after: int | None = None  #: every search finds only so many questions
    cut_listing_page: int | None = None  #: this page of a listing ends after its third row
    missing_share: float = 0.0  #: of the question pages, 0 to 1, that answer 404
    withdrawn_share: float = 0.0  #: of the questions, 0 to 1, that are neither listed nor served
    moved: OldAddress | None = None  #: question pages have new addresses; what the old ones do
    answers_cut: bool = False  #: question pages end before their answers
    answers_missing: bool = False  #: question pages are whole and have no answers
    halved_answers: bool = False  #: answers end in the middle
    rewritten_answers: bool = False  #: answers begin with a sentence that they did not have

    def set_only(self, values: Mapping[str, str]) -> None:
        """Set the named faults and reset all others.

        Args:
            values: Name and value of each fault, as text: ``missing_share`` and ``0.2``.

        Raises:
            ValueError: A name is unknown or a value has another type; nothing is changed.
        """
        try:
            wanted = msgspec.convert(values, ReplicaFaults, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        for name in self.__struct_fields__:
            setattr(self, name, getattr(wanted, name))

    def change_snapshot(self, snapshot: ReplicaSnapshot) -> ReplicaSnapshot:
        """Return what can be seen with these faults."""
        left = (q for q in snapshot.questions if not is_among(q.slug, self.withdrawn_share))
        return replace(snapshot, questions=tuple(self._change_question(q) for q in left))

    def _change_question(self, question: ReplicaQuestion) -> ReplicaQuestion:
        if self.moved:
            question = replace(question, slug=question.slug + _MOVED_SUFFIX)
        return replace(question, answers=tuple(self._change_answers(question.answers)))

    def _change_answers(self, answers: Iterable[ReplicaAnswer]) -> Iterator[ReplicaAnswer]:
        for answer in () if self.answers_missing else answers:
            html = _halve_paragraph(answer.html) if self.halved_answers else answer.html
            yield replace(answer, html=_ADDED_SENTENCE * self.rewritten_answers + html)

    def is_missing(self, slug: str) -> bool:
        """Return whether the page of a question answers 404; always the same pages."""
        return is_among(slug, self.missing_share)

    def find_new_slug(self, slug: str) -> str | None:
        """Return where the page at an old address is now, None where it has not moved."""
        has_moved = self.moved is not None and not slug.endswith(_MOVED_SUFFIX)
        return slug + _MOVED_SUFFIX if has_moved else None

    @staticmethod
    def cut_after_rows(page: str) -> str:
        """Return a page of a listing up to its fourth row, or half of it where it has fewer."""
        parts = page.split('<div class="search-row">')
        return (
            '<div class="search-row">'.join(parts[:4]) if len(parts) > 4 else page[: len(page) // 2]
        )

    @staticmethod
    def cut_before_answers(page: str) -> str:
        """Return a page up to its answers, or half of it where it has none."""
        at = page.find('<h2 id="answer">')
        return page[: at if at > 0 else len(page) // 2]


def is_among(slug: str, share: float) -> bool:
    """Return whether a question is among a share of all, 0 to 1; always the same ones."""
    number = int.from_bytes(hashlib.sha256(slug.encode()).digest()[:4], "big")
    return number < share * 2**32


def _halve_paragraph(html: str) -> str:
    """Return ``html`` with its last paragraph ending in the middle, at a space."""
    if not html.endswith("</p>"):
        return html
    begin = html.rindex("<p>") + len("<p>")
    words = html[begin : -len("</p>")].split(" ")
    return html[:begin] + " ".join(words[: len(words) // 2 or 1]) + "</p>"
