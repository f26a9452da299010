"""Emails that come back, as mail servers and mailbox providers write them."""

from __future__ import annotations


def build_dsn(
    to: str,
    action: str = "failed",
    status: str = "5.1.1",
    code: str = "550 no",
    *,
    message_id: str | None = None,
) -> bytes:
    """Return a delivery status notification (RFC 3464).

    Args:
        to: Where it is sent to: the return path of the message that failed.
        action: What happened to the message.
        status: The status code (RFC 3463).
        code: The answer of the receiving mail server.
        message_id: Quotes the header of the message with this Message-ID.
    """
    quoted = f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n"
    return f"""\
From: MAILER-DAEMON@mx.example\r
To: {to}\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
It did not work.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; somebody-else@mx.example\r
Action: {action}\r
Status: {status}\r
Diagnostic-Code: smtp; {code}\r
{quoted if message_id else ""}--b--\r
""".encode()


def build_complaint(message_id: str, kind: str = "abuse") -> bytes:
    """Return a complaint in the Abuse Reporting Format (RFC 5965)."""
    return f"""\
From: feedback@mx.example\r
To: abuse@demo.example\r
Subject: complaint\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: {kind}\r
User-Agent: Filler/1\r
Version: 1\r
\r
--b\r
Content-Type: message/rfc822\r
\r
Message-ID: {message_id}\r
Subject: hello\r
\r
hello\r
--b--\r
""".encode()
