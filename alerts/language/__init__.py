"""The language of what people read: the words, dates and numbers of pages, emails and feeds.

One service speaks one language, so a process has one: `set_language` is called once, when the
service is opened, before any template is loaded. The words are gettext's: the English of the source
code is the key, and a catalogue in ``locale/`` has the words of another language. The command line,
the logs and the operator's pages are English (docs/decisions/0026-language.md). It must not know
what is written in it.
"""

from alerts.language.catalogue import (
    DEFAULT_LOCALE,
    DOMAIN,
    LanguageError,
    check_language,
    find_catalogues,
    get_language_tag,
    gettext,
    gettext_noop,
    ngettext,
    ngettext_noop,
    set_language,
    use_translations,
)
from alerts.language.dates import (
    format_clock_time,
    format_day,
    format_due,
    format_long_day,
    format_moment,
    format_month,
    format_month_letter,
    format_near,
    format_number,
    format_rate,
    format_short_day,
    format_short_month,
    join_names,
    name_near_day,
)

__all__ = [
    "DEFAULT_LOCALE",
    "DOMAIN",
    "LanguageError",
    "check_language",
    "find_catalogues",
    "format_clock_time",
    "format_day",
    "format_due",
    "format_long_day",
    "format_moment",
    "format_month",
    "format_month_letter",
    "format_near",
    "format_number",
    "format_rate",
    "format_short_day",
    "format_short_month",
    "get_language_tag",
    "gettext",
    "gettext_noop",
    "join_names",
    "name_near_day",
    "ngettext",
    "ngettext_noop",
    "set_language",
    "use_translations",
]
