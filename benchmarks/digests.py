"""What a digest costs: beside the obvious chain, and a hundred thousand of them.

The obvious chain makes each message from the beginning: its passages found and marked (in questions
whose words are known, as in a run of the service), one template for all of it, CSS inlined by
css-inline, ``EmailMessage``, and dkimpy with RSA-2048. Ours is the service's, twice: where nobody
was sent these questions for these topics before, and where others were. All make the same digests,
in turn, in processor time.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import css_inline
import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alerts.digests.cache import EntryCache
from alerts.digests.digest import build_digest
from alerts.digests.entries import (
    DigestMatch,
    Entry,
    EntryOutline,
    build_entry,
    outline_entry,
    prepare_entry_text,
)
from alerts.digests.entry_renderer import EntryRenderer
from alerts.digests.render import DigestEnvelope, render_digest
from alerts.mail import MailIdentity, SigningKey, draft_message, read_key, write_email
from alerts.model import Change, ChangeKind, NumberedChange, SubscribedTopic, Subscriber
from alerts.queries import format_canonical, parse_query
from alerts.rendering import Templates, find_shipped_templates
from alerts.text import STOP_WORDS
from benchmarks.sample_subscribers import NOW, build_questions, measure_digests
from crawler.records import Question

QUESTIONS_PER_DIGEST = 10
ROUNDS = 5
DIGESTS_PER_ROUND = 60


def main() -> None:
    """Print it all."""
    with tempfile.TemporaryDirectory() as folder:
        key = _create_key(Path(folder))
        _compare_chains(key, Path(folder))
        sizes = [int(text) for text in sys.argv[1:]] or [1_000, 10_000, 100_000]
        for size in sizes:
            measure_digests(size, _build_identity(key), Path(folder))


def _create_key(folder: Path) -> SigningKey:
    private = rsa.generate_private_key(65537, 2048)
    path = folder / "dkim.pem"
    path.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return read_key(path, "bench", "demo.example")


# ------------------------------------------------------------------------------- two chains


def _compare_chains(key: SigningKey, folder: Path) -> None:
    templates, head = Templates(), _build_identity(key)
    records = build_questions(400)
    chance = random.Random(3)
    pem = (folder / "dkim.pem").read_bytes()
    people = [_build_subscriber(n) for n in range(DIGESTS_PER_ROUND)]
    draws = [_draw_matches(records, chance) for _ in people]
    texts = {hit.numbered.seq: prepare_entry_text([hit]) for hits in draws for hit in hits}
    cached = EntryRenderer(templates, head, EntryCache().get_entry)

    def build(outline: EntryOutline) -> Entry:
        return build_entry(outline.matches, texts[outline.matches[0].numbered.seq])

    def obvious() -> None:
        for person, hits in zip(people, draws, strict=True):
            outlines = [outline_entry([hit]) for hit in hits]
            renderer = EntryRenderer(templates, head, build)
            _build_from_scratch(person, outlines, head, renderer, pem)

    def cold() -> None:
        for person, hits in zip(people, draws, strict=True):
            outlines = [outline_entry([hit]) for hit in hits]
            _build_with_service(person, outlines, head, EntryRenderer(templates, head, build))

    def warm() -> None:
        for person, hits in zip(people, draws, strict=True):
            outlines = [outline_entry([hit]) for hit in hits]
            _build_with_service(person, outlines, head, cached)

    warm()
    times = _time_in_turn(obvious, cold, warm)
    print(
        f"one digest of {QUESTIONS_PER_DIGEST} questions, signed with RSA-2048 "
        f"(processor time, {ROUNDS} rounds)"
    )
    names = ("obvious chain", "ours, nobody's before", "ours, others' before")
    for name, some in zip(names, times, strict=True):
        ratios = [a / b for a, b in zip(times[0], some, strict=True)]
        each = statistics.median(some) / DIGESTS_PER_ROUND * 1e3
        print(f"  {name:24s}{each:7.2f} ms   {_format_spread(ratios)} times as fast")


def _time_in_turn(*works: Callable[[], None]) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for times, work in zip(found, works, strict=True):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
    return found


def _format_spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def _draw_matches(records: Sequence[Question], chance: random.Random) -> list[DigestMatch]:
    """Ten questions, each with a word that is said in it."""
    found = []
    for n in chance.sample(range(len(records)), QUESTIONS_PER_DIGEST):
        said = records[n].answers[0].speeches[0].paragraphs[1].split()
        word = format_canonical(
            parse_query(
                chance.choice(
                    [w for w in said if w.isalpha() and len(w) > 6 and w not in STOP_WORDS]
                )
            )
        )
        numbered = NumberedChange(n + 1, NOW, None, Change(ChangeKind.ANSWERED, "d", records[n]))
        found.append(DigestMatch(SubscribedTopic(word, word), numbered))
    return found


def _build_subscriber(number: int) -> Subscriber:
    return Subscriber(number, f"p{number}@demo.example", f"t{number:020d}x", "Europe/London", 7)


def _build_identity(key: SigningKey) -> MailIdentity:
    return MailIdentity(
        *("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"),
        signing_keys=(key,),
    )


def _build_with_service(
    person: Subscriber,
    outlines: Sequence[EntryOutline],
    identity: MailIdentity,
    renderer: EntryRenderer,
) -> bytes:
    digest = build_digest(outlines)
    links = identity.build_links(person.token, NOW)
    rendered = render_digest(digest, DigestEnvelope(identity, person, links, NOW), renderer)
    draft = draft_message("digest", person, "benchmark", identity)
    return write_email(draft, rendered, identity, NOW, links).body


def _build_from_scratch(
    person: Subscriber,
    outlines: Sequence[EntryOutline],
    identity: MailIdentity,
    renderer: EntryRenderer,
    pem: bytes,
) -> bytes:
    digest = build_digest(outlines)
    links = identity.build_links(person.token, NOW)
    envelope = DigestEnvelope(identity, person, links, NOW)
    rendered = render_digest(digest, envelope, renderer)
    css = (find_shipped_templates() / "mail" / "style.css").read_text()
    html = css_inline.CSSInliner(load_remote_stylesheets=False, extra_css=css).inline(rendered.html)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(identity.name, addr_spec=identity.address)
    mail["To"] = Address(addr_spec=person.email)
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(NOW)
    mail["Message-ID"] = f"<digest.{person.id:032x}@{identity.domain}>"
    mail["List-Unsubscribe"] = f"<{links.unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(rendered.text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    body = mail.as_bytes()
    signature: bytes = dkim.sign(body, b"bench", b"demo.example", pem)
    return signature + body


if __name__ == "__main__":
    main()
