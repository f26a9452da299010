"""The reference of all keys, ``docs/reference/configuration.md``, made from the section classes.

A key's description is the ``#:`` comment on its field. Its limits and default are the field's own.
"""

from __future__ import annotations

import inspect as python_inspect
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, Struct, inspect

from alerts.delivery import list_channel_names, load_channel
from alerts.secret import Secret
from crawler.storage import Folder
from scheduler.config.explanation import describe_limits
from scheduler.config.introspection import find_secret_type, find_struct, get_section_info, is_type
from scheduler.config.sections import Config

INTRODUCTION = """\
# Configuration

One TOML file, `config.toml` in the working folder or the one that `--config` names. Every key has a
default but those marked *required*. `watchword config` checks the file and prints what is in force.
[`config.example.toml`](../../config.example.toml) shows every key with advice. This page is
generated from the code by `make docs`.

Relative paths are taken from the folder of the file. A key that does not exist, or a value that is
out of its limits, stops every command with one line that names the key.

## Secrets

The keys marked *secret* are never printed: commands, logs and pages show `(set)`. Of those that
*may hold a secret*, a database's URL is shown without its password, and of an address that is no
email address only what tells which service it is. Each may come from four places; the first is in
force.
For `password` in `[channels.smtp]` they are:

1. the environment variable `WATCHWORD_CHANNELS_SMTP_PASSWORD`;
2. the file `$CREDENTIALS_DIRECTORY/channels.smtp.password`
   ([systemd credentials](https://systemd.io/CREDENTIALS/));
3. the file that `password_file` names, which holds nothing else;
4. `password` itself.

`[[subscriptions]]` are counted from 0: `WATCHWORD_SUBSCRIPTIONS_0_EMAIL`. `notify` takes one
address from each line of its variable or file.

The addresses of sites, of a hub and of your own pages are public, so they may hold no user and
password.

## Keys
"""


def build_reference() -> str:
    """Return the reference as Markdown."""
    sections = list_sections(get_section_info(Config))
    return "\n".join([INTRODUCTION, *(_format_section(name, cls) for name, cls in sections)])


def list_sections(info: inspect.StructType, prefix: str = "") -> Iterator[tuple[str, type[Struct]]]:
    """Give each section's name in TOML, ``[mail]``, and its class, in the order of the file."""
    yield prefix, info.cls
    for field in info.fields:
        if field.name == "channels":
            yield from ((f"[channels.{name}]", load_channel(name)) for name in _list_channels())
            continue
        struct = find_struct(field.type)
        if struct is None:
            continue
        name = f"{prefix.strip('[]')}.{field.name}" if prefix else field.name
        if isinstance(field.type, inspect.DictType):
            name = f"{name}.NAME"
        is_array = isinstance(field.type, inspect.VarTupleType)
        yield from list_sections(struct, f"[[{name}]]" if is_array else f"[{name}]")


def _list_channels() -> list[str]:
    """Return the channels: those that carry email first."""
    mail = list_channel_names("mailto")
    return [*mail, *(name for name in list_channel_names() if name not in mail)]


def _format_section(name: str, section: type[Struct]) -> str:
    info, comments = get_section_info(section), read_comments(section)
    rows = [
        f"| `{field.name}` | {_format_type(field)} | {comments[field.name]} |"
        for field in info.fields
        if find_struct(field.type) is None
    ]
    title = f"`{name}`" if name else "At the top of the file"
    about = _describe(section) if name else ""
    table = ["| key | value | |", "|---|---|---|", *rows, ""]
    return "\n".join([f"### {title}", "", *([about, ""] if about else []), *table])


def _describe(section: type[Struct]) -> str:
    """Return the first line of a docstring without the section's name."""
    first = (python_inspect.getdoc(section) or "").partition("\n")[0]
    text = first.partition("``: ")[2].replace("``", "`")
    return text[:1].upper() + text[1:]


def _format_type(field: inspect.Field) -> str:
    if secret := find_secret_type(field.type):
        value = "secret" if secret is Secret else "may hold a secret"
    elif is_type(field.type, Path):
        value = "path"
    elif is_type(field.type, Folder):
        value = "path or URL"
    else:
        value = describe_limits(field.type)
    if field.required:
        return f"{value}, *required*"
    default = format_default(field.default)
    return f"{value}; {default}" if default else value


def format_default(value: Any) -> str:
    """Return a default as TOML has it; nothing for a key that is not set."""
    if value is None or value is NODEFAULT or value == ():
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:g}`"
    return f'`"{getattr(value, "value", value)}"`'


def read_comments(section: type[Struct]) -> dict[str, str]:
    """Return the ``#:`` comment of each field: beside it, or on the lines above it."""
    comments: dict[str, str] = {}
    pending: list[str] = []
    for line in python_inspect.getsource(section).splitlines():
        text = line.strip()
        name = text.partition(":")[0]
        if text.startswith("#:"):
            pending.append(text.removeprefix("#:").strip())
        elif name in section.__struct_fields__:
            beside = _find_comment(line)
            comments[name] = beside or " ".join(pending)
        if not text.startswith("#:"):
            pending = []
    return {name: text.replace("``", "`") for name, text in comments.items()}


def _find_comment(line: str) -> str | None:
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.strip()).readline):
            if token.type == tokenize.COMMENT:
                return token.string.removeprefix("#:").strip()
    except tokenize.TokenError:  # the first line of a field that goes on
        return None
    return None
