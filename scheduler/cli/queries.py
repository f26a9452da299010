"""Commands that ask what queries match: match, explain, search, preview."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scheduler.cli.common import config_of, say, service_of
from scheduler.cli.exits import BAD_DATA, OK, PARTLY, USAGE, complain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.queries.snippets import Segment
    from alerts.search.explain import Met
    from alerts.search.preview import Preview
    from alerts.search.suggestions import Offer
    from crawler.records import Question

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_BAR = "▁▂▃▄▅▆▇█"


@click.command()
@click.argument("queries", metavar="QUERIES", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("records", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def match(context: click.Context, queries: Path, records: tuple[str, ...]) -> int:
    """Match every query of a file (one a line) with questions.

    FILE holds records (JSON Lines) or saved pages. Printed, sorted: the number of the query's
    line, a tab, the record's id. A line that is no query is named and left out.
    """
    from scheduler.crawls.saved_pages import Unread, read_all
    from scheduler.match_files import match_files, read_queries

    asked = read_queries(queries)
    for number, reason in asked.refused:
        complain(f"{queries}:{number}: {reason}")
    if not asked.lines and asked.refused:
        return USAGE
    failed = read = 0

    def readable() -> Any:
        nonlocal failed, read
        for found in read_all(records, config_of(context)):
            if isinstance(found, Unread):
                failed += 1
                complain(f"{found.name}: {found.reason}")
            else:
                read += 1
                yield found

    for line, identity in match_files(asked, readable()):
        click.echo(f"{line}\t{identity}")
    if failed and not read:
        return BAD_DATA
    return PARTLY if failed or asked.refused else OK


@click.command()
@click.argument("query")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@_JSON
@click.pass_context
def explain(context: click.Context, query: str, files: tuple[str, ...], as_json: bool) -> int:
    """Show how QUERY is understood, and where saved pages or records meet it.

    \b
    watchword explain 'VRU OR "violence reduction unit"'
    watchword explain 'knife NEAR/5 crime' saved-page.html records.jsonl

    Exit status 1 when files are given and none of them matches.
    """
    import msgspec

    from alerts.matching.decide import Told
    from alerts.queries.fields import news
    from alerts.queries.parse import canonical, parse
    from alerts.search.explain import met, parts
    from scheduler.crawls.saved_pages import Unread, read_all

    understood = parse(query)
    some = list(parts(understood))
    lines = [canonical(understood)]
    lines += [f"  {'not ' if part.is_denied else ''}{part.part}: {part.how}" for part in some]
    values: dict[str, Any] = {"canonical": lines[0], "parts": msgspec.to_builtins(some)}
    say("\n".join(lines), values, as_json=as_json)
    matched = failed = 0
    for found in read_all(files, config_of(context)) if files else ():
        if isinstance(found, Unread):
            failed += 1
            complain(f"{found.name}: {found.reason}")
            continue
        places = met(understood, Told(found, news(found)))
        matched += places is not None
        values = {"id": found.id, "matches": places is not None}
        values["places"] = [msgspec.to_builtins(one.place) for one in places or ()]
        say(_met(found, places), values, as_json=as_json)
    if failed and failed == len(files):
        return BAD_DATA
    return PARTLY if failed or (files and not matched) else OK


def _met(question: Question, places: list[Met] | None) -> str:
    """Where a question meets a query, a line for each place."""
    if places is None:
        return f"\n{question.id}: does not match"
    lines = [f"\n{question.id}: matches"]
    for one in places:
        place = one.place
        where = f"{place.field}[{place.paragraph}] {place.start}-{place.end}"
        lines.append(f"  {where:<24}{_marked(one.segments)}")
    return "\n".join(lines)


def _marked(segments: tuple[Segment, ...]) -> str:
    """A passage in one line, its words marked in a way that is seen with and without colours."""
    return "".join(
        click.style(f"»{segment.text}«", bold=True) if segment.marked else segment.text
        for segment in segments
    )


@click.command()
@click.argument("query")
@click.option("--limit", default=20, show_default=True, help="So many, the newest first.")
@_JSON
@click.pass_context
def search(context: click.Context, query: str, limit: int, as_json: bool) -> int:
    """Search the archive. Exit status 1 when nothing is found."""
    from alerts.matching.decide import names_change
    from alerts.queries.parse import parse
    from alerts.search.explain import met
    from alerts.search.index import write_words
    from alerts.search.search import search as find
    from alerts.search.search import told

    service, asked = service_of(context), parse(query)
    write_words(service.ledger)
    with service.ledger.reading() as connection:
        found = find(connection, asked, limit)
        ids = [dated.question_id for dated in found.newest]
        questions = told(connection, ids, by_change=names_change(asked))
    listed = []
    for dated, one in zip(found.newest, questions, strict=True):
        places = met(asked, one) or []
        values = {"id": one.question.id, "dated": dated.dated.isoformat()}
        values |= {"title": one.question.title or "", "url": one.question.url or ""}
        listed.append(values)
        if not as_json:
            click.echo(_told(one.question, dated.dated.isoformat(), places))
    more = f", the newest {limit} of them shown" if found.total > limit else ""
    values_of_all = {"total": found.total, "questions": listed}
    say(f"{_counted(found.total)}{more}", values_of_all, as_json=as_json)
    return OK if found.total else PARTLY


def _told(question: Question, day: str, places: list[Met]) -> str:
    """A question that was found: its head, and the first place in it."""
    head = "  ".join(text for text in (day, question.reference, question.title) if text)
    lines = [head, *([f"  {_marked(places[0].segments)}"] if places else [])]
    return "\n".join([*lines, f"  {question.url or question.id}"])


@click.command()
@click.argument("query")
@_JSON
@click.pass_context
def preview(context: click.Context, query: str, as_json: bool) -> int:
    """Show what QUERY would have brought, before anybody subscribes to it."""
    import msgspec

    from alerts.search.index import write_words
    from alerts.search.preview import preview as look

    service = service_of(context)
    write_words(service.ledger)
    with service.ledger.reading() as connection:
        found = look(connection, query, service.clock().date())
    say("\n".join(_previewed(found)), msgspec.to_builtins(found), as_json=as_json)
    return OK


def _previewed(found: Preview) -> list[str]:
    numbers = (
        ("last 7 days", f"{found.last_7_days:,}"),
        ("last 365 days", f"{found.last_365_days:,}"),
        ("ever", f"{found.ever:,}"),
        ("last mention", str(found.last or "never")),
    )
    lines = [found.canonical, "  " + "   ".join(f"{name}: {value}" for name, value in numbers)]
    if any(found.months.values()):
        first, last = min(found.months), max(found.months)
        lines.append(f"  {first:%b %Y} {_bars(list(found.months.values()))} {last:%b %Y}")
    latest = [one.question for one in found.latest]
    lines += [f"  {one.title or one.id}\n    {one.url or ''}".rstrip() for one in latest]
    return lines + warnings(found)


def warnings(found: Preview, besides: Sequence[Offer] = ()) -> list[str]:
    """What a subscriber should know beforehand; nothing of the offers ``besides``."""
    lines = []
    if found.is_too_broad:
        lines.append(
            f"Too broad: {found.a_day:.0f} questions a day. Add a word, or quote a phrase."
        )
    for one in found.unknown:
        near = f": did you mean {one.nearest} ({_counted(one.questions)})?" if one.nearest else "."
        lines.append(f"Never seen so far: {one.word}{near}")
    if not found.ever and not found.unknown:
        lines.append("Never seen so far, though each of its words is.")
    offered = [offer for offer in found.offers if offer not in besides]
    return [*lines, *(f"{o.sentence} To include it: {o.part} OR {o.form}" for o in offered)]


def _counted(questions: int) -> str:
    return f"{questions:,} question{'' if questions == 1 else 's'}"


def _bars(counts: list[int]) -> str:
    """A bar for each month."""
    most = max(counts) or 1
    return "".join(_BAR[-(-n * (len(_BAR) - 1) // most)] if n else " " for n in counts)


COMMANDS = (match, explain, search, preview)
