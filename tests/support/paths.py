"""Where the checkout's files are, for tests that read them."""

from __future__ import annotations

from pathlib import Path

#: The root of the checkout.
REPOSITORY = Path(__file__).parents[2]

#: Material kept beside the checkout, which is no part of the repository.
SHARED = REPOSITORY.parent / "shared"
