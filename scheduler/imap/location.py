"""The addresses of mailboxes: ``imaps://user@host/folder``."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit

import msgspec

from alerts.errors import ExitStatus, WatchwordError

#: What the locations that :func:`parse_imap_location` reads begin with.
IMAP_SCHEMES = ("imaps://", "imap://", "imap+insecure://")


class ImapLocationError(WatchwordError):
    """The address of a mailbox is wrong, or would tell others the password."""

    exit_status = ExitStatus.USAGE


class ImapLocation(msgspec.Struct, frozen=True):
    """A mailbox on an IMAP server."""

    host: str
    port: int
    user: str
    folder: str
    has_tls: bool


def parse_imap_location(location: str) -> ImapLocation:
    """Return the mailbox that ``imaps://user@host:993/folder`` names.

    Args:
        location: With ``imap://`` the password goes to the server in clear, so its host must be
            this one; ``imap+insecure://`` is for every host.

    Raises:
        ImapLocationError: It is no such address, it holds a password, which everybody on this host
            could see in the list of processes, or the password would go over a network in clear.
    """
    try:
        url = urlsplit(location)
        host, port = url.hostname, url.port
    except ValueError as error:
        raise ImapLocationError(f"the address of the mailbox is wrong: {error}") from error
    user, folder = unquote(url.username or ""), unquote(url.path.strip("/")) or "INBOX"
    if url.password is not None:
        raise ImapLocationError(
            "the address of a mailbox holds no password, because others see it in the list of "
            "processes: set imap.password_file"
        )
    if not host or not f"{user}{folder}".isprintable():
        raise ImapLocationError("the address of a mailbox is like imaps://user@host/folder")
    if url.scheme == "imap" and not _is_this_host(host):
        raise ImapLocationError(
            f"imap:// sends the password to {host} in clear: write imaps://, or imap+insecure:// "
            "if nobody else is on the way"
        )
    has_tls = url.scheme == "imaps"
    return ImapLocation(host, port or (993 if has_tls else 143), user, folder, has_tls)


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
