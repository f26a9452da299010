"""Questions from the files and pages that are named on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from crawler.records import Question, name_question
from scheduler.cli.errors import print_error
from scheduler.config import Config
from scheduler.page_inputs import UnreadableInput, read_inputs


class InputReader:
    """Reads questions, prints an error for each input that cannot be read, and counts both."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.read = 0  #: questions so far
        self.unreadable = 0  #: files, pages and lines that are not a question, so far

    def iterate(self, names: tuple[str, ...]) -> Iterator[Question]:
        """Yield the questions in files (saved pages or JSON Lines) and at URLs, in their order."""
        for found in read_inputs(names, self._config):
            if isinstance(found, UnreadableInput):
                self.unreadable += 1
                print_error(f"{found.name}: {found.reason}")
            else:
                self.read += 1
                yield found


def print_suspect(question: Question, consequence: str = "") -> None:
    """Print why we doubt how a page was read, with what follows from it: ``, so …``."""
    reasons = "; ".join(map(str, question.suspect))
    print_error(f"{name_question(question)}: suspect{consequence}: {reasons}")
