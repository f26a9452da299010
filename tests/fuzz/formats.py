"""Checks that what was answered is in the format that it claims to be in."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import html5lib
from lxml import etree
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text_format

from tests.fuzz.runner import CaseFailedError


def check_xml(data: bytes) -> None:
    """Check that ``data`` is well-formed XML.

    Raises:
        CaseFailedError: It is not.
    """
    try:
        etree.fromstring(data)
    except etree.XMLSyntaxError as error:
        raise CaseFailedError(f"no valid XML: {error}") from error


def check_html(data: bytes) -> None:
    """Check that ``data`` is HTML without a parse error.

    Raises:
        CaseFailedError: It is not.
    """
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(data, transport_encoding="utf-8")
    if parser.errors:
        (line, column), code, _ = parser.errors[0]
        near = data.splitlines()[line - 1][max(0, column - 80) : column + 40]
        raise CaseFailedError(f"no valid HTML: {code} at {line}:{column}, near {near!r}")


def check_openmetrics(data: bytes) -> None:
    """Check that ``data`` is OpenMetrics and holds metrics.

    Raises:
        CaseFailedError: It is not.
    """
    _check_metrics(data, parse_openmetrics)


def check_text_format(data: bytes) -> None:
    """Like `check_openmetrics`, for the text format of Prometheus."""
    _check_metrics(data, parse_text_format)


def _check_metrics(data: bytes, parse: Callable[[str], Iterable[Metric]]) -> None:
    try:
        found = list(parse(data.decode()))
    except ValueError as error:
        raise CaseFailedError(f"no valid metrics: {error}") from error
    if not found:
        raise CaseFailedError("no metrics")
