"""``make quality``: precision and recall, topic by topic."""

from __future__ import annotations

import sys

from tests.quality.judged import judged, precision, recall, scores

_ENOUGH = 0.99


def main() -> int:
    """Print the table; 1 when it is not good enough."""
    found = scores()
    write = sys.stdout.write
    write(f"{'topic':<16}{'meant':>6}{'found':>6}  precision  recall  wrong, missed\n")
    for score in found:
        meant, hits = len(score.right + score.missed), len(score.right + score.wrong)
        odd = " ".join([*(f"+{n}" for n in score.wrong), *(f"-{n}" for n in score.missed)])
        write(
            f"{score.topic.name:<16}{meant:>6}{hits:>6}"
            f"{precision([score]):>11.3f}{recall([score]):>8.3f}  {odd}".rstrip()
            + "\n"
        )
    total = sum(1 for _ in judged())
    write(f"\n{total} questions, {len(found)} topics: ")
    write(f"precision {precision(found):.4f}, recall {recall(found):.4f}\n")
    return 0 if min(precision(found), recall(found)) >= _ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
