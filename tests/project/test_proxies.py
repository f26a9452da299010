"""The configs of the reverse proxies, with the real Caddy and nginx, in front of a real service."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from alerts.web.security import MAX_BODY_BYTES
from tests.support.certificates import create_certificate
from tests.support.paths import REPOSITORY
from tests.support.service import ServiceFolder

pytestmark = [pytest.mark.process, pytest.mark.slow]

_FOLDER = REPOSITORY / "docs" / "deployment"
_NAME = "watchword.example"
_CONFIG = f"""
[sources.london]
url = "http://127.0.0.1:1"
enabled = false
[site]
public_url = "https://{_NAME}"
[metrics]
networks = ["127.0.0.0/8"]
[[topics]]
query = "trams"
[web]
trusted_proxies = ["127.0.0.1"]
"""
#: Of another network than 127.0.0.1: the service counts clients by networks.
_ANOTHER_CLIENT = "127.0.9.1"
#: curl's status when a server has answered and reads no more of a request (CURLE_HTTP2_STREAM).
_STREAM_RESET = 92


@dataclass(frozen=True)
class Reply:
    status: int
    version: str  #: of HTTP
    headers: dict[str, str]  #: names in lower case


@dataclass(frozen=True)
class Proxy:
    port: int  #: for TLS
    direct: int  #: of the service behind it
    certificate: Path

    def curl(self, *arguments: str, path: str = "/") -> str:
        """Return what curl prints for a request, which trusts nothing but our certificate."""
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--cacert", str(self.certificate)),
                *("--resolve", f"{_NAME}:{self.port}:127.0.0.1", "--max-time", "20"),
                *("--output", "/dev/null", *arguments, f"https://{_NAME}:{self.port}{path}"),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode in {0, _STREAM_RESET}, done.stderr
        return done.stdout

    def request(self, path: str, *arguments: str) -> Reply:
        """Ask once."""
        form = "%{http_code} %{http_version}\n"
        printed = self.curl(
            *("--dump-header", "-", "--write-out", form, *arguments), path=path
        ).splitlines()
        status, version = printed[-1].split()
        pairs = [line.split(": ", 1) for line in printed if ": " in line]
        return Reply(int(status), version, {name.lower(): value for name, value in pairs})

    def count(self, paths: str, *arguments: str) -> list[int]:
        """Ask for several paths, as curl writes them (``/c/[1-9]``); return the statuses."""
        return [
            int(line) for line in self.curl("-w", "%{http_code}\n", *arguments, path=paths).split()
        ]


def find_program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def find_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not listen")


def write_caddy(folder: Path, port: int, direct: int, certificate: Path) -> list[str]:
    """Write the config for these ports; return the command."""
    text = (_FOLDER / "Caddyfile").read_text()
    text = text.replace(f"{_NAME} {{", f"{_NAME}:{port} {{\n\ttls {certificate} {certificate}")
    text = text.replace("127.0.0.1:8080 {", f"127.0.0.1:{direct} {{")
    head = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}\n}}\n"
    (folder / "Caddyfile").write_text(head + text)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def write_nginx(folder: Path, port: int, direct: int, certificate: Path) -> list[str]:
    """Write the config for these ports; return the command."""
    text = (_FOLDER / "nginx.conf").read_text()
    text = re.sub(r"(ssl_certificate\w*) \S+;", rf"\1 {certificate};", text)
    text = re.sub(r"^    listen \[.*\n", "", text, flags=re.MULTILINE)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{find_port()};")
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
    text = text.replace("server 127.0.0.1:8080;", f"server 127.0.0.1:{direct};")
    places = "".join(
        f"{name}_temp_path {folder};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
    (folder / "nginx.conf").write_text(f"{head}http {{ access_log off;\n{places}{text}}}\n")
    # /usr/sbin is not on the path of everybody.
    return [str(find_program("nginx")), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


@contextmanager
def start(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture(scope="module", params=[write_caddy, write_nginx], ids=["caddy", "nginx"])
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """A proxy with the config of the documents, and `watchword run` behind it."""
    write: Callable[[Path, int, int, Path], list[str]] = request.param
    program = write.__name__.removeprefix("write_")
    for needed in (program, "curl"):
        if find_program(needed) is None:
            pytest.skip(f"{needed} is not installed (Debian: apt-get install {needed})")
    folder = tmp_path_factory.mktemp(program)
    folder.chmod(0o755)  # nginx leaves root
    certificate = folder / "certificate.pem"
    certificate.write_bytes(create_certificate(_NAME))
    direct, port = find_port(), find_port()
    service = ServiceFolder(folder / "service", f"{_CONFIG}port = {direct}\n")
    with service.running("run") as daemon:
        wait_for(direct, daemon)
        with start(write(folder, port, direct, certificate)) as process:
            wait_for(port, process)
            yield Proxy(port, direct, certificate)
            daemon.terminate()


def test_pages_come_over_tls_and_http_2(proxy: Proxy) -> None:
    found = proxy.request("/")
    assert (found.status, found.version) == (200, "2")
    # It says this only where it knows that the client uses TLS.
    assert "max-age" in found.headers["strict-transport-security"]


@pytest.mark.parametrize("path", ["/metrics", "/readyz?exclude=round"])
def test_what_monitors_ask_for_is_not_for_everybody(proxy: Proxy, path: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy.direct}{path}") as direct:
        assert direct.status == 200
    assert proxy.request(path).status == 404


@pytest.mark.parametrize("path", ["/", "/feeds/trams.atom.xml"])
def test_the_service_compresses(proxy: Proxy, path: str) -> None:
    found = proxy.request(path, "-H", "Accept-Encoding: gzip")
    assert (found.status, found.headers["content-encoding"]) == (200, "gzip")


def test_a_feed_is_asked_for_by_its_tag(proxy: Proxy) -> None:
    gzip = ("-H", "Accept-Encoding: gzip")
    tag = proxy.request("/feeds/trams.atom.xml", *gzip).headers["etag"]
    asked = ("-H", f"If-None-Match: {tag}")
    assert proxy.request("/feeds/trams.atom.xml", *gzip, *asked).status == 304


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 2_000_000])
def test_a_body_that_is_too_large_is_refused(proxy: Proxy, tmp_path: Path, size: int) -> None:
    (tmp_path / "body").write_bytes(b"a" * size)
    body = f"@{tmp_path / 'body'}"
    # Over HTTP/2, curl 7.88 loses an answer that comes while it still sends.
    found = proxy.request("/alerts", "--http1.1", "--data-binary", body)
    assert found.status == 413


def test_clients_are_counted_by_their_addresses_and_not_by_what_they_say(proxy: Proxy) -> None:
    spoofed = [
        proxy.count(f"/c/guess[{first}-{first + 30}]", "-H", f"X-Forwarded-For: 10.{first}.0.1")
        for first in (100, 200)
    ]
    assert [*spoofed[0], *spoofed[1]] == [404] * 60 + [429] * 2
    assert proxy.count("/c/guess[1-2]", "--interface", _ANOTHER_CLIENT) == [404] * 2


def test_a_service_that_is_away_is_said_to_be_away(proxy: Proxy, tmp_path: Path) -> None:
    """A proxy of its own, in front of a port where nobody listens."""
    write = write_caddy if find_program("caddy") else write_nginx
    port = find_port()
    with start(write(tmp_path, port, find_port(), proxy.certificate)) as process:
        wait_for(port, process)
        assert Proxy(port, 0, proxy.certificate).request("/").status == 502


def test_nobody_is_believed_who_is_not_the_proxy(proxy: Proxy) -> None:
    """The service believes 127.0.0.1 alone."""
    command = ["curl", "-s", "-o", "/dev/null", "-D", "-", "--interface", _ANOTHER_CLIENT]
    address = f"http://127.0.0.1:{proxy.direct}/"
    told = subprocess.check_output([*command, "-H", "X-Forwarded-Proto: https", address], text=True)
    assert "strict-transport-security" not in told.lower()
