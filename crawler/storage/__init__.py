"""Folders in which the service keeps files: on this machine, or in an object store.

Owns how a file is replaced, read and listed in either. Captured pages, feeds, compiled topics and
the sent log are kept in such folders, so that any machine of a service finds them. It must not know
what the files hold.

A folder is named as in the config: by a path, or by a URL that fsspec knows, such as
``s3://bucket/feeds``. Every method raises `OSError`, whatever an object store's library raises.
"""

from crawler.storage.folder import Folder, FolderError, StoredFile
from crawler.storage.local import LocalFolder
from crawler.storage.remote import RemoteFolder

__all__ = ["Folder", "FolderError", "LocalFolder", "RemoteFolder", "StoredFile", "parse_folder"]


def parse_folder(text: str) -> Folder:
    """Return the folder that a path or a URL names; nothing is opened or created.

    Raises:
        FolderError: A URL has a password or no bucket.
    """
    return RemoteFolder(text) if "://" in text else LocalFolder(text)
