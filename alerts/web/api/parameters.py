"""Query parameters of the API, validated."""

from __future__ import annotations

from starlette.requests import Request

from alerts.errors import WatchwordError
from alerts.search import SearchPosition, parse_position


class ApiError(WatchwordError):
    """A request that the API refuses."""

    def __init__(self, status: int, error: str) -> None:
        """Keep the HTTP status and one sentence that says what to do."""
        super().__init__(status, error)
        self.status, self.error = status, error

    def __str__(self) -> str:
        return self.error


def read_text(request: Request, name: str) -> str:
    """Return the parameter ``name``; "" where it is missing.

    Raises:
        ApiError: it contains NUL.
    """
    return reject_nul(request.query_params.get(name, ""))


def reject_nul(text: str) -> str:
    """Return ``text``; raise an `ApiError` if it contains NUL, which PostgreSQL refuses."""
    if "\0" in text:
        raise ApiError(400, "Remove the NUL character.")
    return text


def read_number(request: Request, name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Return the parameter ``name`` as an integer; ``default`` where it is missing.

    Raises:
        ApiError: it is not a whole number from ``minimum`` to ``maximum``.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    if not is_number or not minimum <= int(text) <= maximum:
        raise ApiError(400, f"{name}: expected a whole number from {minimum} to {maximum}.")
    return int(text)


def read_position(request: Request, name: str) -> SearchPosition | None:
    """Return the parameter ``name`` as a position in search results.

    None where it is missing or "0", which begins a list in the other parts of the API.

    Raises:
        ApiError: it is not the ``next`` of a response.
    """
    text = request.query_params.get(name)
    if text in (None, "0"):
        return None
    position = parse_position(text or "")
    if position is None:
        raise ApiError(400, f"{name}: expected `next` of the last response, or nothing.")
    return position
