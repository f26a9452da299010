"""What the site of an address is called."""

from __future__ import annotations

import pytest

from alerts.rendering import name_host, name_site


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.london.gov.uk/questions/1", "london.gov.uk"),
        ("https://questions.demo.example:8443/1", "questions.demo.example"),
        ("http://127.0.0.1:8000/questions/1", None),
        ("http://[::1]:8000/questions/1", None),
        ("http://localhost/questions/1", None),
        ("mailto:ada@demo.example", None),
        (None, None),
    ],
)
def test_a_site_is_called_by_its_domain_name_alone(url: str | None, name: str | None) -> None:
    assert name_host(url) == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://www.london.gov.uk", "www.london.gov.uk"),
        ("http://127.0.0.1:8000", "london"),
        ("http://localhost", "london"),
        (None, "london"),
    ],
)
def test_a_site_without_a_name_is_called_as_in_the_config(address: str | None, name: str) -> None:
    assert name_site("london", {"london": address} if address else {}) == name
