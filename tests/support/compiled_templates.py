"""Templates that all environments of a test process share in their compiled form.

A running service compiles each of its templates once. Nearly every command of a test, and every
service that it opens, makes an environment of its own, and would compile all of them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType

from jinja2 import Environment

from alerts.language import get_language_tag, gettext
from alerts.rendering import templates
from alerts.rendering.css import inline_css


@contextmanager
def share_compiled_templates() -> Iterator[None]:
    """Let all environments of this process share what they compile within the block.

    What is compiled follows from the text, the options of the environment and the names of its
    filters; and from the language, because Jinja computes what has no variables at once.
    """
    compile_anew = Environment.compile
    shared: dict[tuple[object, ...], CodeType] = {}

    def compile_once(
        environment: Environment, source: str, name: str | None, filename: str | None
    ) -> CodeType:
        language = get_language_tag(), gettext("Search")  # tests bring catalogues of their own
        key = (source, name, filename, *language, *_describe(environment))
        if key not in shared:
            shared[key] = compile_anew(environment, source, name, filename)
        return shared[key]

    Environment.compile = compile_once  # type: ignore[method-assign,assignment]
    vars(templates)["inline_css"] = cache(inline_css)
    try:
        yield
    finally:
        Environment.compile = compile_anew  # type: ignore[method-assign]
        vars(templates)["inline_css"] = inline_css


def _describe(environment: Environment) -> tuple[object, ...]:
    return (
        environment.autoescape,
        environment.trim_blocks,
        environment.lstrip_blocks,
        environment.keep_trailing_newline,
        tuple(environment.extensions),
        frozenset(environment.filters),
        frozenset(environment.tests),
    )
