"""What is proven about consent and identity, one method per line of `make demo-check`. Each says what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from integration.engine.setup import lifecycle
from integration.management.demo import pipedrive_maileon
from integration.management.demo.stage import NotSeen, Stage
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs

Line = Callable[[], str]


class AtMaileon(pipedrive_maileon.Story):
    """Pipedrive and Maileon of a tenant, whose people share and move addresses."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.save_settings(self.integration, contacts_enabled=True)

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [
            self.swapped, self.taken_away, self.double_deleted, self.double_says_no, self.cleared_up,
            self.left_as_a_loser, self.made_again, self.option_renamed,
        ]  # fmt: skip

    def swapped(self) -> str:
        """Two people change places: each contact goes on with who has its address now."""
        (ada, at_ada), (bob, at_bob) = self.subscribe_and_confirm("Swap Ada"), self.subscribe_and_confirm("Swap Bob")
        self.move(ada, at_bob)
        self.move(bob, at_ada)
        self.wait_contact(at_ada, external_id=self.key(bob), permission=5)
        self.wait_contact(at_bob, external_id=self.key(ada), permission=5)
        return "two confirmed people swapped their addresses: both contacts followed, no permission lost"

    def taken_away(self) -> str:
        """An address that nobody has any more gets no more mail, and nobody opted out by that."""
        person, email = self.subscribe_and_confirm("Emptied Emma")
        self.change(person, emails=[])
        self.stage.until(f"{email} to be gone", lambda: self.found(email) is None)
        self.says_yes(person)
        return "an emptied address: contact deleted, Newsletter still Yes, nothing reported as an opt-out"

    def double_deleted(self) -> str:
        """Somebody tidies up and deletes the older one of two doubles."""
        older, email = self.subscribe_and_confirm("Double Dora")
        newer = self.person("Double Dora Miller", email=email, newsletter="Yes")
        self.stage.logged(source_id=newer, reason="duplicate_email")
        self.delete(older)
        self.wait_contact(email, external_id=self.key(newer), permission=5)
        self.says_yes(newer)
        return "one of two doubles deleted: the other goes on with the contact, still confirmed"

    def double_says_no(self) -> str:
        """A No on one of two doubles counts for both."""
        person, email = self.subscribe_and_confirm("Two Minds")
        self.person("Two Minds again", email=email, newsletter="No")
        self.stage.until("both to say No", lambda: self.status_of(person) == "unsubscribed")
        self.stage.until(f"{email} to leave", lambda: self.found(email) is None)
        return "a No on one of two doubles: unsubscribed, and shown on both"

    def cleared_up(self) -> str:
        """Two confirmed people are merged: what we do to the loser's address is no opt-out of the survivor."""
        survivor, kept = self.subscribe_and_confirm("Merged Mia")
        loser, left = self.subscribe_and_confirm("Merged Max")
        self.merge(loser, survivor)
        self.stage.until(f"{left} to leave", lambda: self.found(left) is None)
        start_runs(self.integration, "poll")
        self.stage.logged(flow="person_to_contact", source_id=loser, reason="merged")
        self.says_yes(survivor)
        self.wait_contact(kept, permission=5)
        return "two confirmed people merged: the loser's contact is gone, the survivor is still confirmed"

    def left_as_a_loser(self) -> str:
        """A reader opts out at the address of somebody who was merged away."""
        self.stage.save_settings(self.integration, on_delete="nothing")
        survivor, kept = self.subscribe_and_confirm("Lasting Lea")
        loser, left = self.subscribe_and_confirm("Lost Leo")
        self.merge(loser, survivor)
        self.stage.logged(flow="person_to_contact", source_id=loser, reason="merged")
        self.leave(left)
        self.stage.until("the survivor to say No", lambda: self.status_of(survivor) == "unsubscribed")
        self.stage.until(f"{kept} to leave", lambda: self.found(kept) is None)
        self.stage.save_settings(self.integration, on_delete="unsubscribe")
        return "an opt-out at a merged person's address: the survivor says No and is unsubscribed too"

    def made_again(self) -> str:
        """Deleted and made again: our own removal is not taken for an opt-out."""
        person, email = self.subscribe_and_confirm("Phoenix Finn")
        self.delete(person)
        self.stage.until(f"{email} to leave", lambda: self.found(email) is None)
        again = self.person("Phoenix Finn", email=email, newsletter="Yes")
        self.wait_contact(email, external_id=self.key(again), doi_mails_sent=1)
        self.says_yes(again)
        return "a person deleted and made again: asked by mail like anybody new, still Yes"

    def option_renamed(self) -> str:
        """Options are known by their ids: somebody translates Yes and No."""
        key = str(self.integration.resources["newsletter"])
        options = [{"id": int(str(self.integration.resources[f"newsletter_{word}"])), "label": label}
                   for word, label in (("yes", "Ja"), ("no", "Nein"))]  # fmt: skip
        self.stage.control("PATCH", f"/pipedrive/acme/personFields/{key}/options", options)
        self.stage.save_settings(self.integration)
        person, email = self.subscribe_and_confirm("Translated Tina")
        self.wait_contact(email, external_id=self.key(person), permission=5)
        return "Yes and No renamed to Ja and Nein: nobody was unsettled, no second pair of options"

    # What people do

    def move(self, person: str, email: str) -> None:
        """Somebody changes a person's address."""
        self.change(person, emails=[{"value": email, "primary": True}])

    def delete(self, person: str) -> None:
        """Somebody deletes a person."""
        self.stage.control("DELETE", f"/pipedrive/acme/persons/{person}")

    def merge(self, loser: str, survivor: str) -> None:
        """Somebody merges a person into another one."""
        self.stage.control("POST", f"/pipedrive/acme/persons/{loser}/merge", {"into": int(survivor)})

    def key(self, person: str) -> str:
        """Our id of the person's contact in Maileon."""
        return f"{self.integration.left.external_account_id}-{person}"

    def says_yes(self, person: str) -> None:
        """Make sure that the person still says Yes."""
        value = str(self.fields_of(person).get(self.integration.resources["newsletter"]))
        if value != str(self.integration.resources["newsletter_yes"]):
            raise NotSeen(f"person {person} says {value}, not Yes")


def items(stage: Stage) -> Iterator[tuple[int, Line]]:
    """The lines by their number. A story begins when its turn comes, and leaves nothing behind."""
    number = 0
    for make in (AtMaileon,):
        story = make(stage)
        for line in story.lines():
            number += 1
            yield number, line
        lifecycle.uninstall(story.integration, get_recipe)
