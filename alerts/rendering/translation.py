"""The words of templates in the language of the process.

``{% trans %}`` and ``_`` are Jinja's own (``jinja2.ext.i18n``), with one change: a text is
translated once, when its template is compiled. Looking it up each time would cost a question's page
a tenth of its time. The forms of a text for a number are looked up each time.
"""

from __future__ import annotations

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.visitor import NodeTransformer

from alerts.language import gettext, ngettext

#: What a template can call `gettext` by.
_NAMES = frozenset({"_", "gettext"})


class _Translator(NodeTransformer):
    """Puts the translated text in place of each call of ``gettext`` with a constant text."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # Jinja's name
        self.generic_visit(node)
        text = _find_constant_text(node)
        if text is None:
            return node
        translated: nodes.Expr
        if node.kwargs:
            pairs = [nodes.Pair(nodes.Const(one.key), one.value) for one in node.kwargs]
            safe = nodes.MarkSafeIfAutoescape(nodes.Const(gettext(text)))
            translated = nodes.Mod(safe, nodes.Dict(pairs))
        else:
            constant = nodes.Const(gettext(text) % {})  # `%%` stands for a per cent sign
            translated = nodes.MarkSafeIfAutoescape(constant)
        assert node.environment is not None
        return translated.set_lineno(node.lineno).set_environment(node.environment)


def _find_constant_text(call: nodes.Call) -> str | None:
    """Return the text of a call that is ``gettext("a text")``; None for others."""
    match call:
        case nodes.Call(
            node=nodes.Name(name=name),
            args=[nodes.Const(value=str(text))],
            dyn_args=None,
            dyn_kwargs=None,
        ) if name in _NAMES:
            return text
    return None


class TranslatingGenerator(CodeGenerator):
    """Compiles templates whose constant texts are translated."""

    def visit_Template(  # noqa: N802  # Jinja's name
        self, node: nodes.Template, frame: Frame | None = None
    ) -> None:
        """Write the code of a whole template."""
        _Translator().visit(node)
        super().visit_Template(node, frame)


def install_translations(environment: Environment) -> None:
    """Let the templates of an environment use ``{% trans %}``, ``_`` and ``ngettext``."""
    environment.policies["ext.i18n.trimmed"] = True  # a sentence may be broken into lines
    environment.add_extension("jinja2.ext.i18n")
    install = environment.install_gettext_callables  # type: ignore[attr-defined]
    install(gettext, ngettext, newstyle=True)
    environment.code_generator_class = TranslatingGenerator
