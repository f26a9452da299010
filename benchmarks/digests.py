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

from alerts.digests.cache import Cards
from alerts.digests.digest import compose
from alerts.digests.entries import Entry, Hit, entry_of, text_of
from alerts.mail.dkim import SigningKey, read_key
from alerts.mail.message import Letterhead, build
from alerts.model import Change, Numbered, Subscriber, Watch
from alerts.queries.english import STOP_WORDS
from alerts.queries.parse import canonical, parse
from alerts.rendering.templates import Templates, shipped_templates
from benchmarks.crowd import NOW, many, questions
from crawler.records import Question

ITEMS = 10
ROUNDS = 5
EACH = 60


def main() -> None:
    """Print it all."""
    with tempfile.TemporaryDirectory() as folder:
        key = _key(Path(folder))
        _chains(key, Path(folder))
        sizes = [int(text) for text in sys.argv[1:]] or [1_000, 10_000, 100_000]
        for size in sizes:
            many(size, _head(key), Path(folder))


def _key(folder: Path) -> SigningKey:
    private = rsa.generate_private_key(65537, 2048)
    path = folder / "dkim.pem"
    path.write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return read_key(path, "bench", "demo.example")


# ------------------------------------------------------------------------------- two chains


def _chains(key: SigningKey, folder: Path) -> None:
    templates, head = Templates(), _head(key)
    records = questions(400)
    chance = random.Random(3)
    pem = (folder / "dkim.pem").read_bytes()
    people = [_person(n) for n in range(EACH)]
    draws = [_hits(records, chance) for _ in people]
    texts = {hit.numbered.seq: text_of([hit]) for hits in draws for hit in hits}
    known = Cards(templates)

    def obvious() -> None:
        for person, hits in zip(people, draws, strict=True):
            entries = [entry_of([hit], texts[hit.numbered.seq]) for hit in hits]
            _obvious(person, entries, templates, head, pem)

    def cold() -> None:
        for person, hits in zip(people, draws, strict=True):
            entries = [entry_of([hit], texts[hit.numbered.seq]) for hit in hits]
            _ours(person, entries, templates, head, Cards(templates))

    def warm() -> None:
        for person, hits in zip(people, draws, strict=True):
            _ours(person, [known.entry([hit]) for hit in hits], templates, head, known)

    warm()
    times = _in_turn(obvious, cold, warm)
    print(
        f"one digest of {ITEMS} questions, signed with RSA-2048 (processor time, {ROUNDS} rounds)"
    )
    names = ("obvious chain", "ours, nobody's before", "ours, others' before")
    for name, some in zip(names, times, strict=True):
        ratios = [a / b for a, b in zip(times[0], some, strict=True)]
        each = statistics.median(some) / EACH * 1e3
        print(f"  {name:24s}{each:7.2f} ms   {_spread(ratios)} times as fast")


def _in_turn(*works: Callable[[], None]) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for times, work in zip(found, works, strict=True):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
    return found


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def _hits(records: Sequence[Question], chance: random.Random) -> list[Hit]:
    """Ten questions, each with a word that is said in it."""
    found = []
    for n in chance.sample(range(len(records)), ITEMS):
        said = records[n].answers[0].speeches[0].paragraphs[1].split()
        word = canonical(
            parse(
                chance.choice(
                    [w for w in said if w.isalpha() and len(w) > 6 and w not in STOP_WORDS]
                )
            )
        )
        numbered = Numbered(n + 1, NOW, None, Change("answered", "d", records[n]))
        found.append(Hit(Watch(word, word), numbered))
    return found


def _person(number: int) -> Subscriber:
    return Subscriber(number, f"p{number}@demo.example", f"t{number:020d}x", "Europe/London", 7)


def _head(key: SigningKey) -> Letterhead:
    return Letterhead(
        *("Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"),
        keys=(key,),
    )


def _ours(
    person: Subscriber,
    entries: Sequence[Entry],
    templates: Templates,
    head: Letterhead,
    cards: Cards,
) -> bytes:
    digest = compose(entries)
    links = head.links(person.token, NOW)
    rendered = templates.digest(digest, person, links, head, NOW, cards=cards)
    name = f"<digest.{person.id:032x}@{head.domain}>"
    return build(rendered, head, links, person.email, name, NOW)


def _obvious(
    person: Subscriber,
    entries: Sequence[Entry],
    templates: Templates,
    head: Letterhead,
    pem: bytes,
) -> bytes:
    digest = compose(entries)
    links = head.links(person.token, NOW)
    rendered = templates.digest(digest, person, links, head, NOW)
    css = (shipped_templates() / "mail" / "style.css").read_text()
    html = css_inline.CSSInliner(load_remote_stylesheets=False, extra_css=css).inline(rendered.html)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(head.name, addr_spec=head.address)
    mail["To"] = Address(addr_spec=person.email)
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(NOW)
    mail["Message-ID"] = f"<digest.{person.id:032x}@{head.domain}>"
    mail["List-Unsubscribe"] = f"<{links.unsubscribe}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(rendered.text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    body = mail.as_bytes()
    signature: bytes = dkim.sign(body, b"bench", b"demo.example", pem)
    return signature + body


if __name__ == "__main__":
    main()
