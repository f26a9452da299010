"""Types of config keys whose limits several sections share.

A limit's own words say what to write: numbers are described from the limit (``0 to 23``), text with
a pattern by the ``description``. :mod:`scheduler.config.explanation` puts them into messages.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

#: A number that is not negative.
Amount = Annotated[float, Meta(ge=0)]
#: A number above zero.
PositiveAmount = Annotated[float, Meta(gt=0)]
#: A count that may be zero.
Count = Annotated[int, Meta(ge=0)]
#: A count of at least one.
PositiveCount = Annotated[int, Meta(ge=1)]
#: A TCP port; 0 lets the system choose one.
Port = Annotated[int, Meta(ge=0, le=65535)]

#: The address of a site that we read. A slash at its end is ignored.
SourceURL = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^/\s]+/*$",
        description="scheme and host alone, like https://www.london.gov.uk",
    ),
]
#: The address of our own pages. Paths are appended to it, so a slash at its end would be doubled.
PublicURL = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^/\s?#]+$",
        description="scheme and host alone, without a slash at the end, "
        "like https://watchword.example.org",
    ),
]
#: The address of a WebSub hub.
HubURL = Annotated[
    str,
    Meta(
        pattern=r"^https?://\S+$",
        description="the address of a hub, like https://websubhub.com/hub",
    ),
]
#: A DKIM selector: labels of a domain name (RFC 6376, section 3.1).
DkimSelector = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$",
        description="letters and digits, like watch2026",
    ),
]


class DatabaseURL(str):
    """The SQLAlchemy URL of a database. A SQLite path is taken from the config's folder."""

    __slots__ = ()
