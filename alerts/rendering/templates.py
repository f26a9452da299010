"""Templates: loading them, and rendering them to HTML or plain text.

What a template is given is its caller's business; this module knows no message, page or feed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
)

from alerts.errors import ExitStatus, WatchwordError
from alerts.language import (
    format_clock_time,
    format_day,
    format_due,
    format_long_day,
    format_moment,
    format_month,
    format_near,
    format_number,
    format_rate,
    format_short_day,
    get_language_tag,
    gettext,
    name_near_day,
)
from alerts.rendering.css import inline_css
from alerts.rendering.labels import TEMPLATE_LABELS, label_question
from alerts.rendering.sanitise import sanitise_html
from alerts.rendering.tables import wrap_tables
from alerts.rendering.translation import install_translations
from alerts.rendering.urls import (
    body_path,
    member_path,
    name_in_sentence,
    name_without_day,
    normalise_link,
    question_path,
    topic_path,
)
from alerts.secret import show_address


class TemplatesError(WatchwordError):
    """A template is missing or wrong; the message names it."""

    exit_status = ExitStatus.CONFIG


def find_shipped_templates() -> Path:
    """Return the folder of our own templates: inside the wheel, else beside the packages."""
    installed = Path(__file__).parents[1] / "templates"
    return installed if installed.is_dir() else Path(__file__).parents[2] / "templates"


#: Characters of a line of plain text: a reply that quotes it twice stays under 78 (RFC 3676, 4.2).
_LINE_LENGTH = 72


def wrap_lines(text: str, first: str = "", rest: str | None = None) -> str:
    """Return ``text`` in lines of at most 72 characters, broken at spaces alone.

    It is ten times as fast as Jinja's ``wordwrap``, which took a fifth of an entry's time.

    Args:
        text: One or more paragraphs.
        first: What stands before the first line of each: an indent, or a label.
        rest: What stands before the other lines; None for ``first``.
    """
    rest = first if rest is None else rest
    width = _LINE_LENGTH - len(rest)
    wrapped = (_wrap_line(line, width) for line in text.split("\n"))
    if not rest:
        return "\n".join(first + line for line in wrapped)
    return "\n".join(first + line.replace("\n", f"\n{rest}") for line in wrapped)


def _wrap_line(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    lines, start = [], 0
    while len(line) - start > width:
        end = line.rfind(" ", start, start + width + 1)
        if end <= start:
            end = line.find(" ", start + 1)
        if end < 0:
            break
        lines.append(line[start:end].rstrip())
        start = end + 1
    return "\n".join([*lines, line[start:]])


def upper_first(text: str) -> str:
    """Return ``text`` with its first letter in upper case, and the rest as it is."""
    return text[:1].upper() + text[1:]


_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "day": format_day,
    "long_day": format_long_day,
    "due": format_due,
    "short_day": format_short_day,
    "month": format_month,
    "moment": format_moment,
    "clock_time": format_clock_time,
    "near": format_near,
    "near_day": name_near_day,
    "number": format_number,
    "upper_first": upper_first,
    "rate": format_rate,
    "wrap": wrap_lines,
    "web_address": normalise_link,
    "question_name": label_question,
    "question_path": question_path,
    "topic_path": topic_path,
    "member_path": member_path,
    "body_path": body_path,
    "in_sentence": name_in_sentence,
    "without_day": name_without_day,
    "sanitise": sanitise_html,
    "in_regions": wrap_tables,
    "address": show_address,
}


def _translate(value: object) -> object:
    """Return a table of labels with its texts translated; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    return {key: gettext(text) if type(text) is str else text for key, text in value.items()}


class _TemplateLoader(BaseLoader):
    """Finds templates in folders, and inlines the CSS of those of emails."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = ChoiceLoader([FileSystemLoader(folder) for folder in folders])

    def get_source(self, environment: Environment, template: str) -> Any:
        source, *rest = self._folders.get_source(environment, template)
        if template.startswith("mail/") and template.endswith(".html"):
            css, head = (
                self._folders.get_source(environment, f"mail/{name}")[0]
                for name in ("style.css", "head.html")
            )
            source = inline_css(source, css, later=head)
        return (source, *rest)


class _Environment(Environment):
    """An environment whose templates all have the same variables, and none of their own.

    Jinja would look each of them up in two mappings, for each part of a page: a tenth of the time
    of a question's page.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the variables of a template; ``d`` must be empty."""
        assert not d
        return self.globals


class Templates:
    """Renders templates: as HTML, in which values are escaped, or as plain text."""

    def __init__(
        self, own_folder: Path | None = None, variables: Mapping[str, object] = TEMPLATE_LABELS
    ) -> None:
        """Prepare the templates; each is read when it is first used.

        Args:
            own_folder: An operator's folder. Its templates replace ours of the same name.
            variables: What every template can use, whatever it is given. The texts in its tables
                are translated.
        """
        self.own_folder = own_folder
        folders = [folder for folder in (own_folder, find_shipped_templates()) if folder]
        loader = _TemplateLoader(folders)
        shared: dict[str, Any] = {
            "loader": loader,
            "undefined": StrictUndefined,
            # Otherwise a page looks for changed files at each of the nine templates it is made of.
            "auto_reload": False,
            "trim_blocks": True,
            "lstrip_blocks": True,
        }
        self._html = _Environment(autoescape=True, **shared)
        self._text = _Environment(
            autoescape=False, keep_trailing_newline=True, **shared
        )  # plain text
        for environment in (self._html, self._text):
            environment.filters |= _FILTERS
            environment.globals["language"] = get_language_tag()
            environment.globals |= {name: _translate(value) for name, value in variables.items()}
            install_translations(environment)

    def add_variables(self, variables: Mapping[str, object]) -> None:
        """Let every template use more variables, whatever it is given."""
        for environment in (self._html, self._text):
            environment.globals |= variables

    def render_html(self, name: str, /, **values: Any) -> str:
        """Return a template as HTML.

        Args:
            name: Its path below the folder: ``mail/digest.html``.
            values: The variables that it uses, beside those of all templates.

        Raises:
            TemplatesError: It is missing, wrong, or uses a variable that it is not given.
        """
        return self._render(self._html, name, values)

    def render_text(self, name: str, /, **values: Any) -> str:
        """Return a template as plain text; see :meth:`render_html`."""
        return self._render(self._text, name, values)

    def render_html_pieces(self, name: str, /, **values: Any) -> list[str]:
        """Return a template as HTML in pieces; what an expression writes is one piece."""
        return self._render_pieces(self._html, name, values)

    def render_text_pieces(self, name: str, /, **values: Any) -> list[str]:
        """Return a template as plain text in pieces; see :meth:`render_html_pieces`."""
        return self._render_pieces(self._text, name, values)

    @staticmethod
    def _render(environment: Environment, name: str, values: dict[str, Any]) -> str:
        try:
            return environment.get_template(name).render(values)
        except TemplateError as error:
            raise TemplatesError(f"template {name}: {error}") from error

    @staticmethod
    def _render_pieces(environment: Environment, name: str, values: dict[str, Any]) -> list[str]:
        try:
            return list(environment.get_template(name).generate(values))
        except TemplateError as error:
            raise TemplatesError(f"template {name}: {error}") from error
