"""The commands about topics: topics list, topics publish, topics hide."""

from __future__ import annotations

import click

from alerts.errors import ExitStatus
from alerts.feeds import delete_withdrawn_files
from alerts.ledger import publication
from alerts.ledger.publication import TopicState
from alerts.rendering import topic_path
from alerts.subscribers import hide_topic, publish_topic
from scheduler.cli.options import (
    RecordedCommand,
    ServiceCommand,
    build_config_option,
    json_lines_option,
    json_option,
)
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.service import get_service


@click.group(name="topics", params=[build_config_option()])
def topics_command() -> None:
    """List topics, publish them, or keep them private.

    A public topic has a page and feeds that everybody can find. What you name in the config or
    subscribe somebody to is public unless you mark it as private; what people sign up for on the
    pages is private until you publish it.

    \b
    watchword topics publish 'VRU OR "violence reduction unit"'
    watchword topics hide knife-crime-920f84c7
    """


_TOPIC = click.argument("topic", metavar="TOPIC")


@topics_command.command(name="list", cls=ServiceCommand)
@json_lines_option
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> ExitStatus:
    """List all topics, public and private.

    Each line has the name of a topic in its address, what publishes it, the number of its
    subscriptions, and its query or question.
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        states = publication.list_states(connection)
    for state in states:
        print_result(_format_state(state), state, as_json=as_json)
    return ExitStatus.OK


def _format_state(state: TopicState) -> str:
    number = format_plural(state.subscribers, "subscription")
    return "\t".join((state.slug, _describe_state(state), number, state.title))


def _describe_state(state: TopicState) -> str:
    if state.is_published:
        return f"public: {state.publisher}"
    return "private: hidden" if state.is_hidden else "private"


@topics_command.command(name="publish", cls=RecordedCommand, about="topic")
@_TOPIC
@json_option
@click.pass_context
def publish_command(context: click.Context, topic: str, as_json: bool) -> ExitStatus:
    """Publish a topic until you hide it.

    It gets a public page and feeds, whether or not anybody is subscribed to it. TOPIC is a query, a
    name that `watchword topics list` prints, or the id of a followed question. Look at what people
    typed before you publish it.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        done = publish_topic(connection, topic, service.clock())
    path = f"{service.config.site.public_url or ''}{topic_path(done.slug)}"
    values = {"slug": done.slug, "title": done.title, "published": True}
    print_result(f"{done.title} is public: {path}", values, as_json=as_json)
    return ExitStatus.OK


@topics_command.command(name="hide", cls=RecordedCommand, about="topic")
@_TOPIC
@json_option
@click.pass_context
def hide_command(context: click.Context, topic: str, as_json: bool) -> ExitStatus:
    """Make a topic private, whatever publishes it.

    Its page and feeds are answered as gone, and the files of its feeds are deleted. Alerts go on;
    without any, the topic ends. TOPIC is a query, a name that `watchword topics list` prints, or
    the id of a followed question.
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        done = hide_topic(connection, topic)
    delete_withdrawn_files(service.ledger, service.config.feeds.path)
    values = {"slug": done.slug, "title": done.title, "published": False}
    print_result(f"{done.title} is private", values, as_json=as_json)
    return ExitStatus.OK
