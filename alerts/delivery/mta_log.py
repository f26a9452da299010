"""What the mail server on this host says of a message in its log: whether it took it.

SMTP cannot tell a message that was accepted from one whose acknowledgement was lost. The server's
log can: Postfix names the Message-ID when it reads the header, and says that the message is in its
queue only once it is safely there; Exim says both in one line.
"""

from __future__ import annotations

import re
from pathlib import Path

#: So much of the log's end is read, in bytes: a message in doubt is minutes old.
_TAIL_BYTES = 64 * 1024 * 1024


def was_accepted(log: Path, message_id: str) -> bool:
    """Whether ``log`` says that the message is in the server's hands; False where it is silent.

    A log that cannot be read is silent too: the message stays in doubt, as it would without one.
    """
    name = message_id.strip("<>").encode()
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read()
    except OSError:
        return False
    if re.search(rb"(?m) <= .* id=" + re.escape(name) + rb"(?=\s|$)", text):
        return True  # Exim
    queued = re.findall(rb"cleanup\[\d+\]: (\w+): message-id=<" + re.escape(name) + rb">", text)
    return any(re.search(rb"qmgr\[\d+\]: " + key + rb": from=<", text) for key in queued)
