"""Which certificates the receivers of webhooks and pings may have: those that are trusted here."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from alerts.delivery import BoundedSession
from tests.support.certificates import create_certificate


class _Receiver(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate that nobody has signed."""
    path = tmp_path / "own.pem"
    path.write_bytes(create_certificate("127.0.0.1"))
    return path


@pytest.fixture
def address(certificate: Path) -> Iterator[str]:
    """Of a server that has the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"https://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_an_authority_of_the_machine_is_trusted(
    address: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    # Somebody who sets one of these means it for requests alone.
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with BoundedSession() as session:
        assert session.get(address, timeout=5).status_code == 204


def test_no_other_is(address: str) -> None:
    with BoundedSession() as session, pytest.raises(requests.exceptions.SSLError):
        session.get(address, timeout=5)


@pytest.mark.parametrize("names", [(), ("README",)])
def test_where_the_machine_has_none_those_of_requests_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert BoundedSession().verify is True
    (tmp_path / "5ad8a5d6.0").touch()
    assert BoundedSession().verify == str(tmp_path)
