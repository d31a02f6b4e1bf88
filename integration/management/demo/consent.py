"""What is proven about consent and identity, one method per line of `make demo-check`. Each says what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from integration.engine.setup import lifecycle
from integration.engine.sync import runs
from integration.management.demo import pipedrive_brevo, pipedrive_maileon
from integration.management.demo.stage import NotSeen, Stage
from integration.models import Integration, SyncJob
from integration.reasons import Reason
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs

ACCOUNT_AT_BREVO = pipedrive_brevo.ACCOUNT
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
        self.stage.logged(source_id=newer, reason=Reason.DUPLICATE_EMAIL)
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
        self.stage.logged(flow="person_to_contact", source_id=loser, reason=Reason.MERGED)
        self.says_yes(survivor)
        self.wait_contact(kept, permission=5)
        return "two confirmed people merged: the loser's contact is gone, the survivor is still confirmed"

    def left_as_a_loser(self) -> str:
        """A reader opts out at the address of somebody who was merged away."""
        self.stage.save_settings(self.integration, on_delete="nothing")
        survivor, kept = self.subscribe_and_confirm("Lasting Lea")
        loser, left = self.subscribe_and_confirm("Lost Leo")
        self.merge(loser, survivor)
        self.stage.logged(flow="person_to_contact", source_id=loser, reason=Reason.MERGED)
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


class AtBrevo(pipedrive_brevo.Story):
    """Pipedrive and Brevo of a tenant. Nobody else works on the two accounts meanwhile."""

    def __init__(self, stage: Stage) -> None:
        for other in Integration.objects.filter(recipe="pipedrive_brevo").exclude(state="uninstalled"):
            lifecycle.uninstall(other, get_recipe)
        super().__init__(stage)
        stage.save_settings(self.integration)

    def lines(self) -> list[Line]:
        """In the order of their numbers."""
        return [self.opt_out_alone, self.taken_off, self.next_owner, self.import_waits]

    def opt_out_alone(self) -> str:
        """Somebody empties a contact's names, which Pipedrive refuses, and the reader opts out."""
        person, email = self.person("Nameless Nia"), pipedrive_brevo.address("Nameless Nia")
        self.wait(email, LASTNAME="Nia")
        self.edit(email, FIRSTNAME="", LASTNAME="")
        self.opt_out(email)
        self.stage.until("status Unsubscribed", lambda: self.status(person) == "unsubscribed")
        if self.shown(person)["name"] != "Nameless Nia":
            raise NotSeen(f"the person is called {self.shown(person)['name']}")
        return "an opt-out beside a name that is refused: it arrives alone, the name stays"

    def taken_off(self) -> str:
        """Somebody takes a contact off the list by hand; then the person changes."""
        number = int(str(self.integration.resources["list_all"]))
        person, email = self.person("Taken Tess"), pipedrive_brevo.address("Taken Tess")
        self.stage.until(f"{email} on the list", lambda: number in self.contact(email).get("listIds", []))
        self.stage.control("PATCH", f"/brevo/{ACCOUNT_AT_BREVO}/contacts/{email}", {"unlinkListIds": [number]})
        self.stage.control("PATCH", f"/pipedrive/acme/persons/{person}", {"name": "Taken Tessa"})
        self.wait(email, FULLNAME="Taken Tessa")
        if number in self.contact(email)["listIds"]:
            raise NotSeen("the change put the contact back on the list")
        return "taken off a list by hand: values go on, the list is not joined again"

    def next_owner(self) -> str:
        """A person is deleted and made again: the address belongs to who has it now."""
        person, email = self.person("Again Alma"), pipedrive_brevo.address("Again Alma")
        self.wait(email)
        self.stage.control("DELETE", f"/pipedrive/acme/persons/{person}")
        again = self.person("Again Alma King", email=email)
        self.wait(email, FULLNAME="Again Alma King")
        return f"deleted and made again: person {again} owns the address, not {person}"

    def import_waits(self) -> str:
        """An import is accepted and not carried out; meanwhile Brevo's old values are polled."""
        people = [{"name": f"Queued {n}", "emails": [{"value": f"queued{n}@example.com"}]} for n in range(25)]
        self.stage.control("POST", f"/brevo/{ACCOUNT_AT_BREVO}/contacts", {
            "email": "queued3@example.com", "attributes": {"FIRSTNAME": "Wrong", "LASTNAME": "Old"},
        })  # fmt: skip
        self.stage.control("PATCH", f"/brevo/{ACCOUNT_AT_BREVO}", {"import_delay_s": 3})
        made = self.stage.control("POST", "/pipedrive/acme/seed", {"persons": people})["persons"]
        runs.start(self.integration, "fetch_all", "person_to_contact")
        self.stage.until("the import to wait", lambda: SyncJob.objects.filter(flow="person_to_contact").exists())
        runs.start(self.integration, "fetch_all", "contact_to_person")
        self.wait("queued3@example.com", FULLNAME="Queued 3")
        self.stage.control("PATCH", f"/brevo/{ACCOUNT_AT_BREVO}", {"import_delay_s": 0})
        names = {str(row["name"]) for row in self.stage.control("GET", "/pipedrive/acme/state")["persons"]}
        if "Wrong Old" in names:
            raise NotSeen("Brevo's older name was written over the CRM's")
        return f"an import of {len(made)} people that waits: nothing older came back, and it arrived"

    def opt_out(self, email: str) -> None:
        """The reader opts out."""
        self.stage.control("POST", f"/brevo/{ACCOUNT_AT_BREVO}/contacts/{email}/unsubscribe", {})


def items(stage: Stage) -> Iterator[tuple[int, Line]]:
    """The lines by their number. A story begins when its turn comes, and leaves nothing behind."""
    number = 0
    for make in (AtMaileon, AtBrevo):
        story = make(stage)
        for line in story.lines():
            number += 1
            yield number, line
        lifecycle.uninstall(story.integration, get_recipe)
