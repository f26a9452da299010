"""Each key of each section reaches the config that is in force, and the example shows it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from alerts.delivery import list_channel_names
from alerts.ledger import DatabaseURL
from alerts.secret import Secret
from crawler.storage import LocalFolder
from scheduler.config import load_config
from scheduler.config.introspection import is_type
from tests.support.config_keys import ConfigKey, format_toml, get_value, list_config_keys
from tests.support.paths import REPOSITORY
from tests.support.private_keys import write_key

KEYS = list_config_keys()

#: What makes every single key valid by itself: cross-references, required keys, a key file.
BASE: dict[tuple[str, ...], dict[str, Any]] = {
    **{("channels", name): {} for name in list_channel_names()},
    **{
        key.section: {key.field.name: base64.b64encode(b"a secret of twenty-four b").decode()}
        for key in KEYS
        if key.field.required and is_type(key.field.type, Secret)
    },
    ("site",): {"public_url": "https://watch.example"},
    ("sources", "london"): {"url": "https://source.example"},
    ("subscriptions", "0"): {"email": "ada@demo.example", "query": "benches"},
    ("topics", "0"): {"query": "benches"},
}

DKIM = ("mail", "dkim", "0")

#: Values for text that means something, by the last part of its key.
TEXTS = {
    "channel": "smtp",
    "email": "other@demo.example",
    "envelope_from": "other@demo.example",
    "from_address": "other@demo.example",
    "unsubscribe_address": "other@demo.example",
    "bounce_address": "other@demo.example",
    "notify": "https://hooks.example/other",
    "language": "en_US",
    "zone": "America/New_York",
    "password": "other password",
    "operator_password": "another password of sixteen",
    "templates": "own",
    "round": "https://ping.example/other",
    "crawl": "https://ping.example/{source}",
    "token": "another token of sixteen",
    "networks": "192.0.2.0/24",
    "trusted_proxies": "192.0.2.7",
    "former_secret": base64.b64encode(b"a former secret of twenty-four").decode(),
    "secret": base64.b64encode(b"another secret of twenty-four").decode(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key files that the tests name."""
    path = tmp_path_factory.mktemp("config")
    write_key(path / "one.pem", "rsa")
    write_key(path / "other.pem", "rsa")
    (path / "own").mkdir()
    return path


def other_values(kind: inspect.Type, name: str, default: Any) -> st.SearchStrategy[Any]:
    """Valid values of a key that are not its default."""
    match kind:
        case inspect.Metadata():
            return other_values(kind.type, name, default)
        case inspect.UnionType():
            [part] = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            return other_values(part, name, default)
        case inspect.VarTupleType():
            return other_values(kind.item_type, name, None).map(lambda value: [value])
    return any_values(kind, name).filter(lambda value: value != default)


def any_values(kind: inspect.Type, name: str) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            low = kind.gt + 1 if kind.gt is not None else kind.ge or 0
            return st.integers(int(low), int(kind.le or 10_000))
        case inspect.FloatType():
            least, most = kind.gt or kind.ge or 0, kind.le or 10_000
            return st.floats(least, most, exclude_min=kind.gt is not None)
        case inspect.LiteralType():
            return st.sampled_from(kind.values)
        case inspect.EnumType():
            return st.sampled_from([member.value for member in kind.cls])
    return st.just(any_text(kind, name))


def any_text(kind: inspect.Type, name: str) -> str:
    if isinstance(kind, inspect.StrType) and kind.pattern is not None:
        texts = ("https://other.example", "other2", "other@demo.example", "other.example,2027")
        return next(text for text in texts if re.search(kind.pattern or "", text))
    if is_type(kind, Path):
        return TEXTS.get(name, "other.pem")
    if is_type(kind, DatabaseURL):
        return "sqlite:///other.sqlite3"
    return TEXTS.get(name, "other")


def in_force(value: Any, folder: Path) -> Any:
    """The value as TOML would write it, with its path made relative again."""
    match value:
        case Secret():
            return value.reveal().replace(f"{folder}/", "")
        case Path():
            return str(value.relative_to(folder))
        case LocalFolder():
            return in_force(value.path, folder)
        case tuple():
            return [in_force(item, folder) for item in value]
    return getattr(value, "value", value)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
@settings(max_examples=10)
@given(data=st.data())
def test_every_key_is_in_force(folder: Path, key: ConfigKey, data: st.DataObject) -> None:
    value = data.draw(other_values(key.field.type, key.field.name, key.field.default))
    tables = {section: dict(values) for section, values in BASE.items()}
    if key.section == DKIM:
        tables[DKIM] = {"selector": "one", "key": "one.pem"}
    tables.setdefault(key.section, {})[key.field.name] = value
    (folder / "config.toml").write_text(format_toml(tables))
    config = load_config(folder / "config.toml")
    assert in_force(get_value(config, key), folder) == value


EXAMPLE = (REPOSITORY / "config.example.toml").read_text()


def uncommented(text: str) -> str:
    """The example with all that it shows in force; prose and indented alternatives left out."""
    lines = []
    for line in text.splitlines():
        code = line.removeprefix("# ")
        if re.match(r"\[|[a-z_]+ = ", code):
            lines.append(code)
    return "\n".join(lines)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_every_key_is_in_the_example(key: ConfigKey) -> None:
    section = ".".join(part for part in key.section if not part.isdigit())
    parts = re.split(r"(?m)^\[+([a-z_.-]+)\]+$", "[]\n" + uncommented(EXAMPLE))
    shown = {"": parts[0]}
    for name, keys in zip(parts[1::2], parts[2::2], strict=True):
        shown[name] = shown.get(name, "") + keys
    assert re.search(rf"(?m)^{key.field.name} = ", shown.get(section, "")), key.name


def test_the_example_can_be_used_with_everything_in_it(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    write_key(tmp_path / "dkim.pem", "rsa")
    text = uncommented(EXAMPLE).replace('"whsec_..."', f'"{TEXTS["secret"]}"')
    for key in ("operator_password", "token"):
        text = text.replace(f'{key} = "..."', f'{key} = "{"x" * 16}"')
    text = text.replace('"https://..."', '"https://www.source.example"')
    (tmp_path / "config.toml").write_text(text)
    config = load_config(tmp_path / "config.toml")
    assert config.web.port == 8080
    assert config.mail.dkim[0].key == tmp_path / "dkim.pem"
