"""What this process speaks, and the words of its catalogue."""

from __future__ import annotations

from gettext import NullTranslations
from pathlib import Path

import msgspec
from babel import Locale, UnknownLocaleError
from babel.support import Translations

from alerts.errors import ExitStatus, WatchwordError

#: Of the catalogues: ``locale/cy/LC_MESSAGES/watchword.mo``.
DOMAIN = "watchword"
DEFAULT_LOCALE = "en_GB"


class LanguageError(WatchwordError):
    """There is no such language, or no catalogue for it."""

    exit_status = ExitStatus.CONFIG


class _Language(msgspec.Struct):
    """What this process speaks."""

    locale: Locale
    translations: NullTranslations


_language = _Language(Locale.parse(DEFAULT_LOCALE), NullTranslations())


def find_catalogues() -> Path:
    """Return the folder of the catalogues."""
    return Path(__file__).parent / "locale"


def set_language(name: str, catalogues: Path | None = None) -> None:
    """Let this process speak a language from now on.

    Args:
        name: Of the locale: ``en_GB``, ``cy``.
        catalogues: The folder of the catalogues; None for ours. English needs none.

    Raises:
        LanguageError: The locale is unknown, or has no catalogue.
    """
    use_translations(*_load(name, catalogues))


def check_language(name: str) -> None:
    """Raise `LanguageError` where `set_language` would."""
    _load(name, None)


def _load(name: str, catalogues: Path | None) -> tuple[NullTranslations, Locale]:
    try:
        locale = Locale.parse(name)
    except (UnknownLocaleError, ValueError) as error:
        raise LanguageError(f"there is no language {name}; write one like en_GB or cy") from error
    found = Translations.load(catalogues or find_catalogues(), [locale], DOMAIN)
    if not isinstance(found, Translations) and locale.language != "en":
        raise LanguageError(f"there is no catalogue for {locale.english_name} ({name})")
    return found, locale


def use_translations(translations: NullTranslations, locale: Locale | None = None) -> None:
    """Let this process use a catalogue; ``locale`` is that of dates and numbers if it is given."""
    _language.translations = translations
    _language.locale = locale or _language.locale


def get_locale() -> Locale:
    """Return the locale of dates and numbers."""
    return _language.locale


def get_language_tag() -> str:
    """Return the language as HTML and feeds name it (RFC 5646): ``en-GB``."""
    return str(_language.locale).replace("_", "-")


def gettext(message: str) -> str:
    """Return ``message`` in this process's language."""
    return _language.translations.gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of a message for a number, in this process's language."""
    return _language.translations.ngettext(singular, plural, number)


def gettext_noop(message: str) -> str:
    """Return ``message`` itself: marks a constant that is translated where it is shown."""
    return message


def ngettext_noop(singular: str, plural: str) -> tuple[str, str]:
    """Return both forms themselves: marks constants that `ngettext` translates later."""
    return singular, plural
