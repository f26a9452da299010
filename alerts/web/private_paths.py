"""The paths that are nobody else's business, in one list for all who must know them."""

from __future__ import annotations

#: Where `watchword doctor` asks how its request arrived.
SELF_CHECK_PATH = "/self-check"
#: Personal pages, the operator's, copies of other people's, and what anybody may search for. Search
#: engines are asked not to visit them (``/robots.txt``) and told not to index them
#: (``X-Robots-Tag``). A path that ends in a slash stands for all below it.
PRIVATE_PATHS = (
    "/u/",
    "/c/",
    "/d/",
    "/m/",
    "/n/",
    "/your-alerts",
    "/sign-up",
    "/search",
    "/operator",
    SELF_CHECK_PATH,
    "/metrics",
    "/capture/",
    "/feeds/queries/",
    "/feeds/private/",
)


def is_private(path: str) -> bool:
    """Return whether a path is one of `PRIVATE_PATHS` or below one."""
    return path.startswith(PRIVATE_PATHS)


def build_robots_txt(public_url: str | None) -> str:
    """Return the text that asks search engines to stay away from `PRIVATE_PATHS`.

    With a public address it names the site map.
    """
    rules = "User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in PRIVATE_PATHS)
    return f"{rules}\nSitemap: {public_url}/sitemap.xml\n" if public_url else rules
