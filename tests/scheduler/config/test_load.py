"""A wrong config is one line: the file, the key, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.delivery.channels import maildir, smtp
from scheduler.config import ConfigError, load_config, parse_config


def explain_error(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse_config(text, Path(), "config.toml")
    line = str(error.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[ledger\n", "config.toml: is not TOML"),
        ("lager = 1", "config.toml: unknown key lager (did you mean ledger?)"),
        ("[ledger]\nurll = 'x'", "unknown key ledger.urll (did you mean url?)"),
        (
            "[sources.london]\ndelay = 2",
            "unknown key sources.london.delay (did you mean delay_seconds?)",
        ),
        ("[digests]\nhour = 'seven'", "digests.hour: expected a whole number, got text"),
        ("[digests]\nhour = 24", "digests.hour: expected 0 to 23, got 24"),
        ("[digests]\nbatch_minutes = -1", "digests.batch_minutes: expected 0 to 60, got -1"),
        ("[mail]\nper_day = 0", "mail.per_day: expected 1 to 1000000000, got 0"),
        ("[site]\npublic_url = 'https://a.example/'", "site.public_url: expected scheme"),
        ("[site]\npublic_url = 'https://a.example/sub'", "site.public_url: expected scheme"),
        ("[web]\nsign_up = true", "web.sign_up: needs site.public_url"),
        ('[mail]\nbounce_address = "me"', "mail.bounce_address: 'me' is not an email address"),
        ('[channels.webhook]\nsecret = "short"', "channels.webhook.secret: expected base64 of 24"),
        ('[operator]\nnotify = ["ntfy://x"]', "there is no [channels.apprise] in the config"),
        ('[mail]\nchannel = "webhook"', "there is no channel 'webhook'; there are: maildir, smtp"),
        ("[digests]\nzone = 'Europe/Londn'", "there is no time zone 'Europe/Londn'"),
        ("[sources.london]\nevery_minutes = 'x'", "expected a number, got text"),
        ("[sources.london]\nurl = 'www.london.gov.uk'", "sources.london.url: expected scheme"),
        ("[sources.london]\nurl = 'https://a.example/path'", "sources.london.url: expected scheme"),
        (
            "[sources.lundon]\nurl = 'https://www.london.example'",
            "sources.lundon: there is no spider of this name (did you mean london?); there are: ",
        ),
        (
            "[sources.elsewhere]\nenabled = true",
            "sources.elsewhere: missing required field url",
        ),
        (
            "[sources.a]\nurl = 'https://a.example'\nhome = 'a.example'",
            "sources.a.home: expected scheme",
        ),
        ("[sources.london]\nenabled = 1", "expected true or false, got a whole number"),
        ("[mail]\nchannel = 'pigeon'", "there is no channel 'pigeon'; there are: maildir, smtp"),
        ("[mail]\nin_doubt = 'pray'", "mail.in_doubt"),
        ("[mail]\nfrom_address = 'nobody'", "mail.from_address: 'nobody' is not an email address"),
        (
            "[mail]\nchannel='smtp'\n[channels.smtp]\nport = 'x'",
            "channels.smtp.port: expected a whole number, got text",
        ),
        (
            "[mail]\nchannel='smtp'\n[channels.smtp]\nhots = 'x'",
            "unknown key channels.smtp.hots (did you mean host?)",
        ),
        ("[[subscriptions]]\nemail = 'a@b.example'", "missing required field query"),
        (
            "[[subscriptions]]\nemail = 'x'\nquery = 'vru'",
            "subscriptions[0].email: 'x' is not an email",
        ),
        ("folder = '/'", "unknown key folder"),
        ("sources = 3", "sources: expected"),
    ],
)
def test_a_wrong_value_is_one_clear_line(text: str, says: str) -> None:
    assert says in explain_error(text)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_relative_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "config.toml").write_text('templates = "own"')
    config = load_config(tmp_path / "config.toml")
    assert config.ledger.url.reveal() == f"sqlite:///{tmp_path}/var/ledger.sqlite3"
    assert config.feeds.path.path == tmp_path / "var" / "feeds"
    assert config.templates == tmp_path / "own"
    [found] = config.channel_table.channels
    assert isinstance(found, maildir.MaildirSettings)
    assert found.path == tmp_path / "var" / "mail"


def test_absolute_paths_and_servers_are_kept() -> None:
    text = '[ledger]\nurl = "{}"\n[feeds]\npath = "/srv/feeds"'
    for url in ("sqlite:////srv/ledger.sqlite3", "postgresql://db.example/watchword"):
        config = parse_config(text.format(url), Path("/etc"), "config.toml")
        assert config.ledger.url.reveal() == url
        assert str(config.feeds.path) == "/srv/feeds"


def test_bounces_go_to_the_from_address_by_default() -> None:
    text = "[mail]\nchannel = 'smtp'\nfrom_address = 'w@a.example'\n[channels.smtp]\n"
    for more, expected in [("", "w@a.example"), ("envelope_from = 'b@a.example'", "b@a.example")]:
        [found] = parse_config(text + more, Path(), "config.toml").channel_table.channels
        assert isinstance(found, smtp.SmtpSettings)
        assert found.envelope_from == expected


def test_a_source_names_its_home_page_and_its_attribution() -> None:
    text = """
[sources.api]
enabled = false
url = "https://api.a.example"
home = "https://www.a.example"
attribution = "Filler attribution."
"""
    config = parse_config(text, Path(), "config.toml")
    assert config.feed_identity.home_url == "https://www.a.example"
    assert config.feed_identity.attributions == config.mail_identity.attributions
    assert config.mail_identity.attributions == {"api": "Filler attribution."}
    assert parse_config("sources = {}", Path(), "config.toml").feed_identity.home_url.startswith(
        "https://"
    )
