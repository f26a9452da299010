"""A store that speaks S3, over HTTP on a port of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fsspec import filesystem
from moto.server import ThreadedMotoServer

#: What S3's libraries look for. The server believes every key.
_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class ObjectStore:
    """A running store; what is in it outlives a stop."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Refuse all connections."""
        self._server.stop()

    def start(self) -> None:
        """Answer again, at the same address."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()


@contextmanager
def run_object_store(*buckets: str) -> Iterator[ObjectStore]:
    """Run a store with some empty buckets.

    This process, and those that it starts meanwhile, find it by ``AWS_ENDPOINT_URL``.
    """
    running = ObjectStore()
    variables = {**_VARIABLES, "AWS_ENDPOINT_URL": running.endpoint}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        store = filesystem("s3", skip_instance_cache=True)
        for bucket in buckets:
            store.makedirs(bucket, exist_ok=True)  # what is in it outlives its server
        yield running
    finally:
        running.stop()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
