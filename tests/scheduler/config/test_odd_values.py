"""What the config accepts, the service can run with; all else is one line that names the key."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import inspect

from scheduler.config import Config, ConfigError, load_config, parse_config
from scheduler.crawls.source_crawl import plan_next_crawl
from scheduler.daemon import Daemon
from scheduler.jobs import run_pipeline, sync_config
from scheduler.service import open_service
from tests.scheduler.config.test_every_key import BASE, DKIM, KEYS
from tests.support.config_keys import ConfigKey, format_toml
from tests.support.empty_ledger import place_empty_ledger
from tests.support.private_keys import write_key


def find_numbers(kind: inspect.Type) -> Iterator[inspect.IntType | inspect.FloatType]:
    """The number types of which a key's value may be."""
    match kind:
        case inspect.IntType() | inspect.FloatType():
            yield kind
        case inspect.Metadata():
            yield from find_numbers(kind.type)
        case inspect.UnionType():
            for part in kind.types:
                yield from find_numbers(part)


NUMBER_KEYS = [key for key in KEYS if any(find_numbers(key.field.type))]

ODD_VALUES = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1e-300",
    "1e300",
    "9" * 30,
    "9" * 5000,
    '""',
    json.dumps("a" * 3000),
    '"a\\u0000b"',
    '"a\\nb"',
    '"~nobody-of-this-name/x"',
    '"(knife"',
    '"http://[::1"',
    '"http://host:99999"',
    '"a..b"',
    '"é@é"',
    "true",
    "2026-11-26",
    "[]",
    '["x y"]',
    "{}",
    "[" * 2000 + "]" * 2000,
]


def build_text(key: ConfigKey, value: str) -> str:
    """A config in which all but one key are as they should be."""
    tables = {section: dict(values) for section, values in BASE.items()}
    if key.section == DKIM:
        tables[DKIM] = {"selector": "one", "key": "one.pem"}
    tables.setdefault(key.section, {})[key.field.name] = "THE VALUE"
    return format_toml(tables).replace('"THE VALUE"', value)


@pytest.mark.parametrize("key", NUMBER_KEYS, ids=lambda key: key.name)
def test_every_number_has_a_lower_and_an_upper_limit(key: ConfigKey) -> None:
    for kind in find_numbers(key.field.type):
        assert kind.le is not None
        assert kind.ge is not None or kind.gt is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config")
    write_key(path / "one.pem", "rsa")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_an_odd_value_is_refused_in_one_line_or_can_be_used(folder: Path, key: ConfigKey) -> None:
    for value in ODD_VALUES:
        try:
            parse_config(build_text(key, value), folder, "config.toml", {})
        except ConfigError as error:
            line = str(error)
            assert "\n" not in line
            assert len(line) < 400
            part = key.field.name.removesuffix("_file")
            assert part in line or "is not TOML" in line or ".email" in line, line


def start_and_run(config: Config) -> None:
    """Do what `watchword run` does before it waits."""
    service = open_service(config)
    try:
        sync_config(service)
        Daemon(service)
        plan_next_crawl(service, "london")
        run_pipeline(service)
    finally:
        service.ledger.engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("key", NUMBER_KEYS, ids=lambda key: key.name)
def test_the_service_runs_with_each_number_at_its_limits(tmp_path: Path, key: ConfigKey) -> None:
    place_empty_ledger(tmp_path / "var" / "ledger.sqlite3")
    [kind] = find_numbers(key.field.type)
    least = kind.ge if kind.ge is not None else math.nextafter(float(kind.gt or 0), 1)
    for value in (least, kind.le):
        text = build_text(key, repr(value))
        start_and_run(parse_config(text, tmp_path, "config.toml", {}))


def test_a_byte_order_mark_is_no_part_of_a_config(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[site]\nname = 'Ours'\n")
    assert load_config(path).site.name == "Ours"


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = '[ledger]\nurl = "sqlite:///~/ledger.sqlite3"\n[feeds]\npath = "~/feeds"\n'
    config = parse_config(text, Path("elsewhere"), "config.toml", {})
    assert config.ledger.url.reveal() == f"sqlite:///{tmp_path}/ledger.sqlite3"
    assert config.feeds.path.path == tmp_path / "feeds"


@pytest.mark.parametrize("name", ["what?", "number#1", "100%25", "a b", "é"])
@pytest.mark.slow
def test_the_folder_of_a_ledger_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    start_and_run(parse_config("", folder, "config.toml", {}))
    assert (folder / "var" / "ledger.sqlite3").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_options_of_a_sqlite_url_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"ledger\.url: options after a question mark"):
        parse_config('[ledger]\nurl = "sqlite:///a.sqlite3?mode=ro"', Path(), "config.toml", {})


@pytest.mark.parametrize("value", ["mysql://h/x", "sqlite://x", "sqlite:///:memory:", "x"])
def test_a_ledger_url_that_cannot_be_opened_is_refused_at_once(value: str) -> None:
    with pytest.raises(ConfigError, match=r"config.toml: ledger\.url: "):
        parse_config(f'[ledger]\nurl = "{value}"', Path(), "config.toml", {})


def test_no_password_of_a_wrong_url_is_printed() -> None:
    with pytest.raises(ConfigError) as error:
        parse_config('[ledger]\nurl = "postgresql://u:hush@h:x/y"', Path(), "config.toml", {})
    assert "hush" not in str(error.value)
