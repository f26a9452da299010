"""Faults that the replica shows on command: what real sources have done to their readers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

from crawler.replica.world import ReplicaQuestion, ReplicaSnapshot

#: What a moved page leaves at its old address.
OldAddress = Literal["gone", "redirect", "works"]

_MOVED_SUFFIX = "-v2"


@dataclass
class ReplicaFaults:
    """The faults that are on. All can be set and reset while the site is served."""

    blank_listing: bool = False  #: every search finds nothing
    short_pages: bool = False  #: each page of a listing has three rows when it is first asked for
    maintenance: bool = False  #: every page says "try again later", below the site's header
    missing_share: float = 0.0  #: of the question pages, 0 to 1, that answer 404
    moved: OldAddress | None = None  #: question pages have new addresses; what the old ones do
    answers_cut: bool = False  #: question pages end before their answers
    halved_answers: bool = False  #: answers end in the middle
    _seen: set[str] = field(default_factory=set)

    def change_snapshot(self, snapshot: ReplicaSnapshot) -> ReplicaSnapshot:
        """Return what can be seen with these faults: moved addresses and halved answers."""
        return replace(
            snapshot, questions=tuple(self._change_question(q) for q in snapshot.questions)
        )

    def _change_question(self, question: ReplicaQuestion) -> ReplicaQuestion:
        if self.moved:
            question = replace(question, slug=question.slug + _MOVED_SUFFIX)
        if self.halved_answers:
            halved = (replace(a, html=_halve_paragraph(a.html)) for a in question.answers)
            question = replace(question, answers=tuple(halved))
        return question

    def is_missing(self, slug: str) -> bool:
        """Return whether the page of a question answers 404; always the same pages."""
        number = int.from_bytes(hashlib.sha256(slug.encode()).digest()[:4], "big")
        return number < self.missing_share * 2**32

    def find_new_slug(self, slug: str) -> str | None:
        """Return where the page at an old address is now, None where it has not moved."""
        has_moved = self.moved is not None and not slug.endswith(_MOVED_SUFFIX)
        return slug + _MOVED_SUFFIX if has_moved else None

    def is_first_request(self, address: str) -> bool:
        """Return whether ``address`` is asked for the first time."""
        is_first = address not in self._seen
        self._seen.add(address)
        return is_first

    @staticmethod
    def cut_before_answers(page: str) -> str:
        """Return a page up to its answers, or half of it where it has none."""
        at = page.find('<h2 id="answer">')
        return page[: at if at > 0 else len(page) // 2]


def _halve_paragraph(html: str) -> str:
    """Return ``html`` with its last paragraph ending in the middle, at a space."""
    if not html.endswith("</p>"):
        return html
    begin = html.rindex("<p>") + len("<p>")
    words = html[begin : -len("</p>")].split(" ")
    return html[:begin] + " ".join(words[: len(words) // 2 or 1]) + "</p>"
