"""Spiders: where the pages of a source are. One file for each source.

Scrapy finds the spiders by walking this package. Each module is named as its source, with ``_`` for
``-``, so the sources are known without importing Scrapy. A spider knows the addresses and listings
of its site; how a question page is read is the page objects' business (:mod:`crawler.pages`).
"""

from __future__ import annotations

import pkgutil


def list_source_names() -> tuple[str, ...]:
    """Return the names of the sources that have a spider, in alphabetical order."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


__all__ = ["list_source_names"]
