"""Maileon in a story: readers, mails, clicks and opt-outs at the sandbox's account."""

from __future__ import annotations

from integration.management.demo.stage import Body, Row, Stage

ACCOUNT = 501


class MaileonSide:
    """What the stories of all recipes with Maileon share."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def found(self, email: str) -> Row | None:
        """The contact with this address as Maileon has it."""
        rows = self.stage.control("GET", f"/maileon/{ACCOUNT}/contacts")["contacts"]
        return next((row for row in rows if row.get("email") == email), None)

    def wait_contact(self, email: str, **expected: Body) -> Row:
        """Wait for a contact with these values."""

        def look() -> Row | None:
            row = self.found(email)
            return row if row and all(row.get(key) == value for key, value in expected.items()) else None

        return self.stage.until(f"contact {email} with {expected}", look)

    def mails(self) -> list[Row]:
        """The opt-in mails sent so far."""
        return list(self.stage.control("GET", f"/maileon/{ACCOUNT}/doi-mails"))

    def click(self, email: str) -> None:
        """The person clicks the link in the opt-in mail."""
        self.stage.control("POST", f"/maileon/{ACCOUNT}/click-doi", {"email": email})

    def leave(self, email: str, **how: Body) -> None:
        """The person unsubscribes."""
        self.stage.control("POST", f"/maileon/{ACCOUNT}/unsubscribe", {"email": email, **how})
