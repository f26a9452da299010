"""The commands about topics: topics list, topics publish, topics hide."""

from __future__ import annotations

import click
import msgspec

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
)
from scheduler.cli.output import format_plural, print_result
from scheduler.cli.parameters import TopicName
from scheduler.cli.service import get_service
from scheduler.cli.tables import format_table


@click.group(name="topics", params=[build_config_option()])
def topics_command() -> None:
    """List topics, publish them, or keep them private.

    A public topic has a page and feeds that everybody can find. What you name in the config or
    subscribe somebody to is public unless you mark it as private; what people sign up for on the
    pages is private until you publish it.

    \b
    Examples:
      watchword topics publish 'VRU OR "violence reduction unit"'
      watchword topics hide knife-crime-920f84c7
    """


class TopicList(msgspec.Struct, frozen=True):
    """All topics, public and private."""

    topics: list[TopicState]  #: by title


class TopicVisibility(msgspec.Struct, frozen=True):
    """A topic that was published or hidden."""

    slug: str  #: its name in addresses
    title: str
    published: bool


_TOPIC = click.argument("topic", metavar="TOPIC", type=TopicName())


@topics_command.command(name="list", cls=ServiceCommand, data=(TopicList,))
@click.pass_context
def list_command(context: click.Context) -> ExitStatus:
    """List all topics, public and private.

    Each line has the name of a topic in its address, what publishes it, the number of its
    subscriptions, and its query or question.

    \b
    Example:
      watchword topics list
    """
    service = get_service(context)
    with service.ledger.reading() as connection:
        states = publication.list_states(connection)
    rows = [_build_row(state) for state in states]
    columns = ("Topic", "State", "Alerts", "Title")
    print_result(format_table(columns, rows, nothing="There is no topic yet."), TopicList(states))
    return ExitStatus.OK


def _build_row(state: TopicState) -> tuple[str, ...]:
    number = format_plural(state.subscribers, "subscription")
    return state.slug, _describe_state(state), number, state.title


def _describe_state(state: TopicState) -> str:
    if state.is_published:
        return f"public: {state.publisher}"
    return "private: hidden" if state.is_hidden else "private"


@topics_command.command(name="publish", cls=RecordedCommand, data=(TopicVisibility,), about="topic")
@_TOPIC
@click.pass_context
def publish_command(context: click.Context, topic: str) -> ExitStatus:
    """Publish a topic until you hide it.

    It gets a public page and feeds, whether or not anybody is subscribed to it. TOPIC is a query, a
    name that `watchword topics list` prints, or the id of a followed question. Look at what people
    typed before you publish it.

    \b
    Example:
      watchword topics publish 'knife crime'
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        done = publish_topic(connection, topic, service.clock())
    path = f"{service.config.site.public_url or ''}{topic_path(done.slug)}"
    visibility = TopicVisibility(done.slug, done.title, published=True)
    print_result(f"{done.title} is public: {path}", visibility)
    return ExitStatus.OK


@topics_command.command(name="hide", cls=RecordedCommand, data=(TopicVisibility,), about="topic")
@_TOPIC
@click.pass_context
def hide_command(context: click.Context, topic: str) -> ExitStatus:
    """Make a topic private, whatever publishes it.

    Its page and feeds are answered as gone, and the files of its feeds are deleted. Alerts go on;
    without any, the topic ends. TOPIC is a query, a name that `watchword topics list` prints, or
    the id of a followed question.

    \b
    Example:
      watchword topics hide knife-crime-920f84c7
    """
    service = get_service(context)
    with service.ledger.writing() as connection:
        done = hide_topic(connection, topic)
    delete_withdrawn_files(service.ledger, service.config.feeds.path)
    visibility = TopicVisibility(done.slug, done.title, published=False)
    print_result(f"{done.title} is private", visibility)
    return ExitStatus.OK
