"""``make quality``: precision and recall, topic by topic."""

from __future__ import annotations

import sys

from tests.quality.judged import compute_precision, compute_recall, iter_questions, score_topics

_ENOUGH = 0.99


def main() -> int:
    """Print the table; return 1 if precision or recall is below :data:`_ENOUGH`."""
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
    return 0 if min(compute_precision(found), compute_recall(found)) >= _ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
