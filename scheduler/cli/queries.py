"""Commands that ask what queries match: match, explain, search, preview."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alerts.errors import ExitStatus
from scheduler.cli.common import get_config, get_service, print_result
from scheduler.cli.exits import print_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alerts.search import MatchedPlace, Preview, Suggestion
    from alerts.text import Segment
    from crawler.records import Question

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
_BAR_CHARACTERS = "▁▂▃▄▅▆▇█"


@click.command()
@click.argument("queries", metavar="QUERIES", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("records", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def match(context: click.Context, queries: Path, records: tuple[str, ...]) -> int:
    """Match every query of a file (one a line) with questions.

    FILE holds records (JSON Lines) or saved pages. Printed, sorted: the number of the query's
    line, a tab, the record's id. A line that is no query is named and left out.
    """
    from scheduler.crawls.page_inputs import UnreadableInput, read_inputs
    from scheduler.file_matcher import match_files, read_queries

    asked = read_queries(queries)
    for number, reason in asked.invalid_lines:
        print_error(f"{queries}:{number}: {reason}")
    if not asked.lines and asked.invalid_lines:
        return ExitStatus.USAGE
    failed = read = 0

    def readable() -> Any:
        nonlocal failed, read
        for found in read_inputs(records, get_config(context)):
            if isinstance(found, UnreadableInput):
                failed += 1
                print_error(f"{found.name}: {found.reason}")
            else:
                read += 1
                yield found

    for line, identity in match_files(asked, readable()):
        click.echo(f"{line}\t{identity}")
    if failed and not read:
        return ExitStatus.DATA
    return ExitStatus.PARTIAL if failed or asked.invalid_lines else ExitStatus.OK


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

    from alerts.matching import QuestionChanges
    from alerts.queries import format_canonical, infer_changes, parse_query
    from alerts.search import explain_parts, find_matched_places
    from scheduler.crawls.page_inputs import UnreadableInput, read_inputs

    understood = parse_query(query)
    some = list(explain_parts(understood))
    lines = [format_canonical(understood)]
    lines += [
        f"  {'not ' if part.is_excluded else ''}{part.part}: {part.explanation}" for part in some
    ]
    values: dict[str, Any] = {"canonical": lines[0], "parts": msgspec.to_builtins(some)}
    print_result("\n".join(lines), values, as_json=as_json)
    matched = failed = 0
    for found in read_inputs(files, get_config(context)) if files else ():
        if isinstance(found, UnreadableInput):
            failed += 1
            print_error(f"{found.name}: {found.reason}")
            continue
        places = find_matched_places(understood, QuestionChanges(found, infer_changes(found)))
        matched += places is not None
        values = {"id": found.id, "matches": places is not None}
        values["places"] = [msgspec.to_builtins(one.place) for one in places or ()]
        print_result(_format_matches(found, places), values, as_json=as_json)
    if failed and failed == len(files):
        return ExitStatus.DATA
    return ExitStatus.PARTIAL if failed or (files and not matched) else ExitStatus.OK


def _format_matches(question: Question, places: list[MatchedPlace] | None) -> str:
    """Where a question meets a query, a line for each place."""
    if places is None:
        return f"\n{question.id}: does not match"
    lines = [f"\n{question.id}: matches"]
    for one in places:
        place = one.place
        where = f"{place.field}[{place.paragraph}] {place.start}-{place.end}"
        lines.append(f"  {where:<24}{_format_snippet(one.segments)}")
    return "\n".join(lines)


def _format_snippet(segments: tuple[Segment, ...]) -> str:
    """A passage in one line, its words marked in a way that is seen with and without colours."""
    return "".join(
        click.style(f"»{segment.text}«", bold=True) if segment.is_marked else segment.text
        for segment in segments
    )


@click.command()
@click.argument("query")
@click.option("--limit", default=20, show_default=True, help="So many, the newest first.")
@_JSON
@click.pass_context
def search(context: click.Context, query: str, limit: int, as_json: bool) -> int:
    """Search the archive. Exit status 1 when nothing is found."""
    from alerts.queries import parse_query, uses_field
    from alerts.search import find_matched_places, index_questions, load_question_changes
    from alerts.search import search_questions as find

    service, asked = get_service(context), parse_query(query)
    index_questions(service.ledger)
    with service.ledger.reading() as connection:
        found = find(connection, asked, limit)
        ids = [dated.question_id for dated in found.newest]
        questions = load_question_changes(connection, ids, by_change=uses_field(asked, "change"))
    listed = []
    for dated, one in zip(found.newest, questions, strict=True):
        places = find_matched_places(asked, one) or []
        values = {"id": one.question.id, "dated": dated.dated.isoformat()}
        values |= {"title": one.question.title or "", "url": one.question.url or ""}
        listed.append(values)
        if not as_json:
            click.echo(_format_result(one.question, dated.dated.isoformat(), places))
    more = f", the newest {limit} of them shown" if found.total > limit else ""
    values_of_all = {"total": found.total, "questions": listed}
    print_result(f"{_format_question_count(found.total)}{more}", values_of_all, as_json=as_json)
    return ExitStatus.OK if found.total else ExitStatus.PARTIAL


def _format_result(question: Question, day: str, places: list[MatchedPlace]) -> str:
    """A question that was found: its head, and the first place in it."""
    head = "  ".join(text for text in (day, question.reference, question.title) if text)
    lines = [head, *([f"  {_format_snippet(places[0].segments)}"] if places else [])]
    return "\n".join([*lines, f"  {question.url or question.id}"])


@click.command()
@click.argument("query")
@_JSON
@click.pass_context
def preview(context: click.Context, query: str, as_json: bool) -> int:
    """Show what QUERY would have brought, before anybody subscribes to it."""
    import msgspec

    from alerts.search import build_preview as look
    from alerts.search import index_questions

    service = get_service(context)
    index_questions(service.ledger)
    with service.ledger.reading() as connection:
        found = look(connection, query, service.clock().date())
    print_result("\n".join(_format_preview(found)), msgspec.to_builtins(found), as_json=as_json)
    return ExitStatus.OK


def _format_preview(found: Preview) -> list[str]:
    numbers = (
        ("last 7 days", f"{found.last_7_days:,}"),
        ("last 365 days", f"{found.last_365_days:,}"),
        ("ever", f"{found.total:,}"),
        ("last mention", str(found.last_date or "never")),
    )
    lines = [found.canonical, "  " + "   ".join(f"{name}: {value}" for name, value in numbers)]
    if any(found.months.values()):
        first, last = min(found.months), max(found.months)
        lines.append(f"  {first:%b %Y} {_format_bars(list(found.months.values()))} {last:%b %Y}")
    latest = [one.question for one in found.latest]
    lines += [f"  {one.title or one.id}\n    {one.url or ''}".rstrip() for one in latest]
    return lines + list_warnings(found)


def list_warnings(found: Preview, accepted_offers: Sequence[Suggestion] = ()) -> list[str]:
    """What a subscriber should know beforehand; nothing of the offers ``accepted_offers``."""
    lines = []
    if found.is_too_broad:
        lines.append(
            f"Too broad: {found.per_day:.0f} questions a day. Add a word, or quote a phrase."
        )
    for one in found.unknown_words:
        near = (
            f": did you mean {one.nearest} ({_format_question_count(one.questions)})?"
            if one.nearest
            else "."
        )
        lines.append(f"Never seen so far: {one.word}{near}")
    if not found.total and not found.unknown_words:
        lines.append("Never seen so far, though each of its words is.")
    offered = [offer for offer in found.suggestions if offer not in accepted_offers]
    return [*lines, *(f"{o.sentence} To include it: {o.part} OR {o.form}" for o in offered)]


def _format_question_count(questions: int) -> str:
    return f"{questions:,} question{'' if questions == 1 else 's'}"


def _format_bars(counts: list[int]) -> str:
    """A bar for each month."""
    most = max(counts) or 1
    return "".join(
        _BAR_CHARACTERS[-(-n * (len(_BAR_CHARACTERS) - 1) // most)] if n else " " for n in counts
    )


COMMANDS = (match, explain, search, preview)
