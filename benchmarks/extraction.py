"""What reading a question page costs, against parsing it and against BeautifulSoup.

Each round times every way of reading on the same pages, one after another, in processor time, so
that a busy moment of the machine favours none; the figures are of the rounds: median, least, most.

- bare parse: ``LexborHTMLParser`` over the bytes, and nothing else
- one reading: decoding, choosing the design, every field and word by structure alone
- both readings: the same with the fields read again from the visible lines, and compared
- record: both readings, then names, dates and speeches, and the answers' HTML sanitised
- BeautifulSoup: the first reading's fields with ``BeautifulSoup(page, "lxml")``
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Sequence

from bs4 import BeautifulSoup, Tag
from selectolax.lexbor import LexborHTMLParser

from benchmarks.sample_pages import build_pages
from crawler.pages import read_page, read_question
from crawler.pages.london_2022 import PAGE
from crawler.reading import decode_document
from crawler.reading.items import QuestionItem

PAGES, ROUNDS = 500, 5
#: BeautifulSoup takes so long that it is given every tenth page.
SOUP_SHARE = 10

PageFields = dict[str, str]


def read_by_structure(page: bytes) -> PageFields:
    """The fields of ``page`` by our reader of its structure."""
    document = decode_document(page)
    if not PAGE.recognises(document):
        raise ValueError("a page of another design")
    fields, _ = PAGE.read_structure(document)
    question, answers = PAGE.read_texts(document)
    return fields | {
        "question": " ".join(p.text for p in question),
        "answer": " ".join(p.text for answer in answers for p in answer.body),
        "answer_date": answers[0].date or "",
        "files": " ".join(file.href for file in answers[0].attachments),
    }


def read_with_soup(page: bytes) -> PageFields:
    """The same fields by BeautifulSoup, as its manual would have one read them."""
    soup = BeautifulSoup(page, "lxml")
    names = {"Question by": "asked_by", "Organisation": "party", "Asked of": "asked_of"}
    fields: PageFields = {}
    for row in soup.select("table.styled-table tbody tr"):
        label, value = (cell.get_text(strip=True) for cell in row.find_all("td"))
        label = label.rstrip(":")
        fields[names.get(label, label.lower())] = value
    answer = _select_one(soup, "div.u-space-y-5")
    date = _select_one(answer, "div").extract().get_text()
    return fields | {
        "title": _select_one(soup, "h3.page-section").get_text(strip=True),
        "question": _select_one(soup, "div.rich-text").get_text(),
        "answer": answer.get_text(),
        "answer_date": " ".join(date.partition(":")[2].split()),
        "files": " ".join(str(a["href"]) for a in answer.select("a[href]")),
    }


def _select_one(node: Tag, css: str) -> Tag:
    found = node.select_one(css)
    if found is None:
        raise ValueError(f"no {css}")
    return found


def _strip_layout(text: str) -> str:
    """A text without white space and bars, which the two join differently."""
    return re.sub(r"[\s|]+", "", text)


def check_same_fields(drawn: Sequence[bytes]) -> int:
    """How many of the pages both read alike; raises on the first that they do not."""
    for number, page in enumerate(drawn):
        ours, theirs = read_by_structure(page), read_with_soup(page)
        for name in ours | theirs:
            if _strip_layout(ours[name]) != _strip_layout(theirs[name]):
                raise ValueError(f"page {number}: {name} differs")
        _check_agreement(read_page(decode_document(page)))
    return len(drawn)


def _check_agreement(item: QuestionItem) -> None:
    if item.disagreements:
        raise ValueError(f"two readings differ: {item.disagreements}")


def measure_seconds(read: Callable[[bytes], object], drawn: Sequence[bytes]) -> float:
    """The time that ``read`` takes for one page, on average over ``drawn``."""
    began = time.process_time()
    for page in drawn:
        read(page)
    return (time.process_time() - began) / len(drawn)


def main() -> None:
    """Draw the pages, check the readers against each other, time them, print the figures."""
    drawn = build_pages(PAGES)
    sizes = sorted(len(page) / 1000 for page in drawn)
    some = drawn[::SOUP_SHARE]
    print(f"{PAGES} pages of {sizes[0]:.0f} to {sizes[-1]:.0f} kB, {statistics.mean(sizes):.0f} kB")
    print(f"{check_same_fields(some)} of {len(some)} read alike by us and by BeautifulSoup\n")
    ways: dict[str, tuple[Callable[[bytes], object], Sequence[bytes]]] = {
        "bare parse": (LexborHTMLParser, drawn),
        "one reading": (read_by_structure, drawn),
        "both readings": (lambda page: read_page(decode_document(page)), drawn),
        "record": (lambda page: read_question(decode_document(page)), drawn),
        "BeautifulSoup": (read_with_soup, some),
    }
    rounds = [{name: measure_seconds(*way) for name, way in ways.items()} for _ in range(ROUNDS)]
    _print_table(rounds)


def _print_table(rounds: Sequence[dict[str, float]]) -> None:
    """Milliseconds a page, and the ratios within each round."""
    heads = ("ms a page", "times a bare parse", "of BeautifulSoup, 1/")
    print(f"{f'{len(rounds)} rounds':14}  " + "  ".join(f"{head:>20}" for head in heads))
    for name in rounds[0]:
        cells = (
            [r[name] * 1000 for r in rounds],
            [r[name] / r["bare parse"] for r in rounds],
            [r["BeautifulSoup"] / r[name] for r in rounds],
        )
        print(f"{name:14}  " + "  ".join(f"{_format_spread(cell):>20}" for cell in cells))


def _format_spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    main()
