"""Where the checkout's files are, for tests that read them."""

from __future__ import annotations

import sys
from pathlib import Path

#: The root of the checkout.
REPOSITORY = Path(__file__).parents[2]

#: Material kept beside the checkout, which is no part of the repository.
SHARED = REPOSITORY.parent / "shared"

#: The command as it is installed.
WATCHWORD_COMMAND = Path(sys.executable).with_name("watchword")
