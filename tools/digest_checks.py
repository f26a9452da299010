"""What strangers' programs say of a digest: is its HTML valid, would it be taken for spam?

SpamAssassin judges it with its local tests, as it would arrive: with the lines that a mail server
puts above it. The Nu checker (vnu.jar) reads the HTML where VNU_JAR names it. What is not
installed is said and left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import html5lib

from tools.sample_digest import build_sample_message, render_sample_digest

#: A digest that scores more is not sent out of the workshop.
MAX_SPAM_SCORE = 1.0


def main() -> int:
    """Ask each; 1 where one of them objects."""
    return max(_check_html5lib(), _check_nu(), _check_spam_score())


def _check_html5lib() -> int:
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(render_sample_digest().html)
    problems = [code for _, code, _ in parser.errors]
    print(f"html5lib: {problems or 'no error'}")
    return int(bool(problems))


def _check_nu() -> int:
    jar, java = os.environ.get("VNU_JAR"), shutil.which("java")
    if not jar or not java:
        print("Nu checker: left out (VNU_JAR names no jar, or there is no Java)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "digest.html"
        page.write_text(render_sample_digest().html, encoding="utf-8")
        done = subprocess.run(
            [java, "-jar", jar, "--stdout", "--errors-only", str(page)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    found = [line.partition(": ")[2] for line in done.stdout.splitlines() if line.strip()]
    print(f"Nu checker: {'; '.join(found) or 'no error'}")
    return int(bool(found))


def _check_spam_score() -> int:
    program = shutil.which("spamassassin")
    if program is None:
        print("SpamAssassin: left out (not installed)")
        return 0
    now = datetime.now(UTC)
    received = (
        "Received: from mail.demo.example (mail.demo.example [192.0.2.7])\r\n"
        f"\tby mx.example with ESMTPS id 1; {format_datetime(now)}\r\n"
    )
    done = subprocess.run(
        [program, "-L", "-t"],
        input=received.encode() + build_sample_message(now),
        capture_output=True,
        check=True,
        timeout=300,
    )
    text = done.stdout.decode("utf-8", "replace")
    score = re.search(r"score=(-?[0-9.]+)", text)
    hits = re.search(r"tests=([A-Z0-9_,\s]+?)\s+(?:autolearn|version)", text)
    if score is None:
        raise RuntimeError("SpamAssassin gave no score")
    named = re.sub(r"\s", "", hits[1]) if hits else ""
    print(f"SpamAssassin: {score[1]}, at most {MAX_SPAM_SCORE} ({named})")
    return int(float(score[1]) >= MAX_SPAM_SCORE)


if __name__ == "__main__":
    sys.exit(main())
