"""The words of templates in the language of the process.

``{% trans %}`` is Jinja's own (``jinja2.ext.i18n``), with one change: a text without variables is
translated once, when its template is compiled. Looking it up each time would cost a question's page
a tenth of its time.
"""

from __future__ import annotations

from jinja2 import Environment, nodes
from jinja2.ext import InternationalizationExtension
from jinja2.parser import Parser

from alerts.language import gettext, ngettext


class CompiledTranslations(InternationalizationExtension):
    """``{% trans %}``, whose texts without variables become part of the compiled template."""

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Return the nodes of one ``{% trans %}`` block."""
        parsed = super().parse(parser)
        text = _find_constant_text(parsed)
        if text is None:
            return parsed
        translated = gettext(text) % {}  # `%%` stands for a per cent sign
        return nodes.Output([nodes.TemplateData(translated, lineno=parser.stream.current.lineno)])


def _find_constant_text(parsed: nodes.Node | list[nodes.Node]) -> str | None:
    """Return the text of a block that is ``gettext("a text")`` and no more; None for others."""
    match parsed:
        case nodes.Output(
            nodes=[
                nodes.Call(
                    node=nodes.Name(name="gettext"),
                    args=[nodes.Const(value=str(text))],
                    kwargs=[],
                )
            ]
        ):
            return text
    return None


def install_translations(environment: Environment) -> None:
    """Let the templates of an environment use ``{% trans %}``, ``_`` and ``ngettext``."""
    environment.policies["ext.i18n.trimmed"] = True  # a sentence may be broken into lines
    environment.add_extension(CompiledTranslations)
    install = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(gettext, ngettext, newstyle=True)
