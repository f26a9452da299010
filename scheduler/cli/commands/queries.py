"""Commands that try queries: preview, search, explain, match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.matching import QuestionChanges
from alerts.queries import format_canonical, infer_changes, list_hints, parse_query, uses_field
from alerts.search import (
    Breadth,
    MatchedPlace,
    Preview,
    SearchResults,
    SmallForm,
    Suggestion,
    build_preview,
    explain_parts,
    find_matched_places,
    find_small_forms,
    index_questions,
    load_question_changes,
    search_questions,
)
from alerts.text import Segment
from crawler.records import Question, name_question
from scheduler.cli.config import get_config
from scheduler.cli.errors import print_error
from scheduler.cli.inputs import InputReader
from scheduler.cli.options import ServiceCommand, json_lines_option, json_option
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.service import get_service
from scheduler.file_matcher import match_files, read_queries

_BAR_CHARACTERS = "▁▂▃▄▅▆▇█"


@click.command(cls=ServiceCommand)
@click.argument("query")
@json_option
@click.pass_context
def preview_command(context: click.Context, query: str, as_json: bool) -> int:
    """Show what QUERY would have matched.

    Prints counts, a chart of the last months, the latest questions, and warnings about words that
    were never used and queries that match too much.
    """
    service = get_service(context)
    if not service.ledger.is_read_only:
        index_questions(service.ledger)
    with service.ledger.reading() as connection:
        preview = build_preview(connection, query, service.clock().date())
    print_result("\n".join(_format_preview(preview)), preview, as_json=as_json)
    return ExitStatus.OK


def _format_preview(preview: Preview) -> list[str]:
    at_least = "" if preview.is_complete else "at least "
    numbers = (
        ("last 7 days", f"{at_least}{preview.last_7_days:,}"),
        ("last 365 days", f"{at_least}{preview.last_365_days:,}"),
        ("ever", f"{at_least}{preview.total:,}"),
        ("last mention", str(preview.last_date or "never")),
    )
    lines = [preview.canonical, "  " + "   ".join(f"{name}: {value}" for name, value in numbers)]
    if any(preview.months.values()):
        first, last = min(preview.months), max(preview.months)
        chart = _format_bars(list(preview.months.values()))
        lines.append(f"  {first:%b %Y} {chart} {last:%b %Y}")
    for dated in preview.latest:
        question = dated.question
        lines.append(f"  {name_question(question)}\n    {question.url or ''}".rstrip())
        if dated.only_names:
            names = ", ".join(dated.only_names)
            lines.append(f"    Found only by the name of a person: {names}.")
    return lines + format_warnings(preview)


def format_warnings(preview: Preview, accepted: Sequence[Suggestion] = ()) -> list[str]:
    """Return what to tell a subscriber about a query, but for the suggestions in ``accepted``."""
    if preview.is_archive_empty:
        empty = "The archive is empty so far, so it is not known what this query finds."
        return [*preview.hints, empty]
    lines = list(preview.hints)
    if preview.breadth:
        lines += _format_breadth(preview.breadth)
    for word in preview.unknown_words:
        questions = format_plural(word.questions, "question")
        hint = f": did you mean {word.nearest} ({questions})?" if word.nearest else "."
        known = "Nothing is found for" if word.is_name else "Never used so far:"
        lines.append(f"{known} {word.word}{hint}")
    lines += format_small_forms(preview.small_forms)
    if not preview.total and not preview.unknown_words and not preview.small_forms:
        lines.append("No question has matched so far, though each word has been used.")
    lines += [
        f"{suggestion.sentence} To include it: {suggestion.query}"
        for suggestion in preview.suggestions
        if suggestion not in accepted
    ]
    return lines


def format_small_forms(forms: Sequence[SmallForm]) -> list[str]:
    """Return what to say of words in capitals that are found in small letters instead."""
    return [f"{form.sentence} To look for these: {form.query}" for form in forms]


def _format_breadth(breadth: Breadth) -> list[str]:
    if not breadth.narrower:
        return breadth.sentences
    number = f"about {breadth.narrower_per_week:.0f} a week"
    left_out = " and ".join(breadth.fields)
    return [*breadth.sentences, f"To leave {left_out} out ({number}): {breadth.narrower}"]


def _format_bars(counts: Sequence[int]) -> str:
    """Return a bar chart, one character per count; a space for 0."""
    highest = len(_BAR_CHARACTERS) - 1
    largest = max(counts) or 1
    return "".join(
        _BAR_CHARACTERS[-(-count * highest // largest)] if count else " " for count in counts
    )


@click.command(cls=ServiceCommand)
@click.argument("query")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Number of questions, newest first.",
)
@json_option
@click.pass_context
def search_command(context: click.Context, query: str, limit: int, as_json: bool) -> int:
    """Search the archive.

    Exit status 1 if nothing is found.
    """
    parsed = parse_query(query)
    service = get_service(context)
    if not service.ledger.is_read_only:
        index_questions(service.ledger)
    with service.ledger.reading() as connection:
        results = search_questions(connection, parsed, limit)
        small_forms = find_small_forms(connection, parsed)
        ids = [dated.question_id for dated in results.newest]
        changes = load_question_changes(connection, ids, by_change=uses_field(parsed, "change"))
    questions = [loaded.question for loaded in changes]
    day_of = {dated.question_id: dated.day.isoformat() for dated in results.newest}
    days = [day_of[question.id] for question in questions]
    lines = [
        _format_result(loaded.question, day, find_matched_places(parsed, loaded) or [])
        for loaded, day in zip(changes, days, strict=True)
    ]
    shown = f", the newest {limit} are shown" if results.total > limit else ""
    at_least = "" if results.is_complete else "at least "
    said = format_small_forms(small_forms)
    print_result(
        "\n".join([*lines, f"{at_least}{format_plural(results.total, 'question')}{shown}", *said]),
        {**_build_search_values(results, questions, days), "small_forms": small_forms},
        as_json=as_json,
    )
    return ExitStatus.OK if results.total else ExitStatus.PARTIAL


def _build_search_values(
    results: SearchResults, questions: Sequence[Question], days: Sequence[str]
) -> dict[str, object]:
    """Return search results for ``--json``; days as ISO 8601 dates."""
    listed = [
        {
            "id": question.id,
            "dated": day,
            "title": question.title or "",
            "url": question.url or "",
        }
        for question, day in zip(questions, days, strict=True)
    ]
    return {
        "total": results.total,
        "is_at_least": not results.is_complete,
        "questions": listed,
    }


def _format_result(question: Question, day: str, places: Sequence[MatchedPlace]) -> str:
    """Return a question that was found: day, reference and title, first matched place, address."""
    lines = ["  ".join(text for text in (day, question.reference, question.title) if text)]
    if places:
        lines.append(f"  {_format_snippet(places[0].segments)}")
    return "\n".join([*lines, f"  {question.url or question.id}"])


def _format_snippet(segments: Sequence[Segment]) -> str:
    """Return a passage on one line; matched words are bold, and in »« where colours are off."""
    return "".join(
        click.style(f"»{segment.text}«", bold=True) if segment.is_marked else segment.text
        for segment in segments
    )


@click.command(cls=ServiceCommand)
@click.argument("query")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@json_lines_option
@click.pass_context
def explain_command(
    context: click.Context, query: str, files: tuple[str, ...], as_json: bool
) -> int:
    """Show how QUERY is understood and what it matches.

    FILE is a saved page, or records as JSON Lines. Exit status 1 if files are given and none
    matches.

    \b
    watchword explain 'VRU OR "violence reduction unit"'
    watchword explain 'knife NEAR/5 crime' saved-page.html records.jsonl
    """
    parsed = parse_query(query)
    canonical = format_canonical(parsed)
    parts = list(explain_parts(parsed))
    lines = [
        f"  {'not ' if part.is_excluded else ''}{part.part}: {part.explanation}" for part in parts
    ]
    hints = list_hints(query)
    values = {"canonical": canonical, "parts": parts, "hints": hints}
    print_result("\n".join([canonical, *lines, *hints]), values, as_json=as_json)
    if not files:
        return ExitStatus.OK
    reader = InputReader(get_config(context))
    matched = 0
    for question in reader.iterate(files):
        places = find_matched_places(parsed, QuestionChanges(question, infer_changes(question)))
        matched += places is not None
        print_result(
            _format_matches(question, places),
            _build_match_values(question, places),
            as_json=as_json,
        )
    if reader.unreadable and not reader.read:
        return ExitStatus.DATA
    return ExitStatus.PARTIAL if reader.unreadable or not matched else ExitStatus.OK


def _build_match_values(
    question: Question, places: Sequence[MatchedPlace] | None
) -> dict[str, Any]:
    """Return where a query matches a question, for ``--json``; ``places`` is None for a miss."""
    return {
        "id": question.id,
        "matches": places is not None,
        "places": [msgspec.to_builtins(matched.place) for matched in places or ()],
    }


def _format_matches(question: Question, places: Sequence[MatchedPlace] | None) -> str:
    """Return where a query matches a question, one line a place."""
    if places is None:
        return f"\n{question.id}: does not match"
    lines = [f"\n{question.id}: matches"]
    for matched in places:
        place = matched.place
        where = f"{place.field}[{place.paragraph}] {place.start}-{place.end}"
        lines.append(f"  {where:<24}{_format_snippet(matched.segments)}")
    return "\n".join(lines)


@click.command(cls=ServiceCommand)
@click.argument("queries", metavar="QUERIES", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def match_command(context: click.Context, queries: Path, files: tuple[str, ...]) -> int:
    """Match each query of a file with questions.

    QUERIES holds one query per line. FILE holds records (JSON Lines) or is a saved page. Prints,
    sorted, the line number of a query, a tab and the id of a question that it matches. Lines that
    are not a query are reported on standard error and left out.
    """
    query_file = read_queries(queries)
    for number, reason in query_file.invalid_lines:
        print_error(f"{queries}:{number}: {reason}")
    if not query_file.lines and query_file.invalid_lines:
        return ExitStatus.USAGE
    reader = InputReader(get_config(context))
    for line, question_id in match_files(query_file, reader.iterate(files)):
        click.echo(f"{line}\t{question_id}")
    if reader.unreadable and not reader.read:
        return ExitStatus.DATA
    has_problem = reader.unreadable or query_file.invalid_lines
    return ExitStatus.PARTIAL if has_problem else ExitStatus.OK
