"""The readers of input from outside, each as the program's users reach it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import msgspec

from alerts.queries import (
    QueryError,
    extract_fields,
    find_match,
    format_canonical,
    parse_canonical,
    parse_query,
)
from crawler.records import Question
from tests.fuzz.formats import check_html, check_xml
from tests.fuzz.http_targets import open_http_targets
from tests.fuzz.mutations import HOSTILE_PIECES, draw_text, mutate
from tests.fuzz.runner import CaseFailedError, FuzzTarget
from tests.support.bounce_reports import build_complaint, build_dsn
from tests.support.config_keys import list_config_keys
from tests.support.paths import REPOSITORY
from tests.support.query_strategies import HOSTILE_PIECE_LIST
from tests.support.samples import make_answer, make_question
from tests.support.service import ServiceFolder, run_replica

#: Exit statuses that say in words what was wrong (see ``alerts.errors.ExitStatus``).
_OUTCOMES = {0: "accepted", 1: "in part", 64: "refused", 65: "refused", 78: "refused"}
_MAX_ERROR_LINES = 12
_CONFIG = """
[sources.london]
url = "https://replica.example"
enabled = false
[[subscriptions]]
email = "reader@demo.example"
query = "knife OR tram OR filler OR question"
every = "immediate"
"""


@contextmanager
def open_targets(folder: Path) -> Iterator[list[FuzzTarget]]:
    """Yield all targets; a replica and the pages are served while the block runs."""
    service = ServiceFolder(folder / "service", _CONFIG)
    with open_http_targets(folder) as http_targets:
        yield [
            _commands("pages", _collect_pages(), service, "page.html", "parse"),
            _query_target(service),
            _commands("reports", _collect_reports(), service, "report.eml", "bounces"),
            _config_target(service),
            _records_target(service),
            *http_targets,
        ]


def _run_command(service: ServiceFolder, *arguments: str) -> str:
    """Run a command; return what it did with its input."""
    done = service.run(*arguments, expect=None)
    lines = done.stderr.splitlines()
    if "Traceback" in done.stderr or done.returncode not in _OUTCOMES:
        end = "\n".join([line for line in lines if not line[:2].isdigit()][-7:])
        raise CaseFailedError(f"exit status {done.returncode}, ending in\n{end}")
    if done.returncode and not lines:
        raise CaseFailedError(f"exit status {done.returncode} without a word")
    if len(lines) > _MAX_ERROR_LINES:
        raise CaseFailedError(f"{len(lines)} lines of error:\n{done.stderr[:1500]}")
    return _OUTCOMES[done.returncode]


def _commands(
    name: str, inputs: Sequence[bytes], service: ServiceFolder, file_name: str, *command: str
) -> FuzzTarget:
    """A command that is given a file, which is one of ``inputs`` with changes."""
    path = service.folder / file_name

    def run(data: bytes) -> str:
        path.write_bytes(data)
        return _run_command(service, *command, str(path))

    return FuzzTarget(name, lambda chance: mutate(chance, chance.choice(inputs)), run)


# ------------------------------------------------------------------ pages and reports


def _collect_pages() -> list[bytes]:
    """The replica's pages in both designs, and its listing."""
    with run_replica() as replica:
        replica.go_to_stage(len(replica.world.stages))
        shown = replica.world.take_snapshot(replica.now).questions[:12]
        paths = [q.path for q in shown] + [q.old_path for q in shown if q.old_path]
        pages = []
        for path in paths:
            with urlopen(replica.url + path) as answer:
                pages.append(answer.read())
        return pages


def _collect_reports() -> list[bytes]:
    ours = f"<digest.{'0a' * 16}@demo.example>"
    path = "bounces+1.aaaaaaaaaaaaaaaa@demo.example"
    quoted = f"Original-Mail-From: <{path}>".encode()
    return [
        build_dsn(path, message_id=ours),
        build_complaint(ours).replace(b"Version: 1", quoted),
        build_complaint(ours.replace("demo", "demo\0")),
        b"Content-Type: message/rfc822\r\n\r\n" * 200 + build_dsn(path),
        build_dsn(path).replace(b"text/plain", b"text/plain; charset=x-no-such"),
        build_dsn("bounces+1.abc@demo.example", message_id="<1@demo.example>"),
        build_dsn("bounces+1.abc@demo.example", "delayed", "4.2.2", "452 full"),
        build_complaint("<1@demo.example>"),
        b"From: a@b.example\r\nTo: leave@demo.example\r\nSubject: Unsubscribe\r\n\r\nno more\r\n",
        (
            b"From: MAILER-DAEMON@x.example\r\nTo: w@demo.example\r\nSubject: failure notice\r\n"
            b"\r\nHi. This is the qmail-send program at x.example.\r\n<a@x.example>:\r\nno\r\n"
        ),
    ]


# ------------------------------------------------------------------ queries


def _query_target(service: ServiceFolder) -> FuzzTarget:
    record = make_question(1, make_answer("Us for them: U.S. trams, knife AND fork, 1,000 of A&E."))
    texts = extract_fields(record)

    def draw(chance: random.Random) -> bytes:
        text = draw_text(chance, HOSTILE_PIECE_LIST, 9).encode("utf-8", "surrogatepass")
        return mutate(chance, text) if chance.random() < 0.3 else text

    def run(data: bytes) -> str:
        typed = data.decode("utf-8", "replace").replace("\0", "\ufffd")
        try:
            query = parse_query(typed)
        except QueryError as error:
            if not str(error):
                raise CaseFailedError("refused without a word") from error
            return "refused"
        form = format_canonical(query)
        if not parse_canonical(form) == query == parse_query(form):
            raise CaseFailedError(f"{typed!r} is kept as {form!r}, which reads as another query")
        find_match(query, texts)
        if len(typed) % 16 == 0:  # the command is slower by a hundred times
            _run_command(service, "explain", "--", typed)
        return "accepted"

    return FuzzTarget("queries", draw, run)


# ------------------------------------------------------------------ config


def _config_target(service: ServiceFolder) -> FuzzTarget:
    """The shipped example with damage, and keys of the config with odd values."""
    example = (REPOSITORY / "config.example.toml").read_bytes()
    keys = list_config_keys()
    odd = (
        *("nan", "inf", "-inf", "-1", "0", "0.0", "1e400", "99999999999", "9" * 30, "true", '""'),
        *('"x"', "[]", "[1]", "{}", '["a", 2]', "2026-02-30", '"../.."', f'"{"z" * 3000}"', "''"),
        *('"Europe/Nowhere"', '"http://["', '"https://x:99999/"', '"a b"', '"\\u0000"', '"?#"'),
        *("1", "7", "0.5", "3600", '"UTC"', '"https://x.example"', '"a@b.example"', "false"),
    )
    path = service.folder / "odd.toml"

    def draw(chance: random.Random) -> bytes:
        if chance.random() < 0.3:
            return mutate(chance, example)
        drawn: dict[tuple[str, ...], list[str]] = {("sources", "london"): ['url = "http://x.y"']}
        for key in chance.sample(keys, chance.choice((1, 1, 2, 4))):
            drawn.setdefault(key.section, []).append(f"{key.field.name} = {chance.choice(odd)}")
        return _format_sections(drawn).encode()

    def run(data: bytes) -> str:
        path.write_bytes(data)
        return _run_command(service, "--config", str(path), "config")

    return FuzzTarget("config", draw, run)


def _format_sections(lines: dict[tuple[str, ...], list[str]]) -> str:
    """Return TOML whose values are written already; a number ends the name of an array."""
    parts = []
    for section, own in sorted(lines.items()):
        if section and section[-1].isdigit():
            parts.append(f"[[{'.'.join(section[:-1])}]]")
        elif section:
            parts.append(f"[{'.'.join(section)}]")
        parts += own
    return "\n".join(parts) + "\n"


# ------------------------------------------------------------------ records, to email and feed


def _records_target(service: ServiceFolder) -> FuzzTarget:
    """Records as JSON, some well-formed with hostile texts, some with damage."""
    encoder = msgspec.json.Encoder()
    path = service.folder / "records.jsonl"

    def draw(chance: random.Random) -> bytes:
        record = _draw_record(chance)
        data = encoder.encode(record)
        return mutate(chance, data) if chance.random() < 0.5 else data

    def run(data: bytes) -> str:
        path.write_bytes(data)
        outcome = _run_command(service, "ingest", "--as-new", str(path))
        _check_output(service)
        return outcome

    return FuzzTarget("records", draw, run)


def _draw_record(chance: random.Random) -> Question:
    """A question whose texts hold what may not reach an email or a feed as it is."""
    pieces = [piece.decode("utf-8", "replace") for piece in HOSTILE_PIECES]
    pieces += ["knife ", "tram ", "filler words ", "http://x.example/?a=1&b=2 "]

    def words() -> str:
        return draw_text(chance, pieces, 6)

    answers = [
        make_answer(words(), words(), files=(words(),)) for _ in range(chance.choice((0, 1, 1, 2)))
    ]
    html = f"<p>{words()}</p>" if chance.random() < 0.5 else None
    return make_question(
        chance.randint(1, 10**6),
        *[msgspec.structs.replace(answer, html=html) for answer in answers],
        words=f"{words()} knife {words()}",
        title=words() or None,
    )


def _check_output(service: ServiceFolder) -> None:
    """Check the emails and the feeds, and remove them, so that the next case finds its own."""
    for mail in service.emails:
        for part in mail.walk():
            if part.get_content_type() == "text/html":
                html = part.get_payload(decode=True)
                assert isinstance(html, bytes)
                check_html(html)
    for path in (service.folder / "var" / "feeds").rglob("*.xml"):
        check_xml(path.read_bytes())
    for path in (service.folder / "var" / "mail").rglob("*"):
        if path.is_file():
            path.unlink()
