"""Whom a refusal blames: replies as mail servers write them, at each stage."""

from __future__ import annotations

import pytest

from alerts.refusals import Blame, SmtpStage, classify_reply, mask_addresses


@pytest.mark.parametrize(
    ("stage", "reply", "blame"),
    [
        # Our server, address, login or reputation.
        (
            "rcpt",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            "sender",
        ),
        ("rcpt", "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked", "sender"),
        ("rcpt", "550 5.7.1 Mail from IP 192.0.2.1 was rejected due to listing", "sender"),
        ("rcpt", "554 5.7.1 <a@b.example>: Relay access denied", "sender"),
        ("rcpt", "550 relay not permitted", "sender"),
        ("rcpt", "554 delivery refused", "sender"),
        ("rcpt", "530 5.7.0 Authentication required", "sender"),
        ("rcpt", "535 bad login", "sender"),
        ("rcpt", "503 5.5.1 bad sequence", "sender"),
        ("rcpt", "550 5.1.8 sender's domain does not exist", "sender"),
        ("rcpt", "451 4.7.650 The mail server [192.0.2.1] has been rate limited", "sender"),
        ("rcpt", "451 4.7.500 Access denied, please try again later (AS112201)", "sender"),
        ("rcpt", "550 5.7.606 Access denied, banned sending IP", "sender"),
        ("mail", "530 5.7.0 Authentication required", "sender"),
        ("mail", "550 5.7.1 sender rejected", "sender"),
        ("mail", "553 5.1.8 no such domain", "sender"),
        ("connect", "554 no service", "sender"),
        ("auth", "535 5.7.8 bad credentials", "sender"),
        ("dot", "550 5.7.26 unauthenticated email: DMARC policy", "sender"),
        ("dot", "550 5.7.1 [192.0.2.1] is on a blocklist", "sender"),
        ("rcpt", "450 4.1.8 <w@demo.example>: Sender address rejected: Domain not found", "sender"),
        ("rcpt", "454 4.7.1 <a@b.example>: Relay access denied", "sender"),
        ("rcpt", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "sender"),
        ("rcpt", "525 5.7.13 User Account Disabled", "sender"),
        ("rcpt", "550 5.1.1 blocked using dnsbl.demo.example", "sender"),
        ("rcpt", "550 Administrative prohibition", "sender"),
        ("rcpt", "550 5.7.1 Our system has detected that this is likely spam", "sender"),
        ("rcpt", "5.7.26", "sender"),
        # A refusal that may mean the mailbox as well as us is taken to be about us.
        ("rcpt", "550", "sender"),
        ("rcpt", "550 rejected", "sender"),
        ("rcpt", "550 Verification failed for <w@demo.example>", "sender"),
        ("rcpt", "550 mail from 192.0.2.1 refused", "sender"),
        # A limit on what we may send.
        ("rcpt", "550 5.4.5 Daily user sending quota exceeded", "sender"),
        ("rcpt", "550 5.1.90 you've reached your daily limit for message recipients", "sender"),
        ("rcpt", "550 5.2.2 sending quota of your account exceeded", "sender"),
        ("rcpt", "550 Your account has been suspended", "sender"),
        ("rcpt", "454 4.7.0 Throttling failure: Maximum sending rate exceeded.", "sender"),
        ("dot", "550 5.4.5 Daily user sending limit exceeded", "sender"),
        ("dot", "550 Maximum credits exceeded", "sender"),
        ("dot", "554 Message rejected: Email address is not verified.", "sender"),
        # The mailbox.
        ("rcpt", "550 Benutzer unbekannt", "mailbox"),
        ("rcpt", "550 5.1.0 Address rejected", "mailbox"),
        ("rcpt", "550 <relay-team@demo.example>: no such user", "mailbox"),
        ("rcpt", "550 spf@demo.example is not a valid mailbox", "mailbox"),
        ("rcpt", "550-5.1.1 the account does not exist. 4.7.1 5.1.1 see the help", "mailbox"),
        ("rcpt", "550 5.4.310 DNS domain does not exist", "mailbox"),
        ("rcpt", "5.1.1", "mailbox"),
        ("rcpt", "550 5.1.1 mailbox does not exist", "mailbox"),
        ("rcpt", "550 no such user", "mailbox"),
        ("rcpt", "550 5.5.0 Requested action not taken: mailbox unavailable", "mailbox"),
        ("rcpt", "554 delivery error: dd This user doesn't have an example account", "mailbox"),
        ("rcpt", "550 5.4.1 Recipient address rejected: Access denied", "mailbox"),
        ("rcpt", "550 5.1.10 null MX", "mailbox"),
        ("rcpt", "550 5.7.133 sender not allowed for this group", "mailbox"),
        ("rcpt", "550 5.7.124 not in the allowed senders", "mailbox"),
        ("dot", "550 5.1.1 no such user", "mailbox"),
        # Its state.
        ("rcpt", "552 5.2.2 mailbox full", "mailbox_state"),
        ("rcpt", "550 5.2.1 disabled", "mailbox_state"),
        ("rcpt", "554 over quota", "mailbox_state"),
        ("rcpt", "450 mailbox busy", "mailbox_state"),
        ("dot", "552 mailbox full", "mailbox_state"),
        ("rcpt", "450 4.1.1 user unknown", "mailbox_state"),
        ("rcpt", "550 5.4.6 routing loop", "mailbox_state"),
        ("rcpt", "550 this account has been disabled", "mailbox_state"),
        ("rcpt", "552 5.2.2 the mailbox is over its quota", "mailbox_state"),
        # The message.
        ("rcpt", "552 5.3.4 message size exceeds fixed limit", "content"),
        ("mail", "552 5.3.4 too large", "content"),
        ("mail", "552 size limit", "content"),
        ("rcpt", "552 5.3.4 too large", "content"),
        ("dot", "554 5.7.1 looks like spam", "content"),
        ("dot", "550 5.6.0 bad header", "content"),
        ("data", "554 no", "content"),
        ("dot", "550 access denied", "content"),
        ("dot", "550 5.7.1 likely unsolicited mail", "content"),
        # Nobody.
        ("rcpt", "450 4.7.1 Greylisting in action", "later"),
        ("rcpt", "421 4.3.2 shutting down", "later"),
        ("rcpt", "554 5.7.1 Error: open resolver; check.spamhaus.org/returnc/pub/", "later"),
        ("rcpt", "554 5.3.5 system incorrectly configured", "later"),
        ("mail", "452 4.3.1 insufficient storage", "later"),
    ],
)
def test_a_refusal_blames_whom_it_is_about(stage: SmtpStage, reply: str, blame: Blame) -> None:
    assert classify_reply(stage, reply) == blame


def test_a_masked_address_names_nobody_and_a_message_id_stays() -> None:
    ours = f"<digest.{'0f3c' * 8}@demo.example>"
    text = f"550 <ada+x@demo.example>: {ours} to:Vera.X@[192.0.2.1], 'o@demo.example' a@ @b"
    shown = f"550 <…@demo.example>: {ours} to:…@[192.0.2.1], '…@demo.example' a@ @b"
    assert mask_addresses(text) == shown
    assert mask_addresses(shown) == shown
