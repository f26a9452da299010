"""Make a site of the pages in ``docs/`` as they are: the hooks that ``mkdocs.yml`` names.

The pages link to each other, and to files of the repository outside ``docs/``, by relative paths,
so that the links work where the repository is browsed. A file outside ``docs/`` that some page
links to becomes part of the site, below ``project/``, and links to it are rewritten.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parent.parent
_DOCS = _ROOT / "docs"
#: Where the site has the files that lie outside ``docs/``.
_OUTSIDE = "project"
#: A link or a picture: what comes before its target, the path, the anchor.
_LINK = re.compile(r"(?P<before>\]\()(?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")
#: Code, in which nothing is a link.
_CODE = re.compile(r"^```.*?^```|^(?: {4}|\t).*?$|`[^`\n]+`", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a folder into the navigation where it says ``FOLDER/*``."""
    named = set(_list_named(config.nav))
    config.nav = _expand(config.nav, named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside ``docs/`` that pages link to, and those that these link to."""
    waiting = [file.abs_src_path for file in files.documentation_pages()]
    seen: set[Path] = set()
    while waiting:
        source = waiting.pop()
        if source is None:
            continue
        for target in _list_outside(Path(source)):
            if target not in seen:
                seen.add(target)
                files.append(_build_file(target, config))
                waiting.append(str(target) if target.suffix == ".md" else None)
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point the links of a page to where the site has their targets."""
    source = Path(page.file.abs_src_path or "")
    return _replace_links(markdown, partial(_rewrite, source=source, uri=page.file.src_uri))


def _list_named(nav: Any) -> Iterator[str]:
    """Yield the pages that the navigation names, as paths below ``docs/``."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _list_named(part)


def _expand(nav: Any, named: set[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expand(part, named) for title, part in nav.items()}
    if isinstance(nav, list):
        return [entry for part in nav for entry in _expand_entry(part, named)]
    return nav


def _expand_entry(entry: Any, named: set[str]) -> Iterable[Any]:
    if isinstance(entry, str) and entry.endswith("/*"):
        pages = (str(path.relative_to(_DOCS)) for path in _DOCS.glob(f"{entry[:-2]}/*.md"))
        return sorted(set(pages) - named)
    return [_expand(entry, named)]


def _list_outside(source: Path) -> Iterator[Path]:
    """Yield the files of the repository outside ``docs/`` that a page links to."""
    for link in _LINK.finditer(_CODE.sub("", source.read_text(encoding="utf-8"))):
        target = _resolve(source, link["path"])
        if target.is_relative_to(_ROOT) and not target.is_relative_to(_DOCS) and target.is_file():
            yield target


def _build_file(path: Path, config: MkDocsConfig) -> File:
    uri = _get_uri(path)
    return File.generated(config, uri, abs_src_path=str(path), inclusion=InclusionLevel.INCLUDED)


def _get_uri(path: Path) -> str:
    """Return where the site has a file, as a path below ``docs/``."""
    if path.is_relative_to(_DOCS):
        return path.relative_to(_DOCS).as_posix()
    return (PurePosixPath(_OUTSIDE) / path.relative_to(_ROOT).as_posix()).as_posix()


def _resolve(source: Path, target: str) -> Path:
    return Path(os.path.normpath(source.parent / target))


def _rewrite(link: re.Match[str], *, source: Path, uri: str) -> str:
    target = _resolve(source, link["path"])
    if not target.is_relative_to(_ROOT):
        return link[0]
    path = os.path.relpath(_get_uri(target), PurePosixPath(uri).parent)
    return f"{link['before']}{path}{link['anchor'] or ''}"


def _replace_links(markdown: str, replace: Callable[[re.Match[str]], str]) -> str:
    """Return the text with its links replaced, and its code as it is."""
    parts: list[str] = []
    end = 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(replace, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LINK.sub(replace, markdown[end:])])
