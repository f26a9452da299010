"""What a command can do is possible on the operator's pages, or they name the command."""

from __future__ import annotations

import click
import pytest

from scheduler.cli import watchword
from tests.support.operator_session import Operator
from tests.support.web_client import WebClient

#: By command: what does the same on the pages; a button, or a part of a page.
ON_PAGES = {
    "status": ("/operator", "Overview"),
    "approvals": ("/operator/changes", "Changes that wait"),
    "approve": ("/operator/changes", "Changes that wait"),
    "reject": ("/operator/changes", "Changes that wait"),
    "actions": ("/operator/actions", "Log of actions"),
    "topics": ("/operator/topics", 'value="publish-topic"'),
    "subscriptions": ("/operator/subscribers", "Subscribers"),
    "suspended": ("/operator/subscribers?show=suspended", "Suspended"),
    "deliveries": ("/operator/messages", "Messages"),
    "pause": ("/operator/subscribers/1", 'value="pause-alerts"'),
    "resume": ("/operator/subscribers/1", 'value="pause-alerts"'),
    "unsubscribe": ("/operator/subscribers/1", 'value="unsubscribe"'),
    "export": ("/operator/subscribers/1", 'value="export"'),
    "forget": ("/operator/subscribers/1", 'value="forget"'),
}
#: What is no task of an operator who looks at pages: they run already, or are for trying it out.
NOT_THERE = {"init", "doctor", "run", "serve", "work", "schedule", "demo"}
PAGES = ("", "/changes", "/crawls", "/messages", "/subscribers", "/topics", "/settings")


def list_commands() -> list[str]:
    return watchword.list_commands(click.Context(watchword))


@pytest.fixture
def operator(site: WebClient) -> Operator:
    form = {"q": "benches", "frequency": "daily", "updates": "all"}
    site.submit_form("/search?q=benches", "/sign-up", email="ada@demo.example", **form)
    confirm = site.read_messages()[-1].replace("=\r\n", "")
    path = confirm[confirm.index("/c/") :].split()[0].rstrip('>"')
    assert site.request_text("POST", path)[0] == 200
    return Operator.sign_in(site)


@pytest.mark.slow
def test_each_command_is_named_or_has_its_place(operator: Operator) -> None:
    everything = "".join(operator.see(f"/operator{path}") for path in PAGES)
    for command in list_commands():
        if command in ON_PAGES:
            path, sign = ON_PAGES[command]
            assert sign in operator.see(path), command
        elif command not in NOT_THERE:
            assert f"<code>watchword {command}" in everything, command
