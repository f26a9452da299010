"""The buttons about crawls, sending, and changes that wait for approval."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.ledger import held_changes, pauses
from alerts.ledger.held_changes import APPROVAL_REASONS
from alerts.web.context import WebContext
from alerts.web.pages.operator.outcome import NOTHING_DONE, Action, Form, Outcome, count


class CrawlActions:
    """Crawls, pauses and approvals."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def list_actions(self) -> Mapping[str, Action]:
        """Return the buttons by the names of their actions."""
        functions = {
            "crawl": self.start_crawl,
            "pause-crawls": self.pause_crawls,
            "resume-crawls": self.resume_crawls,
            "pause-sending": self.pause_sending,
            "resume-sending": self.resume_sending,
            "approve": lambda form: self.approve(form, is_silent=False),
            "approve-silently": lambda form: self.approve(form, is_silent=True),
        }
        return {name: Action(apply, _name_subject) for name, apply in functions.items()}

    def start_crawl(self, form: Form) -> Outcome:
        """Crawl a source as soon as possible."""
        source, controls = form.get("source", ""), self._context.daemon_controls
        if controls is None:
            return Outcome("No daemon is running here. Use `watchword once` to crawl.")
        if not controls.crawl_now(source):
            return Outcome("There is no such source.")
        return Outcome(f"Crawling {source} now.")

    def pause_crawls(self, form: Form) -> Outcome:
        """Start no crawl of a source until it is resumed."""
        source = self._find_source(form)
        if source is None:
            return Outcome(NOTHING_DONE)
        with self._context.ledger.writing() as connection:
            pauses.add(connection, "crawl", source, self._context.clock())
        return Outcome(f"Crawls of {source} are paused.")

    def resume_crawls(self, form: Form) -> Outcome:
        """Start crawls of a source again."""
        source = self._find_source(form)
        if source is None:
            return Outcome(NOTHING_DONE)
        with self._context.ledger.writing() as connection:
            pauses.remove(connection, "crawl", source)
        return Outcome(f"Crawls of {source} are resumed.")

    def pause_sending(self, _form: Form) -> Outcome:
        """Deliver nothing until sending is resumed."""
        with self._context.ledger.writing() as connection:
            pauses.add(connection, "delivery", None, self._context.clock())
        return Outcome("Sending is paused. Messages wait in the outbox.")

    def resume_sending(self, _form: Form) -> Outcome:
        """Deliver again."""
        with self._context.ledger.writing() as connection:
            pauses.remove(connection, "delivery")
        self._context.deliver_soon()
        return Outcome("Sending is resumed.")

    def approve(self, form: Form, *, is_silent: bool) -> Outcome:
        """Publish held changes: of one source and reason, of a source, or all."""
        wanted = form.get("reason") or None
        if wanted is not None and wanted not in APPROVAL_REASONS:
            return Outcome(NOTHING_DONE)
        reasons = (wanted,) if wanted else APPROVAL_REASONS
        now = self._context.clock()
        with self._context.ledger.writing() as connection:
            waiting = {one.source for one in held_changes.list_awaiting_approval(connection)}
            sources = {form["source"]} if form.get("source") else waiting
            number = sum(
                held_changes.promote(connection, source, reasons, is_silent=is_silent, now=now)
                for source in sorted(sources)
            )
        how = "without notifying subscribers" if is_silent else "and subscribers are notified"
        verb = "is" if number == 1 else "are"
        return Outcome(f"{count(number, 'change')} {verb} published {how}.")

    def _find_source(self, form: Form) -> str | None:
        """Return the source that a form names, where it is one that is read."""
        known = {one.source for one in self._context.find_brief_status().sources}
        return form.get("source") if form.get("source") in known else None


def _name_subject(form: Form) -> str | None:
    return " ".join(filter(None, (form.get("source"), form.get("reason")))) or None
