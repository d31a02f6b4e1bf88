"""The story of Pipedrive ↔ Brevo, item by item of its specification (seed 002). Each item says what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from integration.engine.clients import connection_health
from integration.engine.clients.session import OpenSession
from integration.engine.setup import configuration
from integration.engine.setup.settings import bound_form
from integration.engine.sync import runs
from integration.management.demo.stage import BREVO_KEY, PIPEDRIVE_TOKEN, Body, NotSeen, Row, Stage
from integration.models import Connection, Health, Integration, RecordLink, RunState, SyncLog, SyncRun
from integration.reasons import Reason
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tenants.models import Tenant

ACCOUNT = 801
LISTS = {"list_qualified": "61", "list_customers": "62", "list_churned": "63", "list_nurture": "64"}


class Story:
    """One tenant with both systems connected, and what happens there."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tenant = Tenant.objects.create(name="ACME Marketing")
        left = stage.connect(self.tenant, "pipedrive", "pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
        right = stage.connect(self.tenant, "brevo", "brevo/v3", api_key=BREVO_KEY)
        self.integration = Integration.objects.create(
            tenant=self.tenant, recipe="pipedrive_brevo", left=left, right=right,
            settings={"key_name": "", "deals_enabled": False, **LISTS},
        )  # fmt: skip

    # People at the vendors

    def person(self, name: str, **values: Body) -> str:
        """Somebody creates a person in Pipedrive; returns its id."""
        email = values.pop("email", address(name))
        body = {"name": name, "emails": [{"value": email, "primary": True}] if email else [], **values}
        return str(self.stage.control("POST", "/pipedrive/acme/persons", body)["data"]["id"])

    def shown(self, person_id: str) -> Row:
        """The person as Pipedrive has it."""
        rows = self.stage.control("GET", "/pipedrive/acme/state")["persons"]
        return next((row for row in rows if str(row["id"]) == person_id), {})

    def status(self, person_id: str) -> str:
        """What the field Brevo status says."""
        value = str((self.shown(person_id).get("custom_fields") or {}).get(self.integration.resources["status"]))
        words = ("subscribed", "unsubscribed", "bounced")
        return next((word for word in words if value == self.integration.resources[f"status_{word}"]), "")

    def brevo(self) -> Row:
        """Everything in the Brevo account."""
        found: Row = self.stage.control("GET", f"/brevo/{ACCOUNT}/state")
        return found

    def contact(self, email: str) -> Row:
        """The contact with this address, empty without one."""
        return next((row for row in self.brevo()["contacts"] if row["email"] == email), {})

    def edit(self, email: str, **attributes: Body) -> None:
        """Somebody edits a contact in Brevo."""
        self.stage.control("PATCH", f"/brevo/{ACCOUNT}/contacts/{email}", {"attributes": attributes})

    def wait(self, email: str, **attributes: Body) -> Row:
        """Wait for a contact with these attributes."""

        def look() -> Row | None:
            found = self.contact(email)
            values = found.get("attributes", {})
            return found if found and all(values.get(key) == value for key, value in attributes.items()) else None

        return self.stage.until(f"contact {email} with {attributes}", look)

    def event(self, name: str, email: str) -> Row:
        """Wait for an event of this contact."""

        def look() -> Row | None:
            rows = [row for row in self.brevo()["events"] if row["event_name"] == name and row["email"] == email]
            return rows[-1] if rows else None

        return self.stage.until(f"event {name} of {email}", look)

    def poll(self) -> None:
        """What the schedule does every fifteen minutes."""
        start_runs(self.integration, "poll")
        self.stage.until("the polls", lambda: not self._unfinished())

    def _unfinished(self) -> bool:
        states = (RunState.WAITING, RunState.RUNNING)
        return SyncRun.objects.filter(integration=self.integration, state__in=states).exists()

    # Item by item

    def item_1(self) -> str:
        """The key is checked when it is entered."""
        bad = Connection(
            tenant=self.tenant, vendor="brevo", base_url=self.integration.right.base_url, auth_kind="api_key"
        )
        bad.store_credentials({"api_key": BREVO_KEY[:-2]}, BREVO_KEY)
        bad.save()
        if connection_health.check(bad) or bad.health != Health.NEEDS_YOU:
            raise NotSeen("a truncated key was accepted")
        bad.delete()
        names = [self.integration.left.account_name, self.integration.right.account_name]
        return f"truncated key refused, “{names[0]}” by API token and “{names[1]}” by API key"

    def item_2(self) -> str:
        """The form offers the account's lists and stages; saving makes webhooks, attributes and a field."""
        form, problem = bound_form(self.integration, get_recipe("pipedrive_brevo"))
        lists = len(form.fields["list_customers"].choices) - 1  # type: ignore[attr-defined]
        stages = len([name for name in form.fields if name.startswith("stage_")])
        results = self.stage.save_settings(self.integration, deals_enabled=True)
        if problem or lists < 5 or stages < 3 or not all(result.ok for result in results):
            raise NotSeen(f"{lists} lists, {stages} stages, {problem}, {results}")
        return f"{lists} lists and {stages} places of a deal to pick from, {len(results)} steps ✓"

    def item_3(self) -> str:
        """A person becomes a contact with the seed's fields; figures follow the deals."""
        person = self.person("Grace Brewster Hopper", phones=[{"value": "+31 6 12345678"}], org_id=1)
        email = address("Grace Brewster Hopper")
        made = self.wait(email, FULLNAME="Grace Brewster Hopper", COMPANY="Analytical Engines Ltd", LTV=0)
        if str(made["attributes"].get("SMS")).lstrip("+") != "31612345678":  # Brevo shows it with or without the plus
            raise NotSeen(f"the phone number is {made['attributes'].get('SMS')}")
        deal = {"title": "Compiler", "person_id": int(person), "value": 250, "currency": "EUR", "status": "won"}
        self.stage.control("POST", "/pipedrive/acme/deals", deal)
        self.wait(email, WON_DEALS=1, CLOSED_DEALS=1, LTV=250)
        nobody = self.person("Silent Bob Brevo", email="")
        self.stage.logged(integration=self.integration, source_id=nobody, reason=Reason.NO_EMAIL)
        twin = self.person("Grace's Office", email=email)
        self.stage.logged(integration=self.integration, source_id=twin, reason=Reason.DUPLICATE_EMAIL)
        return (
            "fields, SMS in E.164, won deal counted and summed; no e-mail skipped; shared e-mail reported, one contact"
        )

    def item_4(self) -> str:
        """Changes and opt-outs come back; both-sided edits end equal; nobody is resubscribed."""
        person, email = self.person("Barbara Jane Liskov"), address("Barbara Jane Liskov")
        self.wait(email, LASTNAME="Liskov")
        self.edit(email, LASTNAME="Huberman")
        self.stage.until("the new name in Pipedrive", lambda: "Huberman" in self.shown(person).get("name", ""))
        self.stage.control("POST", "/misbehave", {"vendor": "brevo", "webhooks": {"drop_rate": 1.0}})
        self.stage.control("POST", f"/brevo/{ACCOUNT}/contacts/{email}/unsubscribe", {})
        self.stage.control("POST", "/misbehave", {"vendor": "brevo", "webhooks": {"drop_rate": 0.0}})
        self.poll()
        self.stage.until("status Unsubscribed", lambda: self.status(person) == "unsubscribed")
        moved = [{"value": "barbara@huberman.example", "primary": True}]
        self.stage.control("PATCH", f"/pipedrive/acme/persons/{person}", {"emails": moved})
        contact = self.wait("barbara@huberman.example")
        if not contact["emailBlacklisted"]:
            raise NotSeen("a new address took the contact off the blocklist")
        return "edit in Brevo → person; lost opt-out found by poll → Unsubscribed; new address stays blocklisted"

    def item_5(self) -> str:
        """A deal's stage decides the list, and each move is an event."""
        person, email = self.person("Ada Augusta King"), address("Ada Augusta King")
        self.wait(email)
        deal = {"title": "Notes", "person_id": int(person), "value": 90, "currency": "EUR"}
        made = self.stage.control("POST", "/pipedrive/acme/deals", deal)["data"]["id"]
        self.stage.until("the list Qualified leads", lambda: 61 in self.contact(email)["listIds"])
        self.stage.control("PATCH", f"/pipedrive/acme/deals/{made}", {"status": "lost"})
        said = self.event("deal_stage_changed", email)["event_properties"]
        lists = self.contact(email)["listIds"]
        if 63 not in lists or 61 in lists or said["new_place"] != "lost":
            raise NotSeen(f"lists {lists}, event {said}")
        return f"open → Qualified leads, lost → Churned; event from “{said['previous_stage']}” to lost"

    def item_6(self) -> str:
        """Organizations are companies, linked to the contacts of their people."""
        results = self.stage.save_settings(self.integration, organizations_enabled=True)
        made = self.stage.control("POST", "/pipedrive/acme/organizations", {"name": "Apollo Guidance"})["data"]["id"]
        self.person("Joan Clarke Apollo", org_id=made)
        contact = self.wait(address("Joan Clarke Apollo"), COMPANY="Apollo Guidance")

        def look() -> Row | None:
            rows = [row for row in self.brevo()["companies"] if row["attributes"].get("name") == "Apollo Guidance"]
            return next((row for row in rows if contact["id"] in row["contacts"]), None)

        company = self.stage.until("the company with its contact", look)
        key = self.integration.resources["company_key"]
        return f"company “Apollo Guidance” (Pipedrive id {company['attributes'][key]}) linked, {len(results)} steps ✓"

    def item_7(self) -> str:
        """Activities are events, leads join the nurture list."""
        self.stage.save_settings(self.integration, activities_enabled=True, leads_enabled=True)
        person, email = self.person("Margaret Hamilton Apollo"), address("Margaret Hamilton Apollo")
        self.wait(email)
        activity = {
            "subject": "First call",
            "type": "call",
            "participants": [{"person_id": int(person), "primary": True}],
        }
        self.stage.control("POST", "/pipedrive/acme/activities", activity)
        said = self.event("activity_logged", email)["event_properties"]
        return f"{said['type']} “{said['subject']}” sent as activity_logged"

    def item_8(self) -> str:
        """The event table."""
        email = address("Grace Brewster Hopper")
        for name in ("contact_created", "deal_created"):
            self.event(name, email)
        self.stage.save_settings(self.integration, event_person_added="nieuw_contact")
        self.person("Edith Clarke Brevo")
        self.event("nieuw_contact", address("Edith Clarke Brevo"))
        return "contact_created, deal_created, …; a renamed row is sent under its new name"

    def item_9(self) -> str:
        """Fetch All by import, settled when Brevo says it is done."""
        self.stage.control("POST", "/pipedrive/acme/seed", {"count": 300})
        before = SyncLog.objects.latest("id").pk
        run = runs.start(self.integration, "fetch_all", "person_to_contact")
        self.stage.until("Fetch All", lambda: SyncRun.objects.filter(pk=run.pk, state=RunState.DONE).exists())
        checks = SyncLog.objects.filter(integration=self.integration, action="import_checked", pk__gt=before)
        check = self.stage.until("the import's outcome", lambda: checks.order_by("-id").first())
        linked = RecordLink.objects.filter(integration=self.integration, link_type="person", state="active").count()
        return f"300 more persons by one import: {check.detail} {linked} contacts in sync"

    def item_10(self) -> str:
        """The pipeline report: deals, value and conversion, as shown and as CSV."""
        recipe = get_recipe(self.integration.recipe)
        assert recipe.report is not None
        self.integration.refresh_from_db()
        tables = recipe.report(OpenSession(self.integration, recipe))
        rows = [row for table in tables for row in table.rows if row.deals]
        if not any(row.lost for row in rows):
            raise NotSeen(f"the lost deal of item 5 in {[table.title for table in tables]}")
        first = next(row for row in rows if row.lost)
        return (
            f"{len(tables)} tables; “{first.label}”: {first.deals} deals, {first.lost} lost, {first.conversion} % won"
        )

    def item_11(self) -> str:
        """Configuration as a file: exported without secrets, changed, compared, applied; an unknown key is refused."""
        document: Row = configuration.export(self.tenant, get_recipe)
        if BREVO_KEY in str(document) or PIPEDRIVE_TOKEN in str(document):
            raise NotSeen("an export without secrets")
        settings = document["integrations"][0]["settings"]
        try:
            configuration.plan({**document, "colour": "green"}, get_recipe)
        except configuration.Refused as exc:
            refused = str(exc)
        else:
            raise NotSeen("a refusal of the key “colour”")
        settings["event_activity_added"] = "activiteit"
        [plan] = configuration.plan(document, get_recipe)
        said = "; ".join(str(change).strip() for change in plan.changes)
        failed = [result.label for result in configuration.apply(plan, get_recipe) if not result.ok]
        self.integration.refresh_from_db()
        if failed or self.integration.settings["event_activity_added"] != "activiteit":
            raise NotSeen(f"the change applied, failed: {failed}")
        return f"no secret in it; {said}; applied; refused: {refused}"

    # The short form of it

    def play(self) -> None:
        """What `make demo` shows."""
        self.stage.save_settings(self.integration, deals_enabled=True, key_name="Lockstep")
        person = self.person("Annie Easley")
        email = address("Annie Easley")
        self.wait(email, FULLNAME="Annie Easley")
        self.stage.say(f"  Annie Easley is a contact in Brevo ({email})")
        self.edit(email, LASTNAME="Easley-McNutt")
        self.stage.until("the name in Pipedrive", lambda: "McNutt" in self.shown(person).get("name", ""))
        self.stage.say("  Her name was edited in Brevo, and Pipedrive has it too")


def address(name: str) -> str:
    """The made-up address of a made-up person."""
    return f"{name.split()[0].lower()}.{name.split()[-1].lower()}@example.com".replace("'s", "")


def items(story: Story) -> Iterator[tuple[int, Callable[[], str]]]:
    """The items of the specification, in order."""
    yield from ((number, getattr(story, f"item_{number}")) for number in range(1, 12))
