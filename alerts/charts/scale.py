"""The scale of a chart: from 0, in three or four round steps."""

from __future__ import annotations

from itertools import count

import msgspec

#: Steps that people count in, and ten, a hundred … times these.
_ROUND = (1, 2, 4, 5)
_FEWEST_STEPS, _MOST_STEPS = 3, 4


class Scale(msgspec.Struct, frozen=True):
    """Where the numbers of a chart stand."""

    step: int
    steps: int

    @property
    def top(self) -> int:
        """The number at the top line."""
        return self.step * self.steps

    @property
    def marks(self) -> tuple[int, ...]:
        """The numbers at the lines, without 0."""
        return tuple(self.step * n for n in range(1, self.steps + 1))


def choose_scale(highest: int) -> Scale:
    """Return the scale with the lowest top line above ``highest``.

    The top is above the highest number and never at it, so that the number over the highest bar
    does not meet the label of the top line.
    """
    scales = []
    for power in count():
        for digit in _ROUND:
            step = digit * 10**power
            steps = max(_FEWEST_STEPS, highest // step + 1)
            if steps <= _MOST_STEPS:
                scales.append(Scale(step, steps))
        if scales:
            return min(scales, key=lambda scale: (scale.top, scale.step))
    raise AssertionError  # a step above the number always exists
