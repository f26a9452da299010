"""The table of refusals, for SMTP replies and delivery reports. Pure.

A refusal names the mailbox, the state of the mailbox, the message, or the sending server. Only the
first two may be counted against a subscriber. Enhanced codes (RFC 3463, IANA's registry "SMTP
Enhanced Status Codes") say most; where they are generic or missing, the stage of the conversation,
the words and the reply code (RFC 5321) decide. What stays unclear blames nobody: it is ``sender``,
which keeps the message.
"""

from __future__ import annotations

import re
from typing import Literal

#: The moment of an SMTP conversation at which a reply came. A delivery report is read like a reply
#: to ``rcpt``: it is about one recipient.
SmtpStage = Literal["connect", "ehlo", "auth", "mail", "rcpt", "data", "dot"]
#: Whom a reply blames:
#:
#: - ``mailbox``: it does not exist, or its owner refuses us; another try is useless
#: - ``mailbox_state``: it is full or disabled; another try may succeed
#: - ``content``: the message itself; another recipient's may be accepted
#: - ``sender``: our address, server, login or reputation; every message would be refused
#: - ``later``: nobody; try again
Blame = Literal["mailbox", "mailbox_state", "content", "sender", "later"]

_ENHANCED_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
#: Subject and detail of an enhanced code, and whom it blames. The first row that matches counts.
_ENHANCED_ROWS: tuple[tuple[str, Blame], ...] = (
    (r"1\.[78]", "sender"),  # the sender's address
    (r"1\.\d+", "mailbox"),  # bad mailbox, bad system, moved, null MX
    (r"2\.3|3\.4|6\.\d+", "content"),  # too long for the mailbox or system; media
    (r"2\.4", "mailbox"),  # a mailing list that cannot be expanded
    (r"2\.\d+", "mailbox_state"),  # disabled, full, takes no more in this hour
    (r"3\.\d+", "later"),  # the receiving system
    (r"4\.(4|310)", "mailbox"),  # no route: the domain takes no mail
    (r"4\.(6|7|14)", "mailbox_state"),  # a loop between the receiver's servers; not reached
    (r"4\.\d+", "later"),  # network and routing
    (r"5\.3", "later"),  # too many recipients
    (r"5\.\d+", "sender"),  # protocol: our commands
    (r"7\.(2|17|18|12\d|13\d)", "mailbox"),  # the owner's policy, or another owner
    (r"7\.\d+", "sender"),  # policy, login, authentication, reputation
)
#: Enhanced codes that say so little that the words and the reply code decide. Microsoft answers
#: "550 5.4.1 Recipient address rejected: Access denied" for a mailbox that does not exist.
_GENERIC = re.compile(r"[0-5]\.0|4\.1|7\.[01]")

#: An address in a reply, whose words say nothing about the reason.
_ADDRESS = re.compile(r"<[^<>\s]*>|[^\s<>@]+@[^\s<>@]+")
#: What stands before the @ of an address, wherever the address is written. A Message-ID of ours,
#: ``<digest.0f3c…@example.org>``, has a hash there and names nobody.
_LOCAL_PART = re.compile(
    r"(?<![^\s<>@\"'(),;:=/\[\]{}])(?![a-z_-]+\.[0-9a-f]{16,}@)[^\s<>@\"'(),;:=/\[\]{}]+@(?=[\w\[])"
)
#: The receiver's own set-up is at fault, as where it asks Spamhaus through a public resolver.
_RECEIVER_WORDS = re.compile(r"open resolver|public resolver|/returnc/|dns (error|failure)", re.I)
_GREYLISTING_WORDS = re.compile(r"gr[ae]y.?list", re.I)
#: Names of blocklists, and ways to say that one lists us. They outweigh any code.
_BLOCKLIST_WORDS = re.compile(
    r"\b(spamhaus|spamcop|barracuda\w*|sorbs|uceprotect|dnsbl|rbl|abuseat|invaluement)\b"
    r"|(block|black|deny).?list|blocked (using|by|because|due)",
    re.I,
)
#: A limit on what we may send, not on what a mailbox may hold. It outweighs any code as well.
_SENDING_LIMIT_WORDS = re.compile(
    r"throttl|\bcredits\b|(daily|hourly|monthly) (limit|quota)|exceeded your .{0,20}limit"
    r"|\b(sending|sender|relay|outgoing|outbound|submission)\b.{0,20}(limit|quota)"
    r"|message (rate|quota)",
    re.I,
)
_SENDER_WORDS = re.compile(
    r"reputation|\brelay|rcpthosts|authenticat|\bauth\b|\bspf\b|\bdkim\b|\bdmarc\b|starttls"
    r"|reverse (dns|lookup|hostname)|\b(r?dns|ptr)\b|\bh?elo\b|\behlo\b|client host|\blisted\b"
    r"|\b(your|sending|this|from|mail|client|source) (ip|host|server|domain|network)\b"
    r"|\b(your|sending) account\b"
    r"|\bbanned\b|verification failed|not verified|\bfrom \[?\d+\.\d+\.\d+\.\d+"
    r"|\[\d+\.\d+\.\d+\.\d+\b.*(block|reject|denied|limited|refused)"
    r"|sender.{0,40}(reject|denied|not allowed|refused|verif|blocked|block)|rate.?limit",
    re.I,
)
_NO_MAILBOX_WORDS = re.compile(
    r"(unknown|no such|not an? valid|invalid|non.?exist\w*|bad|unroute?able) (local )?"
    r"(user|mailbox|recipient|account|person|address|destination)"
    r"|(user|mailbox|recipient|account|address)( [^ ]+){0,4} (unknown|invalid|inactive)"
    r"|(user|mailbox|recipient|account|address).{0,60}"
    r"(not found|not exist|doesn.t exist|no longer|unavailable)"
    r"|\bunknown\b(?! (command|host|client|sender|error|reason))"
    r"|unbekannt|inconnue?\b|desconocid|sconosciut"
    r"|doesn.t have an? .{0,40}account|no mailbox|not (our|a) customer|recipient address rejected",
    re.I,
)
_FULL_WORDS = re.compile(
    r"quota|(mailbox|inbox|storage).{0,20}(full|exceeded|exceeds)"
    r"|(user|mailbox|account)( [^ ]+){0,3} (disabled|suspended|locked)",
    re.I,
)
_CONTENT_WORDS = re.compile(
    r"message.{0,20}(too (large|big|long)|size)|virus|malware|attachment|\bspam\b|unsolicited", re.I
)
#: A refusal without a reason. At RCPT no content is known yet, so it is about us.
_POLICY_WORDS = re.compile(r"access denied|prohibit|polic(y|ies)|\bblocked\b|not allowed", re.I)

#: Replies that ask for a login or reject it, at whatever stage (RFC 4954, RFC 5248).
_LOGIN_CODES = frozenset({"525", "530", "534", "535", "538"})
#: Replies to RCPT without any further code that deny the mailbox (RFC 5321, RFC 7504). 550 is none
#: of them: it stands for "not found" as well as for "rejected for policy reasons".
_NO_MAILBOX_CODES = frozenset({"521", "551", "553", "556"})
#: Whom the subject of a generic enhanced code blames.
_GENERIC_SUBJECTS: dict[str, Blame] = {
    "1": "mailbox",
    "2": "mailbox_state",
    "4": "mailbox",
    "7": "sender",
}
_STAGES_ABOUT_US = ("connect", "ehlo", "auth", "mail")


def classify_reply(stage: SmtpStage, reply: str) -> Blame:
    """Return whom a negative reply blames.

    Args:
        stage: When it came.
        reply: Its code and text on one line: ``550 5.1.1 No such user``. From a delivery report,
            the diagnostic code without ``smtp;``; a status code alone is understood as well.
    """
    code = reply[:3] if re.match(r"[2-5]\d\d\b", reply) and reply[3:4] != "." else ""
    found = _find_enhanced_code(reply, code[:1])
    detail = f"{found[2]}.{found[3]}" if found else None
    words = strip_addresses(reply)
    severity = code[:1] or (found[1] if found else "5")
    if severity == "4":
        return _classify_temporary(stage, code, detail, words)
    if code in _LOGIN_CODES:
        return "sender"
    if stage in _STAGES_ABOUT_US:
        return "content" if _is_about_size(stage, code, detail) else "sender"
    return (
        _classify_by_certain_words(words)
        or _find_in_table(detail)
        or _classify_by_words(stage, words)
        or _get_default(stage, code, detail)
    )


def get_reply_kind(reply: str) -> str:
    """Return what makes two refusals alike: the enhanced code, or else the reply code."""
    found = _find_enhanced_code(reply, reply[:1])
    return found[0] if found else reply[:3]


def strip_addresses(reply: str) -> str:
    """Return a reply without the email addresses in it."""
    return " ".join(_ADDRESS.sub("", reply).split())


def mask_addresses(text: str) -> str:
    """Return a text without the part of each email address that names somebody.

    ``550 <…@example.org>: unknown`` still says which server has a problem.
    """
    return _LOCAL_PART.sub("…@", text) if "@" in text else text


def _find_enhanced_code(reply: str, severity: str) -> re.Match[str] | None:
    """Return the first enhanced code; where the reply has a code, one of the same severity."""
    codes = _ENHANCED_CODE.finditer(reply)
    return next((found for found in codes if not severity or found[1] == severity), None)


def _is_about_size(stage: SmtpStage, code: str, detail: str | None) -> bool:
    """Return whether the size that MAIL announces is refused (RFC 1870)."""
    return stage == "mail" and (detail in {"3.4", "2.3"} or (detail is None and code == "552"))


def _classify_by_certain_words(words: str) -> Blame | None:
    """Return whom words blame that outweigh any code; None where there are none of them."""
    if _GREYLISTING_WORDS.search(words) or _RECEIVER_WORDS.search(words):
        return "later"
    is_about_us = _BLOCKLIST_WORDS.search(words) or _SENDING_LIMIT_WORDS.search(words)
    return "sender" if is_about_us else None


def _find_in_table(detail: str | None) -> Blame | None:
    """Return whom an enhanced code blames; None for a generic one, or where there is none."""
    if detail is None or _GENERIC.fullmatch(detail):
        return None
    return next((blame for row, blame in _ENHANCED_ROWS if re.fullmatch(row, detail)), "later")


def _classify_temporary(stage: SmtpStage, code: str, detail: str | None, words: str) -> Blame:
    """Return whom a 4xx reply blames, in case that it is still given after days."""
    if stage in _STAGES_ABOUT_US:
        return "later"
    blame = _classify_by_certain_words(words) or _find_in_table(detail)
    if blame is not None:
        return "mailbox_state" if blame == "mailbox" else blame
    if _SENDER_WORDS.search(words):
        return "sender"
    if detail is not None:
        return "mailbox_state" if detail.startswith(("1.", "2.")) else "later"
    return "mailbox_state" if stage == "rcpt" and code in {"450", "452"} else "later"


def _classify_by_words(stage: SmtpStage, words: str) -> Blame | None:
    """Return whom the words of a refusal blame; None where they name nobody."""
    rows: tuple[tuple[re.Pattern[str], Blame], ...] = (
        (_SENDER_WORDS, "sender"),
        (_FULL_WORDS, "mailbox_state"),
        (_NO_MAILBOX_WORDS, "mailbox"),
        (_CONTENT_WORDS, "sender" if stage == "rcpt" and "spam" in words.lower() else "content"),
        (_POLICY_WORDS, "sender" if stage == "rcpt" else "content"),
    )
    return next((blame for pattern, blame in rows if pattern.search(words)), None)


def _get_default(stage: SmtpStage, code: str, detail: str | None) -> Blame:
    """Return whom a refusal blames that neither its enhanced code nor its words explain."""
    if stage != "rcpt":  # the message has been sent, or is about to be
        return "mailbox_state" if code == "552" else "content"
    if detail is not None and (blame := _GENERIC_SUBJECTS.get(detail[0])):
        return blame
    if code == "552":  # RFC 5321, section 4.5.3.1.9: its owner can mend it
        return "mailbox_state"
    if not code:  # a status code alone, from a delivery report
        return "later"
    return "mailbox" if code in _NO_MAILBOX_CODES else "sender"
