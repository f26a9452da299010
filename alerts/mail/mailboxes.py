"""Which mailbox an email address leads to, for counting alone. Pure.

Providers deliver many spellings to one mailbox. Emails are counted for the mailbox, so that its
owner cannot be sent one for each spelling. Nothing is ever sent to the form that is made here, and
two mailboxes that it takes for one only share a count.
"""

from __future__ import annotations

import msgspec


class _Provider(msgspec.Struct, frozen=True):
    """How a provider reads the part of an address before the ``@``."""

    name: str  #: the first of its domains
    ignored: str = ""  #: characters that make no difference
    separators: str = "+"  #: each begins a tag that makes no difference


#: From the providers' own help pages.
_PROVIDERS = {
    domain: provider
    for provider, domains in (
        (_Provider("gmail.com", ignored="."), ("gmail.com", "googlemail.com")),
        (
            _Provider("proton.me", ignored=".-_"),
            ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        ),
        (_Provider("icloud.com"), ("icloud.com", "me.com", "mac.com")),
        (_Provider("fastmail.com"), ("fastmail.com", "fastmail.fm")),
        (
            _Provider("yandex.ru", ignored="-."),
            ("yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "ya.ru"),
        ),
    )
    for domain in domains
}
#: Yahoo's disposable addresses, ``base-keyword``, at each of its national domains.
_YAHOO = ("yahoo.", "ymail.", "rocketmail.")
#: ``tag@name.fastmail.com`` leads to ``name@fastmail.com``.
_SUBDOMAIN_PROVIDERS = ("fastmail.com", "fastmail.fm")


def fold_address(address: str) -> str:
    """Return one form for the addresses that lead to the same mailbox.

    Args:
        address: An email address, ``Victim+7@GoogleMail.com``; anything else is returned in lower
            case.
    """
    local, at, domain = address.strip().lower().rpartition("@")
    if not at or not domain:
        return address.strip().lower()
    local, domain = local.strip('"'), domain.rstrip(".")
    for name in _SUBDOMAIN_PROVIDERS:
        if domain.endswith(f".{name}"):
            local, domain = domain.removesuffix(f".{name}").rpartition(".")[2], name
    provider = _PROVIDERS.get(domain) or _Provider(
        domain, separators="+-" if domain.startswith(_YAHOO) else "+"
    )
    return f"{_fold_local_part(local, provider)}@{provider.name}"


def _fold_local_part(local: str, provider: _Provider) -> str:
    base = local
    for separator in provider.separators:
        base = base.partition(separator)[0] or base  # "+tag@example.org" has nothing before it
    folded = base.translate({ord(sign): None for sign in provider.ignored})
    return folded or base
