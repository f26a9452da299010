"""Commands that try queries: preview, search, explain, match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from alerts.errors import ExitStatus
from alerts.matching import QuestionChanges
from alerts.queries import format_canonical, infer_changes, list_hints, parse_query, uses_field
from alerts.search import (
    Breadth,
    MatchedPlace,
    Preview,
    QueryPart,
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
from alerts.text import Place, Segment
from crawler.records import Question, name_question
from scheduler.cli.config import get_config
from scheduler.cli.errors import print_error
from scheduler.cli.inputs import InputReader
from scheduler.cli.options import ServiceCommand
from scheduler.cli.output import format_plural, is_json, print_result
from scheduler.cli.parameters import WholeNumber
from scheduler.cli.service import get_service
from scheduler.file_matcher import match_files, read_queries

_BAR_CHARACTERS = "▁▂▃▄▅▆▇█"


@click.command(cls=ServiceCommand, data=(Preview,))
@click.argument("query")
@click.pass_context
def preview_command(context: click.Context, query: str) -> int:
    """Show what QUERY would have matched.

    Prints counts, a chart of the last months, the latest questions, and warnings about words that
    were never used and queries that match too much.

    \b
    Example:
      watchword preview 'VRU OR "violence reduction unit"'
    """
    service = get_service(context)
    if not service.ledger.is_read_only:
        index_questions(service.ledger)
    with service.ledger.reading() as connection:
        preview = build_preview(connection, query, service.clock().date())
    print_result("\n".join(_format_preview(query, preview)), preview)
    return ExitStatus.OK


def format_search_used(typed: str, canonical: str) -> list[str]:
    """Return the line that says how a query is understood; none where it is as it was typed."""
    return [f"Search used: {canonical}"] if canonical != " ".join(typed.split()) else []


def _format_preview(typed: str, preview: Preview) -> list[str]:
    at_least = "" if preview.is_complete else "at least "
    numbers = (
        ("last 7 days", f"{at_least}{preview.last_7_days:,}"),
        ("last 365 days", f"{at_least}{preview.last_365_days:,}"),
        ("ever", f"{at_least}{preview.total:,}"),
        ("last mention", str(preview.last_date or "never")),
    )
    lines = [typed, *format_search_used(typed, preview.canonical)]
    lines += ["  " + "   ".join(f"{name}: {value}" for name, value in numbers)]
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


class FoundQuestion(msgspec.Struct, frozen=True):
    """A question that a search found."""

    id: str
    dated: str  #: its day
    title: str
    url: str


class SearchPage(msgspec.Struct, frozen=True):
    """The newest questions that match a query."""

    total: int  #: questions that match
    is_at_least: bool  #: more than `total` may match: not all questions have been compared yet
    questions: list[FoundQuestion]  #: the newest first
    small_forms: list[SmallForm]  #: words in capitals that are found in small letters instead


@click.command(cls=ServiceCommand, data=(SearchPage,))
@click.argument("query")
@click.option(
    "--limit",
    type=WholeNumber(1, 10_000),
    default=20,
    show_default=True,
    help="Number of questions, newest first.",
)
@click.pass_context
def search_command(context: click.Context, query: str, limit: int) -> int:
    """Search the archive.

    Exit status 1 if nothing is found.

    \b
    Examples:
      watchword search 'knife NEAR/5 crime'
      watchword search 'title:tram' --limit 100 --json
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
        SearchPage(
            results.total,
            not results.is_complete,
            [_describe_result(*found) for found in zip(questions, days, strict=True)],
            list(small_forms),
        ),
    )
    return ExitStatus.OK if results.total else ExitStatus.PARTIAL


def _describe_result(question: Question, day: str) -> FoundQuestion:
    """Return a question that was found, for ``--json``; the day as an ISO 8601 date."""
    return FoundQuestion(question.id, day, question.title or "", question.url or "")


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


class ExplainedMatch(msgspec.Struct, frozen=True):
    """Whether and where a query matches a question."""

    id: str
    matches: bool
    places: list[Place]  #: empty for a miss


class ExplainedQuery(msgspec.Struct, frozen=True):
    """How a query is understood, and what it matches."""

    canonical: str
    parts: list[QueryPart]
    hints: list[str]
    questions: list[ExplainedMatch]  #: in the files


@click.command(cls=ServiceCommand, data=(ExplainedQuery,))
@click.argument("query")
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path())
@click.pass_context
def explain_command(context: click.Context, query: str, files: tuple[str, ...]) -> int:
    """Show how QUERY is understood and what it matches.

    FILE is a saved page, or records as JSON Lines. Exit status 1 if files are given and none
    matches.

    \b
    Examples:
      watchword explain 'VRU OR "violence reduction unit"'
      watchword explain 'knife NEAR/5 crime' saved-page.html records.jsonl
    """
    parsed = parse_query(query)
    canonical = format_canonical(parsed)
    parts, hints = list(explain_parts(parsed)), list(list_hints(query))
    if not is_json():
        lines = (_format_part(part) for part in parts)
        click.echo("\n".join([query, *format_search_used(query, canonical), *lines, *hints]))
    reader = InputReader(get_config(context)) if files else None
    found: list[ExplainedMatch] = []
    for question in reader.iterate(files) if reader else ():
        places = find_matched_places(parsed, QuestionChanges(question, infer_changes(question)))
        found.append(_describe_match(question, places))
        if not is_json():
            click.echo(_format_matches(question, places))
    print_result("", ExplainedQuery(canonical, parts, hints, found))
    if reader is None:
        return ExitStatus.OK
    if reader.unreadable and not reader.read:
        return ExitStatus.DATA
    has_match = any(one.matches for one in found)
    return ExitStatus.PARTIAL if reader.unreadable or not has_match else ExitStatus.OK


def _format_part(part: QueryPart) -> str:
    return f"  {'not ' if part.is_excluded else ''}{part.part}: {part.explanation}"


def _describe_match(question: Question, places: Sequence[MatchedPlace] | None) -> ExplainedMatch:
    """Return where a query matches a question, for ``--json``; ``places`` is None for a miss."""
    found = [matched.place for matched in places or ()]
    return ExplainedMatch(question.id, places is not None, found)


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


class MatchedLine(msgspec.Struct, frozen=True):
    """A question that the query on a line matches."""

    line: int  #: from 1
    id: str  #: of the question


class FileMatches(msgspec.Struct, frozen=True):
    """What the queries of a file match."""

    matches: list[MatchedLine]  #: by line, then by id


@click.command(cls=ServiceCommand, data=(FileMatches,))
@click.argument("queries", metavar="QUERIES", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.pass_context
def match_command(context: click.Context, queries: Path, files: tuple[str, ...]) -> int:
    """Match each query of a file with questions.

    QUERIES holds one query per line. FILE holds records (JSON Lines) or is a saved page. Prints,
    sorted, the line number of a query, a tab and the id of a question that it matches. Lines that
    are not a query are reported on standard error and left out.

    \b
    Example:
      watchword match queries.txt records.jsonl
    """
    query_file = read_queries(queries)
    for number, reason in query_file.invalid_lines:
        print_error(f"{queries}:{number}: {reason}")
    if not query_file.lines and query_file.invalid_lines:
        return ExitStatus.USAGE
    reader = InputReader(get_config(context))
    found: list[MatchedLine] = []
    for line, question_id in match_files(query_file, reader.iterate(files)):
        if is_json():
            found.append(MatchedLine(line, question_id))
        else:
            click.echo(f"{line}\t{question_id}")
    if reader.unreadable and not reader.read:
        return ExitStatus.DATA
    print_result("", FileMatches(found))
    has_problem = reader.unreadable or query_file.invalid_lines
    return ExitStatus.PARTIAL if has_problem else ExitStatus.OK
