"""Catalogues hold every text, and become a language once they are translated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from alerts.language import (
    LanguageError,
    check_language,
    find_catalogues,
    gettext,
    ngettext,
    set_language,
)
from tools.messages import (
    compile_catalogue,
    count_missing,
    extract_messages,
    list_ids,
    list_languages,
)

WELSH = find_catalogues() / "cy" / "LC_MESSAGES" / "watchword.po"


def read_catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


@pytest.fixture
def english_again() -> Iterator[None]:
    yield
    set_language("en_GB")


@pytest.mark.slow
def test_the_catalogues_hold_the_texts_of_the_code_and_no_others() -> None:
    texts = {str(one) for one in list_ids(extract_messages())}
    for path in (find_catalogues() / "watchword.pot", *list_languages()):
        assert {str(one) for one in list_ids(read_catalogue(path))} == texts, "run: make messages"


def test_placeholders_of_translations_are_those_of_the_texts() -> None:
    for path in list_languages():
        assert [error for _, errors in read_catalogue(path).check() for error in errors] == []


def test_welsh_has_its_six_plural_forms() -> None:
    catalogue = read_catalogue(WELSH)
    assert catalogue.num_plurals == 6
    assert str(catalogue.locale_identifier) == "cy"


def test_a_language_is_offered_once_it_is_whole() -> None:
    for path in list_languages():
        name = path.parent.parent.name
        if path.with_suffix(".mo").exists():
            check_language(name)
        else:
            assert count_missing(read_catalogue(path))
            with pytest.raises(LanguageError, match="no catalogue"):
                check_language(name)


@pytest.mark.usefixtures("english_again")
def test_a_compiled_language_is_spoken_without_its_doubtful_texts(tmp_path: Path) -> None:
    catalogue = Catalog(locale="cy")
    catalogue.add("Subscribe", "Tanysgrifio")
    catalogue.add("Search", "Chwilio?", flags=["fuzzy"])
    forms = ("dim ci", "un ci", "dau gi", "tri chi", "chwe chi", "%(number)s ci")
    catalogue.add(("%(number)s dog", "%(number)s dogs"), forms)
    folder = tmp_path / "cy" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "watchword.mo").write_bytes(compile_catalogue(catalogue))
    set_language("cy", tmp_path)
    assert (gettext("Subscribe"), gettext("Search")) == ("Tanysgrifio", "Search")
    shown = [ngettext("%(number)s dog", "%(number)s dogs", n) for n in (0, 1, 2, 3, 6, 9)]
    assert shown == list(forms)
    assert count_missing(catalogue) == 1
