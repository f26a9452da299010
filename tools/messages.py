"""Catalogues for translators: write, update and compile them (``make messages``).

``watchword.pot`` holds every text of pages, emails and feeds. Each language has a ``.po`` file,
which its translators fill, and a ``.mo`` file, which the service reads. A language is compiled once
all of its texts are translated, and offered from then on (docs/how-to/translate.md).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from alerts.language import DOMAIN, find_catalogues

_ROOT = Path(__file__).parents[1]
_TEMPLATE = find_catalogues() / f"{DOMAIN}.pot"
#: The functions that mark a text, and which of their arguments are texts.
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_noop": (1, 2),
}
#: Folders of templates that people other than the operator read.
_TEMPLATE_FOLDERS = ("web", "mail", "feed")
#: As `alerts.rendering.translation` sets Jinja up.
_JINJA_OPTIONS = {
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "silent": "false",
}
_HEADER = """\
# Texts of Watchword's pages, emails and feeds, for translators: see docs/how-to/translate.md.
#"""


def main() -> int:
    """Write the template, update each language and compile what is whole; 1 if one has errors."""
    found = extract_messages()
    if list_ids(found) != list_ids(_read(_TEMPLATE)):
        _write(found, _TEMPLATE)
    sys.stdout.write(f"{len(found)} texts\n")
    return max([_update(path, found) for path in list_languages()], default=0)


def list_languages() -> list[Path]:
    """Return the ``.po`` file of each language."""
    return sorted(find_catalogues().glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def extract_messages() -> Catalog:
    """Return a catalogue of every text of the code and the templates."""
    catalog = Catalog(
        project="Watchword", version=version("watchword"), header_comment=_HEADER, charset="utf-8"
    )
    for path, method in _list_sources():
        with path.open("rb") as source:
            options = _JINJA_OPTIONS if method == "jinja2" else {}
            for _, message, comments, context in extract(
                method, source, _KEYWORDS, ["Translators:"], options
            ):
                name = path.relative_to(_ROOT).as_posix()
                catalog.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def _list_sources() -> Iterator[tuple[Path, str]]:
    """Yield each file that may hold texts, and how Babel reads it."""
    for path in sorted((_ROOT / "alerts").rglob("*.py")):
        yield path, "python"
    for folder in _TEMPLATE_FOLDERS:
        for path in sorted((_ROOT / "templates" / folder).rglob("*")):
            if path.suffix in {".html", ".txt"} and "operator" not in path.parts:
                yield path, "jinja2"


def list_ids(catalog: Catalog | None) -> list[object]:
    """Return the texts of a catalogue, without where they stand; of None, an empty list."""
    return [message.id for message in catalog or () if message.id]


def _update(path: Path, found: Catalog) -> int:
    """Bring a language up to date and compile it if it is whole; return 1 if it has errors."""
    catalog = _read(path)
    assert catalog is not None, path
    if list_ids(catalog) != list_ids(found):
        catalog.update(found, no_fuzzy_matching=True)
        _write(catalog, path)
        catalog = _read(path) or catalog  # in memory, new texts have no forms yet
    errors = [f"{message.id}: {error}" for message, wrong in catalog.check() for error in wrong]
    if errors:
        sys.stderr.write("\n".join([f"{path}:", *errors, ""]))
        return 1
    missing = count_missing(catalog)
    if missing:
        sys.stdout.write(f"{catalog.locale}: {missing} texts are not translated; not compiled\n")
        return 0
    path.with_suffix(".mo").write_bytes(compile_catalogue(catalog))
    sys.stdout.write(f"{catalog.locale}: compiled\n")
    return 0


def count_missing(catalog: Catalog) -> int:
    """Return how many texts have no translation, or one that a translator has to look at."""
    return sum(1 for one in catalog if one.id and (one.fuzzy or not _is_translated(one)))


def _is_translated(message: Message) -> bool:
    forms = message.string or ""
    return bool(forms) and all(forms)


def compile_catalogue(catalog: Catalog) -> bytes:
    """Return the ``.mo`` file of a catalogue; doubtful translations are left out."""
    file = io.BytesIO()
    write_mo(file, catalog, use_fuzzy=False)
    return file.getvalue()


def _read(path: Path) -> Catalog | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        name = path.parent.parent.name if path.suffix == ".po" else None
        return read_po(file, locale=name, domain=DOMAIN)


def _write(catalog: Catalog, path: Path) -> None:
    file = io.BytesIO()
    write_po(file, catalog, width=100, include_lineno=False, ignore_obsolete=True)
    path.write_bytes(file.getvalue())


if __name__ == "__main__":
    sys.exit(main())
