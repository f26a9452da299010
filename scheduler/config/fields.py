"""Types of config keys whose limits several sections share.

A limit's own words say what to write: numbers are described from the limit (``0 to 23``), text with
a pattern by the ``description``. :mod:`scheduler.config.explanation` puts them into messages.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# Each number has a lower and an upper limit: without one, `inf` or a number with too many digits
# would be accepted here and fail in the arithmetic of dates and timers. A test checks it.

#: A time between two requests, in seconds.
Delay = Annotated[float, Meta(ge=0, le=3600)]
#: The length of a crawl in minutes, up to a year; 0 stands for no limit.
CrawlMinutes = Annotated[float, Meta(ge=0, le=525_600)]
#: A time between two crawls in minutes: from 3 seconds, for a replica, to a year.
IntervalMinutes = Annotated[float, Meta(ge=0.05, le=525_600)]
#: A number of hours, up to ten years.
Hours = Annotated[float, Meta(gt=0, le=87_600)]
#: A number of days, up to a century: with more, dates leave the calendar.
Days = Annotated[int, Meta(ge=0, le=36_500)]
#: For how many days something is kept: 92 are the most that a count or an alarm looks back.
KeptDays = Annotated[int, Meta(ge=100, le=36_500)]
#: Days between two backups: from a quarter of a day to a year.
BackupDays = Annotated[float, Meta(ge=0.25, le=366)]
#: A size in gigabytes: from one megabyte to a petabyte.
Gigabytes = Annotated[float, Meta(ge=0.001, le=1_000_000)]
#: A pace: from one in 1,000 seconds to more than any server takes.
PerSecond = Annotated[float, Meta(ge=0.001, le=100_000)]
#: A count that may be zero.
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
#: A count of at least one.
PositiveCount = Annotated[int, Meta(ge=1, le=1_000_000_000)]
#: A TCP port; 0 lets the system choose one.
Port = Annotated[int, Meta(ge=0, le=65535)]
#: A name that stands on one line of an email's header.
Name = Annotated[str, Meta(pattern=r"\S", description="text that is not empty")]
#: Who owns the ids of feeds, and since when (RFC 4151, section 2.1).
TagAuthority = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9.@_-]+,\d{4}(-\d\d(-\d\d)?)?$",
        description="a domain and a year, like watchword.example,2026",
    ),
]

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


#: The most characters of a wrong value that a message quotes.
_MAX_QUOTED_LENGTH = 60


def shorten(text: str) -> str:
    """Return a text in quotes, with its end left out if it is long, for a message."""
    cut = text[:_MAX_QUOTED_LENGTH]
    return repr(text) if cut == text else f"{cut!r}..."
