"""The help of the program and of each command, and what showing it costs."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from scheduler.cli import watchword
from scheduler.cli.group import SECTIONS
from tools.command_reference import list_commands

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
_CONTEXT = click.Context(watchword, info_name="watchword")


def load(name: str) -> click.Command:
    command = watchword.get_command(_CONTEXT, name)
    assert command is not None
    return command


def test_help_of_the_program_lists_each_command_with_its_summary() -> None:
    shown = watchword.get_help(_CONTEXT)
    for name, entry in COMMANDS.items():
        assert f"  {name} " in shown
        assert entry.summary in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_is_the_first_line_of_the_commands_own_help(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name].summary


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_takes_the_config_and_explains_its_options(name: str) -> None:
    options = [param for param in load(name).params if isinstance(param, click.Option)]
    assert "--config" in [option.opts[0] for option in options]
    assert [option.opts[0] for option in options if not option.help] == []


@pytest.mark.parametrize("name", [name for _, name, _ in list_commands()])
def test_each_command_has_an_example_and_takes_json(name: str) -> None:
    command = {known: one for _, known, one in list_commands()}[name]
    context = click.Context(command, info_name=f"watchword {name}")
    shown = command.get_help(context)
    _, _, examples = shown.partition("Example")
    assert f"watchword {name.split(' ', maxsplit=1)[0]}" in examples.partition("Options:")[0]
    assert "--json" in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.process
def test_help_of_the_program_imports_no_library_but_click() -> None:
    code = (
        "import sys, scheduler.cli\n"
        "scheduler.cli.watchword.main(['--help'], standalone_mode=False)\n"
        "heavy = ('sqlalchemy', 'scrapy', 'numpy', 'jinja2', 'lark', 'msgspec', 'rich', "
        "'feedgen', 'starlette', 'cryptography', 'apscheduler')\n"
        "print('imported:', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"
