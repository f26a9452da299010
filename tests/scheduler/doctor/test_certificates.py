"""When a certificate should have been renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.doctor.certificates import is_renewal_overdue

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("life", [timedelta(days=90), timedelta(days=6), timedelta(hours=12)])
def test_in_the_last_quarter_of_its_life(life: timedelta) -> None:
    end = BEGIN + life
    assert not is_renewal_overdue(BEGIN, end, BEGIN)
    assert not is_renewal_overdue(BEGIN, end, BEGIN + life * 0.75)
    assert is_renewal_overdue(BEGIN, end, BEGIN + life * 0.76)
    assert is_renewal_overdue(BEGIN, end, end + timedelta(days=1))
