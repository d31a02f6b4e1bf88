"""What the rules ask of each recipe's world, in the same words. A new recipe needs a class here, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from integration import tasks
from integration.connectors.maileon.records import Contact
from integration.engine.sync import runs
from integration.models import SyncRun
from integration.recipes.registry import get_recipe
from sandbox.hubspot.seed import PORTAL_ID
from sandbox.leadboxer.seed import SITE
from sandbox.thread import SandboxThread
from tests.support import hub
from tests.support.brevo_world import BrevoWorld
from tests.support.leadboxer_world import ACTIVITIES, LEADS, LeadBoxerWorld
from tests.support.planhat_world import PlanhatWorld
from tests.support.world import HubSpotWorld, World

READING_POSTS = ("/search", "/batch/read", "/oauth/", "/itemSearch")


class Stage:
    """People at the source, and what became of them at the target. `SETTINGS` switch on as much as there is."""

    recipe: ClassVar[str]
    SETTINGS: ClassVar[dict[str, Any]] = {}
    newcomers_there: ClassVar[tuple[str, ...]] = ()  # newcomers whom the marketing system knows already
    duplicate: ClassVar[str] = "duplicate_email"  # what is said of a second person with one address
    world: Any

    def enter(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        """Somebody is new at the source and comes in step; returns the id there."""
        raise NotImplementedError

    def there(self) -> set[str]:
        """The addresses the target would write to."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Somebody deletes the record at the source."""
        raise NotImplementedError

    def hide(self) -> None:
        """The connected user loses the right to see any record; nothing was deleted and nothing is told."""
        raise NotImplementedError

    def rename(self, key: str, name: str) -> None:
        """Somebody changes the name at the source; what tells of it is on its way."""
        raise NotImplementedError

    def name_there(self, email: str) -> str:
        """The name the target has for this address."""
        raise NotImplementedError

    compared: ClassVar[str] = "person_to_contact"  # the flow of people

    def rename_there(self, email: str, name: str) -> None:
        """Somebody changes the name at the target, and nothing tells of it."""
        raise NotImplementedError

    # What most share

    def crowd(self, count: int) -> list[str]:
        """So many people in step; returns their ids."""
        return [self.enter(f"Crowd {n}", f"crowd{n}@example.com") for n in range(count)]

    def newcomers(self) -> None:
        """People who were there before and of whom nothing tells."""
        self.world.seed_people(5)

    def settle(self) -> None:
        """Everything that is under way arrives, and the hub comes to rest."""
        self.world.deliver()

    def hand_in(self) -> None:
        """What the vendors tell by now arrives, and what they tell of our own writes is held back."""
        for delivery in self.world.held():
            assert self.world.post(delivery) == 200, delivery.url
        hub.drain()

    def sign_up(self, email: str) -> None:
        """Somebody subscribes at the marketing system, which the source knows nothing of."""
        raise NotImplementedError

    def leave(self, email: str) -> None:
        """The person opts out in the marketing system."""
        self.world.leave(email)

    def says_opted_out(self, key: str) -> bool:
        """Whether the source shows that this person opted out."""
        raise NotImplementedError

    def unsettled(self) -> None:
        """An account in which much is not as it was written down, and of which nothing tells."""
        self.enter("Ada Byron", "ada@byron.example")
        changed = self.enter("Joy Byron", "joy@byron.example")
        self.enter("Out Byron", "out@byron.example")
        self.enter("Gone Byron", "gone@byron.example")
        self.twice("Ada Double", "ada@byron.example")
        self.opt_out_untold("out@byron.example")
        self.delete_there("gone@byron.example")
        for email in self.newcomers_there:
            self.sign_up(email)
        self.newcomers()
        self.rename(changed, "Joyce Byron")
        self.hold_back()

    def twice(self, name: str, email: str) -> None:
        """The source gets a second record with an address that it has already, where it allows that."""

    def opt_out_untold(self, email: str) -> None:
        """Somebody opts out at the target, and nothing tells of it."""
        self.leave(email)
        self.hold_back()
        self.world.sandbox.control("POST", "/time", {"advance_seconds": 60})  # Maileon forgets them a moment later

    def delete_there(self, email: str) -> None:
        """Somebody deletes the record at the target."""
        hub.client_of(self.world.integration.right).delete_contact(email)

    def hold_back(self) -> None:
        """What the vendors would tell by now is lost."""
        self.world.held()

    def run(self, kind: str, *, dry_run: bool = False) -> list[SyncRun]:
        """Run every flow that takes part."""
        if not dry_run:
            return self._finished(lambda: tasks.start_runs(self.world.integration, kind))
        flows = hub.taking_part(self.world.integration, self.recipe, kind)
        return [run for flow in flows for run in self.run_flow(flow, kind, dry_run=True, options={"allow_doi": True})]

    def run_flow(
        self, flow: str, kind: str = "fetch_all", *, dry_run: bool = False, options: dict[str, Any]
    ) -> list[SyncRun]:
        """Run one flow, and what it brings about."""
        return self._finished(lambda: runs.start(self.world.integration, kind, flow, dry_run=dry_run, options=options))

    def _finished(self, start: Callable[[], object]) -> list[SyncRun]:
        before = set(SyncRun.objects.values_list("pk", flat=True))
        start()
        hub.drain()
        done = list(SyncRun.objects.exclude(pk__in=before))
        assert {run.state for run in done} <= {"done"}, [(run.flow, run.state, run.problem) for run in done]
        return done

    def forget_calls(self) -> None:
        """Count from now on."""
        self.world.sandbox.control("DELETE", "/calls")

    def writes(self) -> list[str]:
        """The calls since then that changed something at a vendor."""
        rows = self.world.sandbox.control("GET", "/calls")
        return [
            f"{row['vendor']} {row['method']} {row['path']}"
            for row in rows
            if row["method"] != "GET" and not any(part in row["path"] for part in READING_POSTS)
        ]


class PipedriveMaileon(Stage):
    recipe = "pipedrive_maileon"
    newcomers_there = ("seed0@example.com",)
    SETTINGS: ClassVar[dict[str, Any]] = {"deals_enabled": True}

    def __init__(self, sandbox: SandboxThread) -> None:
        self.world = World.install(sandbox, **self.SETTINGS)

    def enter(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        key = self.arrive(name, email, others=others, phone=phone)
        self.settle()
        if email in self.world.mails():
            self.world.click(email)
            self.settle()
        return key

    def arrive(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        """The same, with everything still on its way."""
        emails = [{"value": email, "primary": True}, *({"value": other, "primary": False} for other in others)]
        return str(self.world.person(name, emails=emails, phones=pipedrive_phones(phone), email=""))

    def twice(self, name: str, email: str) -> None:
        self.arrive(name, email)

    def crowd(self, count: int) -> list[str]:
        """Faster than one by one, and without a click: who was asked is in step."""
        keys = [self.arrive(f"Crowd {n}", f"crowd{n}@example.com") for n in range(count)]
        self.settle()
        return keys

    def there(self) -> set[str]:
        return set(self.world.contacts())

    def delete(self, key: str) -> None:
        self.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{key}")

    def hide(self) -> None:
        empty_pipedrive(self.world, "person")

    def rename(self, key: str, name: str) -> None:
        self.world.change(key, name=name)

    def name_there(self, email: str) -> str:
        return str(self.world.contacts()[email]["standard"].get("FULLNAME"))

    def rename_there(self, email: str, name: str) -> None:
        first, _, last = name.partition(" ")
        values = {"FULLNAME": name, "FIRSTNAME": first, "LASTNAME": last}
        hub.client_of(self.world.integration.right).update_contact(email, Contact(email, standard_fields=values))

    def sign_up(self, email: str) -> None:
        hub.client_of(self.world.integration.right).create_contact(Contact(email=email), permission=2)

    def says_opted_out(self, key: str) -> bool:
        return bool(self.world.shown(key) == ("no", "unsubscribed"))


class HubSpotMaileon(PipedriveMaileon):
    recipe = "hubspot_maileon"
    newcomers_there = ("new0@example.com",)
    SETTINGS: ClassVar[dict[str, Any]] = {}

    def __init__(self, sandbox: SandboxThread) -> None:
        self.world = HubSpotWorld.install(sandbox, **self.SETTINGS)

    def arrive(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        more = {"phone": phone} if phone else {}
        key = str(self.world.contact(name, email=email, maileon_subscribe="true", **more))
        for other in others:  # only a merge gives a contact a second address
            loser = self.world.contact(name, email=other)
            self.world.held()
            key = str(self.world.do(loser, "merge", into=int(key))["id"])
        return key

    def twice(self, name: str, email: str) -> None:
        """HubSpot has one contact for an address."""

    def newcomers(self) -> None:
        for number in range(5):
            self.arrive(f"New {number}", f"new{number}@example.com")
        self.world.held()

    def delete(self, key: str) -> None:
        self.world.delete(key)

    def hide(self) -> None:
        self.world.sandbox.state.hubspot.portals[PORTAL_ID].contacts.clear()

    def rename(self, key: str, name: str) -> None:
        first, _, last = name.partition(" ")
        self.world.change(key, firstname=first, lastname=last)

    compared = "contact_to_contact"

    def name_there(self, email: str) -> str:
        standard = self.world.contacts()[email]["standard"]
        return f"{standard.get('FIRSTNAME')} {standard.get('LASTNAME')}"

    def says_opted_out(self, key: str) -> bool:
        return bool(self.world.shown(key, "maileon_subscribe") == ["false"])


class PipedriveBrevo(PipedriveMaileon):
    recipe = "pipedrive_brevo"
    SETTINGS: ClassVar[dict[str, Any]] = {
        "on_delete": "delete", "organizations_enabled": True, "deals_enabled": True, "activities_enabled": True,
        "leads_enabled": True,
    }  # fmt: skip

    def __init__(self, sandbox: SandboxThread) -> None:
        self.world = BrevoWorld.install(sandbox, **self.SETTINGS)

    def enter(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        key = self.arrive(name, email, others=others, phone=phone)
        self.settle()
        return key

    def there(self) -> set[str]:
        return {email for email, row in self.world.contacts().items() if not row["emailBlacklisted"]}

    def sign_up(self, email: str) -> None:
        self.world.make_contact(email)

    def name_there(self, email: str) -> str:
        return str(self.world.contact(email)["attributes"].get("FULLNAME"))

    def rename_there(self, email: str, name: str) -> None:
        self.world.edit(email, FULLNAME=name)
        self.world.held()

    def says_opted_out(self, key: str) -> bool:
        return bool(self.world.status(key) == "unsubscribed")


class PlanhatPipedrive(Stage):
    """A company with a won deal for everybody; the person is an end user below it."""

    recipe = "planhat_pipedrive"
    SETTINGS: ClassVar[dict[str, Any]] = {"organization_direction": "both"}

    def __init__(self, sandbox: SandboxThread) -> None:
        self.world = PlanhatWorld.install(sandbox, **self.SETTINGS)
        self.company = self.world.organization("Engines")
        self.world.won(self.company)
        self.settle()

    def enter(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        emails = [{"value": email, "primary": True}, *({"value": other, "primary": False} for other in others)]
        body = {"name": name, "org_id": int(self.company), "emails": emails, "phones": pipedrive_phones(phone)}
        key = self.world.sandbox.control("POST", "/pipedrive/acme/persons", body)["data"]["id"]
        self.world.won(self.company)  # people travel with a deal of their company
        self.settle()
        return str(key)

    def twice(self, name: str, email: str) -> None:
        self.enter(name, email)

    def opt_out_untold(self, email: str) -> None:
        """Planhat asks nobody for consent."""

    def delete_there(self, email: str) -> None:
        [row] = [row for row in self.world.rows("endusers") if row.get("email") == email]
        hub.client_of(self.world.integration.right).delete_record("enduser", row["_id"])

    def newcomers(self) -> None:
        company = self.world.organization("Looms")
        self.world.person("New One", company)
        self.world.won(company)
        self.world.held()

    def there(self) -> set[str]:
        return {row["email"] for row in self.world.rows("endusers") if row.get("email")}

    def delete(self, key: str) -> None:
        self.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{key}")

    def hide(self) -> None:
        empty_pipedrive(self.world, "person", "organization", "deal", "note")

    def rename(self, key: str, name: str) -> None:
        self.world.change("persons", key, name=name)
        self.world.change("organizations", self.company, name="Better Engines")  # companies come back by poll
        self.world.won(self.company)

    compared = "person_to_enduser"

    def rename_there(self, email: str, name: str) -> None:
        first, _, last = name.partition(" ")
        [row] = [row for row in self.world.rows("endusers") if row.get("email") == email]
        values = {"firstName": first, "lastName": last}
        hub.client_of(self.world.integration.right).update_record("enduser", row["_id"], values)

    def name_there(self, email: str) -> str:
        [row] = [row for row in self.world.rows("endusers") if row.get("email") == email]
        return f"{row.get('firstName')} {row.get('lastName')}"


class LeadBoxerPipedrive(Stage):
    """The source's people are leads; the target's are persons."""

    recipe = "leadboxer_pipedrive"
    SETTINGS: ClassVar[dict[str, Any]] = {**LEADS, **ACTIVITIES}
    duplicate = ""  # both leads are linked with the one person

    def __init__(self, sandbox: SandboxThread) -> None:
        self.world = LeadBoxerWorld.install(sandbox, **self.SETTINGS)

    def enter(self, name: str, email: str, *, others: Iterable[str] = (), phone: str = "") -> str:
        first, _, last = name.partition(" ")
        made = self.world.ada(firstName=first, lastName=last, email=email, **({"phoneNumber": phone} if phone else {}))
        self.settle()
        return str(made["lead"])

    def twice(self, name: str, email: str) -> None:
        self.enter(name, email)

    def opt_out_untold(self, email: str) -> None:
        """Pipedrive asks nobody for consent."""

    def delete_there(self, email: str) -> None:
        [row] = [row for row in self.world.rows("person") if email in str(row["emails"])]
        self.world.sandbox.control("DELETE", f"/pipedrive/acme/persons/{row['id']}")

    def hold_back(self) -> None:
        """LeadBoxer tells nothing."""

    def newcomers(self) -> None:
        self.world.ada(email="new@example.com", firstName="New", lastName="One")

    def settle(self) -> None:
        self.world.poll()

    def there(self) -> set[str]:
        return {point["value"] for row in self.world.rows("person") for point in row["emails"]}

    def delete(self, key: str) -> None:
        del self.leads[key]

    def hide(self) -> None:
        self.leads.clear()

    @property
    def leads(self) -> dict[str, Any]:
        """LeadBoxer's own rows."""
        found: dict[str, Any] = self.world.sandbox.state.leadboxer.accounts["401"].datasets[SITE].leads
        return found

    def rename(self, key: str, name: str) -> None:
        first, _, last = name.partition(" ")
        self.world.edit(key, firstName=first, lastName=last)

    def name_there(self, email: str) -> str:
        [row] = [row for row in self.world.rows("person") if email in str(row["emails"])]
        return str(row["name"])


def pipedrive_phones(phone: str) -> list[dict[str, Any]]:
    return [{"value": phone, "primary": True}] if phone else []


def empty_pipedrive(world: Any, *kinds: str) -> None:
    """The connected user sees none of these any more."""
    for kind in kinds:
        world.sandbox.state.pipedrive.companies["acme"].tables[kind].rows.clear()


STAGES: dict[str, type[Stage]] = {
    stage.recipe: stage
    for stage in (PipedriveMaileon, HubSpotMaileon, PipedriveBrevo, PlanhatPipedrive, LeadBoxerPipedrive)
}


def flows_of(recipe: str) -> list[str]:
    """All flows of a recipe."""
    return [flow.key for flow in get_recipe(recipe).flows]
