"""What a service finds on the Internet: names, a source, and an authority for certificates.

``python -m tests.walk.outside FOLDER`` answers for all of it, in the network namespace that it is
started in, until SIGTERM. Names are those in ``FOLDER/zone``, which is read anew for each question.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdataset import Rdataset

from alerts.rendering import find_shipped_templates
from crawler.replica import LivingWorld, build_demo_world, create_site
from scheduler.web import serve
from tests.walk.network import OUTSIDE_ADDRESS

ZONE_NAME = "zone"
#: Port of the replica, behind the web server that has its certificate.
_REPLICA_PORT = 8200
_DNS_PORT = 53
_MAX_DATAGRAM = 4096
#: The replica's script begins so long ago: by now all of it can be seen.
_AGE_OF_WORLD = timedelta(days=9)
#: The authority is Caddy's own. It stands at the address that servers ask without being told of
#: another, so the operator's needs no setting for the walk.
_CADDYFILE = f"""\
{{
	admin off
	skip_install_trust
	local_certs
}}
https://www.london.gov.uk {{
	bind {OUTSIDE_ADDRESS}
	reverse_proxy 127.0.0.1:{_REPLICA_PORT}
}}
https://acme-v02.api.letsencrypt.org {{
	bind {OUTSIDE_ADDRESS}
	rewrite /directory /acme/local/directory
	acme_server
}}
"""


def main() -> int:
    """Answer until SIGTERM."""
    folder = Path(sys.argv[1])
    (folder / "Caddyfile").write_text(_CADDYFILE)
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.bind((OUTSIDE_ADDRESS, _DNS_PORT))
    threading.Thread(target=_answer_names, args=(answers, folder / ZONE_NAME), daemon=True).start()
    world = LivingWorld(build_demo_world(datetime.now(UTC) - _AGE_OF_WORLD))
    site = create_site(world, lambda: datetime.now(UTC), find_shipped_templates())
    with ExitStack() as stack:
        stack.enter_context(serve(site, _REPLICA_PORT))
        command = (
            str(folder / "caddy/usr/bin/caddy"),
            "run",
            "--config",
            str(folder / "Caddyfile"),
        )
        caddy = subprocess.Popen(command, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"})
        stack.callback(caddy.wait)
        stack.callback(caddy.terminate)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def _answer_names(listener: socket.socket, zone: Path) -> None:
    """Answer each question about names from a zone file."""
    while True:
        packet, client = listener.recvfrom(_MAX_DATAGRAM)
        listener.sendto(answer_query(packet, zone.read_text()), client)


def answer_query(packet: bytes, zone_text: str) -> bytes:
    """Return the answer to a question, from the text of a zone of the root."""
    query = dns.message.from_wire(packet)
    answer = dns.message.make_response(query, recursion_available=True)
    zone = dns.zone.from_text(zone_text, origin=".", relativize=False, check_origin=False)
    asked = query.question[0]
    node = zone.get_node(asked.name)
    if node is None:
        answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()
    found: Rdataset | None = node.get_rdataset(asked.rdclass, asked.rdtype)
    if found is not None:
        answer.answer.append(dns.rrset.from_rdata_list(asked.name, found.ttl, list(found)))
    return answer.to_wire()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    sys.exit(main())
