"""The demo's pages: the inbox that the mail server fills, the feeds, the way to the source."""

from __future__ import annotations

import mailbox
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from alerts.ledger import topics
from alerts.web import create_app
from scheduler.service import Service
from scheduler.web import build_web_context

_PARSER = BytesParser(policy=policy.default)


class InboxMessage(msgspec.Struct, frozen=True):
    """One email of the inbox, taken apart for showing."""

    key: str
    to: str
    date: str
    subject: str
    html: str
    text: str
    headers: str
    moment: datetime


def read_inbox(folder: Path) -> list[InboxMessage]:
    """The emails in a Maildir, newest first."""
    if not folder.is_dir():
        return []
    box = mailbox.Maildir(folder, create=False)
    return sorted(
        (_parse_message(key, box.get_bytes(key)) for key in box.keys()),  # noqa: SIM118  # no plain dict
        key=lambda mail: mail.moment,
        reverse=True,
    )


def _parse_message(key: str, body: bytes) -> InboxMessage:
    message = _PARSER.parsebytes(body)
    assert isinstance(message, EmailMessage)
    parts = {
        kind: part.get_content() if (part := message.get_body((kind,))) else ""
        for kind in ("html", "plain")
    }
    moment: datetime = message["Date"].datetime
    return InboxMessage(
        key=key,
        to=str(message["To"]),
        date=f"{moment:%a %d %b, %H:%M}",
        subject=str(message["Subject"]),
        html=parts["html"],
        text=parts["plain"],
        headers="\n".join(f"{name}: {value}" for name, value in message.items()),
        moment=moment,
    )


def create_demo_app(service: Service, inbox: Path, source: str) -> Starlette:
    """The demo's pages, with those of the service itself below them."""
    templates = service.templates
    pages = create_app(build_web_context(service))

    def index(_request: Request) -> HTMLResponse:
        with service.ledger.reading() as connection:
            feeds = [(topic.slug, topic.title) for topic in topics.list_all(connection)]
        mails = len(read_inbox(inbox))
        return HTMLResponse(
            templates.render_html(
                "demo/index.html",
                now=service.clock(),
                mails=mails,
                feeds=feeds,
                source=source,
                operator_password=service.config.web.operator_password,
            )
        )

    def list_mails(_request: Request) -> HTMLResponse:
        return HTMLResponse(templates.render_html("demo/inbox.html", mails=read_inbox(inbox)))

    def show_mail(request: Request) -> HTMLResponse:
        key = request.path_params["key"]
        mail = next((mail for mail in read_inbox(inbox) if mail.key == key), None)
        if mail is None:
            raise HTTPException(404)
        return HTMLResponse(templates.render_html("demo/message.html", mail=mail))

    return Starlette(
        routes=[
            Route("/demo", index),
            Route("/inbox", list_mails),
            Route("/inbox/{key}", show_mail),
            Mount("/", pages),
        ]
    )
