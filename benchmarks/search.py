"""Search for place names made of common words, over 100,000 questions of plain sentences.

The questions are drawn from the few hundred words that everybody uses, so the words of "high road"
stand in thousands of questions, and next to each other in few. Every page of results is asked for
over HTTP, link by link, until there is no next one; what is found is compared with what was
written.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from alerts.ledger import Ledger
from alerts.queries import parse_query
from alerts.search import search_questions
from benchmarks.sample_ledger import QuestionSampler, build_ledger
from benchmarks.sample_queries import SyntheticLanguage
from benchmarks.web import ServerProcess

RECORDS = int(os.environ.get("WATCHWORD_RECORDS", "100000"))
#: Twenty names that are made of words that stand in most questions.
PLACES = (
    *("high road", "green lane", "church street", "north end", "long lane", "old street"),
    *("park side", "mill hill", "station road", "new cross", "south bank", "white city"),
    *("the green", "market place", "well street", "tottenham high road", "end of the road"),
    *("church end green", "old church street", "north green lane"),
)
_SEED = 3
#: Words that everybody uses, the commonest first.
_WORD_LIST = (
    "the of to and a in is that for it on with as be by this are at from have or an will not "
    "but what which were all there can has been one who when more if out so up into than them "
    "some could new time these two may other then do first any my now such like our over man "
    "me even most made after also did many before must through years where much your way well "
    "down should because each just those people how too little state good very make world "
    "still own see men work long get here between both life being under never day same "
    "another know while last might us great old year off come since against go came right "
    "used take three high road green lane church street north end park side mill hill station "
    "cross south bank white city market place house home school children water part small "
    "number public use found left early local open west east light point area plan money cost "
    "safe bus train walk tree river night bridge council office help report answer police "
    "fire health care young tottenham air clean rent build land shop week month "
)
_WORDS = _WORD_LIST.split()
#: Results on a page of the API.
_PAGE_SIZE = 100
#: A list of at most so many results is read through the pages too, not only through the API.
_MAX_READ = 700


class PlainLanguage(SyntheticLanguage):
    """Sentences of common words, drawn with the frequencies of a natural language."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._weights = [1 / (rank + 2.7) ** 0.7 for rank in range(len(_WORDS))]

    def draw_paragraph(self, size: int) -> str:
        """Return ``size`` words as sentences of twelve; one in sixty names a place."""
        words = self.random.choices(_WORDS, self._weights, k=size)
        if self.random.random() < 1 / 60:
            words[2:2] = self.random.choice(PLACES).split()
        sentences = (words[start : start + 12] for start in range(0, len(words), 12))
        return " ".join(f"{' '.join(sentence).capitalize()}." for sentence in sentences)


def count_written(count: int) -> dict[str, int]:
    """Return in how many of the drawn questions each place is written, read letter by letter."""
    patterns = {
        place: re.compile(rf"\b{place.replace(' ', chr(92) + 'W+')}\b", re.IGNORECASE)
        for place in PLACES
    }
    known: dict[str, frozenset[str]] = {}
    stock = QuestionSampler(PlainLanguage(_SEED))
    found: Counter[str] = Counter()
    for number in range(count):
        question = stock.draw_question(number)
        named: set[str] = set()
        speeches = (*question.question, *question.answers[0].speeches)
        for text in (question.title or "", *(t for one in speeches for t in one.paragraphs)):
            if text not in known:
                known[text] = frozenset(p for p, there in patterns.items() if there.search(text))
            named |= known[text]
        found.update(named)
    return dict(found)


class SearchBenchmark:
    """Asks a server for the places, and notes how long each page takes."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.times: dict[str, list[float]] = {"first": [], "further": [], "api": []}
        self.hedged = 0  #: first pages that say "at least"

    def _get(self, kind: str, path: str) -> str:
        began = time.perf_counter()
        status, _, body = self._server.get(path)
        self.times[kind].append(1000 * (time.perf_counter() - began))
        assert status == 200, (status, path)
        return body.decode()

    def read_api(self, place: str) -> int:
        """Return how many questions the pages of the API have for a place, each once."""
        ids: list[str] = []
        cursor: str | None = "0"
        while cursor is not None:
            query = urlencode({"q": f'"{place}"', "limit": _PAGE_SIZE, "cursor": cursor})
            page = json.loads(self._get("api", f"/api/v1/questions?{query}"))
            ids += [record["id"] for record in page["questions"]]
            cursor = page["next"]
            assert page["total"] >= len(ids)
        assert page["total"] == len(ids) == len(set(ids)), place
        return len(ids)

    def read_pages(self, place: str, total: int) -> None:
        """Read the pages of results for a place, from link to link, where they are not too many."""
        html = self._get("first", f"/search?{urlencode({'q': chr(34) + place + chr(34)})}")
        self.hedged += "At least" in html
        assert total == 0 or "No questions match" not in html
        page = LexborHTMLParser(html)
        seen = _count_results(page)
        while total <= _MAX_READ and (link := page.css_first('a[rel="next"]')):
            page = LexborHTMLParser(self._get("further", link.attributes["href"] or ""))
            seen += _count_results(page)
        assert total > _MAX_READ or seen == total, (place, seen, total)

    def print_times(self) -> None:
        """Print how long the pages took."""
        for kind, times in self.times.items():
            cuts = statistics.quantiles(times, n=20)
            print(
                f"{kind:10}{len(times):6} pages: median {statistics.median(times):6.1f} ms, "
                f"95th percentile {cuts[18]:6.1f} ms, longest {max(times):6.1f} ms"
            )


def _count_results(page: LexborHTMLParser) -> int:
    return len(page.css('main a[href^="/question/"]'))


def compare_with_reading(ledger: Ledger) -> None:
    """Print how much faster the pairs of the index are than comparing every candidate."""
    ratios = []
    for place in PLACES[:3]:
        first, second = place.split()
        with ledger.reading() as connection:
            began = time.process_time()
            search_questions(connection, parse_query(f'"{place}"'), 20)
            by_pairs = time.process_time() - began
            began = time.process_time()
            search_questions(connection, parse_query(f"{first} NEAR/1 {second}"), 20)
            ratios.append((time.process_time() - began) / by_pairs)
    print(
        f"counting with pairs is {statistics.median(ratios):.0f} times as fast as comparing all "
        f"questions with both words ({min(ratios):.0f}-{max(ratios):.0f})"
    )


def main() -> None:
    """Build a ledger, serve it, search, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.perf_counter()
        ledger, _ = build_ledger(folder, RECORDS, 0, PlainLanguage(_SEED))
        size = (folder / "ledger.sqlite3").stat().st_size / 1e6
        print(f"{RECORDS} records, {size:.0f} MB, made in {time.perf_counter() - began:.0f} s")
        compare_with_reading(ledger)
        ledger.engine.dispose()
        written = count_written(RECORDS)
        running = ServerProcess(folder)
        try:
            benchmark = SearchBenchmark(running)
            for place in PLACES:
                total = benchmark.read_api(place)
                assert total == written.get(place, 0), (place, total, written.get(place))
                benchmark.read_pages(place, total)
        finally:
            running.stop()
        print(
            f"{len(PLACES)} places in {min(written.values())} to {max(written.values())} questions "
            f"each: all reached, {len(PLACES) - benchmark.hedged} counted exactly on the first "
            f'page, {benchmark.hedged} with "at least"'
        )
        benchmark.print_times()


if __name__ == "__main__":
    main()
