"""Write ``docs/configuration.md`` from the config's section classes."""

from __future__ import annotations

from pathlib import Path

from scheduler.config import build_reference

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"


if __name__ == "__main__":
    PAGE.write_text(build_reference(), encoding="utf-8")
