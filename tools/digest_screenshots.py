"""Pictures of the digest for the docs: light, dark and on a phone, made by Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.sample_digest import render_sample_digest

_OUTPUT_FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
#: Name, width, height, what Chromium is told besides. A window is never narrower than 500, so the
#: phone is a frame in one.
_PICTURES = (
    ("digest-light", 700, 1560, ()),
    ("digest-dark", 700, 1560, ("--blink-settings=preferredColorScheme=0",)),
    ("digest-phone", 500, 2200, ()),
)
_PHONE = """\
<body style="margin:0;background:#888">
<iframe src="{}" width="320" height="2200" style="border:0"></iframe>
"""


def main() -> int:
    """Make them; 1 where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("no pictures: Chromium is not installed\n")
        return 1
    _OUTPUT_FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "digest.html"
        page.write_text(render_sample_digest().html, encoding="utf-8")
        phone = Path(folder) / "phone.html"
        phone.write_text(_PHONE.format(page.as_uri()), encoding="utf-8")
        for name, width, height, more in _PICTURES:
            shown = phone if name.endswith("phone") else page
            _take_screenshot(
                chromium, shown, _OUTPUT_FOLDER / f"{name}.png", f"{width},{height}", more
            )
            sys.stdout.write(f"{_OUTPUT_FOLDER / name}.png\n")
    return 0


def _take_screenshot(chromium: str, page: Path, to: Path, size: str, more: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                *(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--no-first-run", "--disable-background-networking", "--disable-sync"),
                *(f"--user-data-dir={profile}", f"--window-size={size}", *more),
                *(f"--screenshot={to}", page.as_uri()),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


if __name__ == "__main__":
    sys.exit(main())
