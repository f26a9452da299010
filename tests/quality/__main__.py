"""``make quality``: precision and recall, topic by topic, and by kind on long questions."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.quality.comparison import (
    CONCEPTS,
    KindScore,
    join_scores,
    list_long_questions,
    load_long_topics,
    open_filled_ledger,
    score_kinds,
)
from tests.quality.judged import compute_precision, compute_recall, iter_questions, score_topics

_ENOUGH = 0.99


def main() -> int:
    """Print the tables; return 1 if the short questions are not found well enough."""
    found = score_topics()
    write = sys.stdout.write
    write(f"{'topic':<16}{'meant':>6}{'found':>6}  precision  recall  wrong, missed\n")
    for score in found:
        meant, hits = len(score.right + score.missed), len(score.right + score.wrong)
        odd = " ".join([*(f"+{n}" for n in score.wrong), *(f"-{n}" for n in score.missed)])
        write(
            f"{score.topic.name:<16}{meant:>6}{hits:>6}"
            f"{compute_precision([score]):>11.3f}{compute_recall([score]):>8.3f}  {odd}".rstrip()
            + "\n"
        )
    total = sum(1 for _ in iter_questions())
    write(f"\n{total} questions, {len(found)} topics: ")
    write(f"precision {compute_precision(found):.4f}, recall {compute_recall(found):.4f}\n")
    _print_long_set()
    return 0 if min(compute_precision(found), compute_recall(found)) >= _ENOUGH else 1


def _print_long_set() -> None:
    """Print precision and recall by kind and method on the long questions."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_filled_ledger(Path(folder))
        with ledger.reading() as connection:
            scores = list(score_kinds(connection))
        ledger.engine.dispose()
    write = sys.stdout.write
    write(f"\n{'kind':<19}{'method':<14}{'right':>6}  precision  recall  wrong, missed\n")
    for score in scores:
        _print_score(score)
    for method in dict.fromkeys(score.method for score in scores):
        some = [one for one in scores if one.method == method and one.kind != CONCEPTS]
        _print_score(join_scores(some, "all but concepts"))
    topics, questions = load_long_topics(), list_long_questions()
    meant = sum(len(one.topics) for one in questions)
    write(f"\n{len(questions)} long questions, {len(topics)} topics: ")
    write(f"{len(topics) * len(questions):,} pairs judged, {meant} of them meant\n")


def _print_score(score: KindScore) -> None:
    # The others find so much else that their lists would hide ours.
    is_ours = score.method in ("as typed", "with offers")
    odd = " ".join([*score.wrong, *score.missed]) if is_ours else ""
    line = f"{score.kind:<19}{score.method:<14}{score.right:>6}"
    line += f"{score.precision:>11.3f}{score.recall:>8.3f}  {odd}"
    sys.stdout.write(line.rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
