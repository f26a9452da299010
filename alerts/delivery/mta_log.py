"""Asking the log of a mail server on this host whether it accepted a message.

SMTP cannot tell a message that was accepted from one whose acknowledgement was lost. The server's
log can. Postfix names the Message-ID when it reads the header, and logs that the message is in its
queue only once it is safely there. Exim logs both in one line.
"""

from __future__ import annotations

import re
from pathlib import Path

#: 64 MB of the log's end, in bytes. A message in doubt is minutes old, and a busy Postfix writes
#: about 1 kB a message: 60,000 messages.
_TAIL_BYTES = 64 * 1024 * 1024


def was_accepted(log: Path, message_id: str) -> bool:
    """Return whether the end of ``log`` says that the server accepted the message.

    Return False when it does not say so, or when the log cannot be read: the message stays in
    doubt, as it would without a log.
    """
    name = message_id.strip("<>").encode()
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read()
    except OSError:
        return False
    return _is_accepted_by_exim(text, name) or _is_accepted_by_postfix(text, name)


def _is_accepted_by_exim(text: bytes, message_id: bytes) -> bool:
    pattern = rb"(?m) <= .* id=" + re.escape(message_id) + rb"(?=\s|$)"
    return re.search(pattern, text) is not None


def _is_accepted_by_postfix(text: bytes, message_id: bytes) -> bool:
    cleanup = rb"cleanup\[\d+\]: (\w+): message-id=<" + re.escape(message_id) + rb">"
    queue_ids: list[bytes] = re.findall(cleanup, text)
    return any(re.search(rb"qmgr\[\d+\]: " + key + rb": from=<", text) for key in queue_ids)
