"""Outgoing messages: what names them, and where they wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from typing import get_args

import msgspec
import pytest

from alerts.mail import (
    MailIdentity,
    RenderedMessage,
    build_message_id,
    draft_message,
    find_message_id,
    parse_notification,
    write_email,
    write_notification,
)
from alerts.model import MessageKind, Subscriber

NOW = datetime(2026, 7, 16, 6, 0, tzinfo=UTC)
IDENTITY = MailIdentity(
    "Watchword", "w@demo.example", "leave@demo.example", "https://watch.example"
)
ADA = Subscriber(1, "ada@demo.example", "B-Dg-tSS9p9aqYTmJawR5g", "Europe/London", 7)
HOOK = Subscriber(2, "https://hooks.example/me", "C-Dg-tSS9p9aqYTmJawR5g", "UTC", 0)
KINDS: tuple[MessageKind, ...] = get_args(MessageKind)


def test_the_message_id_of_a_digest_never_changes() -> None:
    """It is in the sent log, in links and in receivers' databases: as released on 2026-11-26."""
    draft = draft_message("digest", ADA, "7@20260716T060000.000000Z", IDENTITY)
    assert draft.message_id == "<digest.2baf6c98cc167e961f2636d712f349b2@demo.example>"
    assert draft.key == "2baf6c98cc167e961f2636d712f349b2"
    assert draft_message("notice", ADA, "7@20260716T060000.000000Z", IDENTITY).key == draft.key


@pytest.mark.parametrize("kind", KINDS)
def test_the_message_id_of_every_kind_is_found_in_a_report(kind: MessageKind) -> None:
    draft = draft_message(kind, ADA, "occasion", IDENTITY)
    assert draft.message_id == build_message_id(kind, draft.key, "demo.example")
    assert find_message_id(f"Message-ID: {draft.message_id}\r\n") == draft.message_id


@pytest.mark.parametrize("prefix", ["confirm", "link", "letter"])
def test_message_ids_of_earlier_versions_are_found(prefix: str) -> None:
    message_id = f"<{prefix}.{'0a' * 16}@demo.example>"
    assert find_message_id(f"In-Reply-To: {message_id}") == message_id


@pytest.mark.parametrize(
    "text", ["", "<digest.0a@demo.example>", f"<invoice.{'0a' * 16}@demo.example>"]
)
def test_other_message_ids_are_not_ours(text: str) -> None:
    assert find_message_id(text) is None


@pytest.mark.parametrize("kind", KINDS)
def test_only_digests_wait_in_the_lane_that_the_daily_limit_holds_back(kind: MessageKind) -> None:
    draft = draft_message(kind, ADA, "occasion", IDENTITY)
    message = write_email(draft, RenderedMessage("Subject", "Text\n", "<p>Text"), IDENTITY, NOW)
    assert message.lane == (1 if kind in {"digest", "notice"} else 0)
    assert (message.kind, message.key, message.recipient) == (kind, draft.key, ADA.email)


def test_only_a_message_with_links_belongs_to_the_list() -> None:
    draft = draft_message("operator", ADA, "occasion", IDENTITY)
    rendered = RenderedMessage("Subject", "Text\n", "<p>Text")
    alone = message_from_bytes(write_email(draft, rendered, IDENTITY, NOW).body)
    links = IDENTITY.build_links(ADA.token, NOW)
    listed = message_from_bytes(write_email(draft, rendered, IDENTITY, NOW, links).body)
    for header in ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence"):
        assert alone[header] is None
        assert listed[header] is not None


def test_a_notification_is_json_that_a_channel_can_read() -> None:
    draft = draft_message("operator", HOOK, "occasion", IDENTITY)
    message = write_notification(draft, "Subject\r\nX: y", "Text", NOW, {"more": 1})
    read = parse_notification(message.body)
    assert read.id == draft.message_id.strip("<>")
    assert (read.subject, read.text) == ("Subject X: y", "Text")
    assert msgspec.json.decode(message.body)["more"] == 1
