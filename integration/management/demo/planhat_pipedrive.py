"""The story of Planhat ↔ Pipedrive, item by item of its specification (seed 004). Each item says what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings

from integration.connectors.registry import get_connector
from integration.engine.clients import connection_health
from integration.engine.setup import lifecycle, provisioning
from integration.engine.setup.settings import bound_form
from integration.engine.sync import replay
from integration.management.demo.planhat_side import COMPANY, RECIPE, Sides
from integration.management.demo.stage import PLANHAT_TOKEN, NotSeen
from integration.models import Connection, FieldMapping, Health, SyncLog
from integration.reasons import Reason
from integration.recipes.planhat_pipedrive.reasons import PlanhatReason
from integration.recipes.registry import get_recipe

BULK = 300


class Story(Sides):
    """What happens there."""

    # Item by item

    def item_1(self) -> str:
        """The company's address with or without /v1, the token checked, the switch."""
        connector = get_connector("pipedrive")
        typed = [f"{settings.SANDBOX_URL}/pipedrive/{COMPANY}{end}" for end in ("", "/v1", "/api/v1/")]
        plain = {connector.normalise_base_url(address) for address in typed}
        real = connector.normalise_base_url("https://acme.pipedrive.com/v1")
        bad = Connection(tenant=self.tenant, vendor="planhat", base_url=self.integration.right.base_url,
                         auth_kind="api_token")  # fmt: skip
        bad.store_credentials({"api_token": PLANHAT_TOKEN[:-2]}, PLANHAT_TOKEN)
        bad.save()
        if len(plain) != 1 or connection_health.check(bad) or bad.health != Health.NEEDS_YOU:
            raise NotSeen(f"{plain}, {bad.health}")
        bad.delete()
        self.save()
        lifecycle.pause(self.integration)
        org = self.organization("Paused Engines")
        self.won(org, "Waits for the switch")
        if any(row.get("sourceId") == org for row in self.planhat("companies")):
            raise NotSeen("a switched-off integration stands still")
        lifecycle.resume(self.integration)
        self.row("companies", sourceId=org)
        return f"/v1 cut off: {real}; truncated token refused; off: the deal waits, on: it goes"

    def item_2(self) -> str:
        """Each object goes as its section says."""
        self.save(person_direction="none", note_direction="none", deal_direction="none")
        org = self.organization("Sections Ltd")
        deal = self.won(org, "Stays behind")
        company = self.row("companies", sourceId=org)
        self.logged(source_id=deal, reason=PlanhatReason.DEALS_NOT_RECEIVED)
        if [row for row in self.planhat("endusers") if row["companyId"] == company["_id"]]:
            raise NotSeen("persons set to None stay out")
        self.save(person_direction="receive", note_direction="receive", deal_direction="receive")
        self.change("deals", deal, value=1300)
        for path in ("endusers", "licenses", "conversations"):
            self.row(path, companyId=company["_id"])
        return "all None but Organization: only the company; then person, note and deal received too"

    def item_3(self) -> str:
        """Custom fields on both sides, with a direction per row; one that Planhat lacks is made."""
        own = self.field("organizationFields", "Employees", "double")
        size = next(row for row in self.planhat("customfields") if row["name"] == "Company Size")
        rows: tuple[tuple[str, str, dict[str, str]], ...] = (
            (f"custom_fields.{own}", f"custom.{size['_id']}", {}), ("website", "Web address", {"target_type": "text"}),
        )  # fmt: skip
        for position, (source, target, options) in enumerate(rows, 50):
            FieldMapping.objects.create(
                integration=self.integration, flow="organization_to_company", position=position, source=source,
                target=target, options=options, transform="text" if options else "number",
            )  # fmt: skip
        self.save()
        org = self.made("organizations", name="Fields Ltd", website="https://fields.example", custom_fields={own: 42})
        self.won(org, "Fields")
        found = self.row("companies", sourceId=org)["custom"]
        if found != {"Company Size": 42, "Web address": "https://fields.example"}:
            raise NotSeen(f"custom {found}")
        form, _ = bound_form(self.integration, get_recipe(RECIPE))
        return f"{found}; standard and own fields told apart, {len(form.fields)} settings"

    def item_4(self) -> str:
        """Pipelines to tick; what was synced from one that is unticked stays and is not updated."""
        number = self.post("pipelines", {"name": "Partners"})["id"]
        self.post("stages", {"name": "New", "pipeline_id": number})
        form, _ = bound_form(self.integration, get_recipe(RECIPE))
        offered = [label for _, label in form.fields["pipelines"].choices]  # type: ignore[attr-defined]
        org = self.organization("Partner Ltd")
        deal = self.won(org, "Partner deal", pipeline_id=number)
        self.row("licenses", sourceId=deal, mrr=1200)
        self.save(pipelines=["1"])
        self.change("deals", deal, value=9)
        self.logged(source_id=deal, reason=PlanhatReason.PIPELINE_NOT_SELECTED)
        self.row("licenses", sourceId=deal, mrr=1200)
        self.save(pipelines=[])
        return f"check boxes {offered}; none: all; unticked: the License stays at 1200 and is no longer updated"

    def item_5(self) -> str:
        """What triggers, what is eligible, and that it goes together; all deals in the other mode."""
        start = self.field("dealFields", "Contract start", "date")
        self.save(start_date=f"custom_fields.{start}", start_fallback=False)
        org = self.organization("Trigger Ltd")
        deal = self.made("deals", title="Open first", org_id=int(org), value=1200, currency="EUR")
        self.logged(source_id=deal, reason=PlanhatReason.DEAL_NOT_WON)
        self.change("deals", deal, status="won")
        self.logged(source_id=deal, reason=PlanhatReason.NO_START_DATE)
        lonely = self.made("deals", title="Alone", value=5, status="won")
        self.logged(source_id=lonely, reason=PlanhatReason.DEAL_WITHOUT_ORGANIZATION)
        self.change("deals", deal, custom_fields={start: "2026-05-01"})
        license = self.row("licenses", sourceId=deal, fromDate="2026-05-01")
        for path in ("endusers", "conversations"):
            self.row(path, companyId=license["companyId"])
        self.save(start_date="add_time", mode="all")
        opened = self.made("deals", title="Still open", org_id=int(org), value=10, currency="EUR")
        self.row("licenses", sourceId=opened)
        self.save(start_date="", start_fallback=True, mode="won")
        return (
            "open, without start date, without organization: skipped with the reason; then all four together; mode all"
        )

    def item_6(self) -> str:
        """License by default, Sale by rule, the first one that fits."""
        kind = self.field("dealFields", "Kind", "varchar")
        rules = ((f"custom_fields.{kind}", "subscription", "license"), ("product", "Set-up", "sale"),
                 ("pipeline", "Partners", "sale"))  # fmt: skip
        parts = {
            f"rule_{number}_{part}": value
            for number, rule in enumerate(rules, 1)
            for part, value in zip(("what", "value", "to"), rule, strict=True)
        }
        self.save(**parts)
        org = self.organization("Rules Ltd")
        partners = next(row["id"] for row in self.there()["pipelines"] if row["name"] == "Partners")
        sale = self.won(org, "One-off", pipeline_id=partners)
        first = self.won(org, "First rule", pipeline_id=partners, custom_fields={kind: "Subscription"})
        product = self.made("deals", title="Product", org_id=int(org), value=70, currency="EUR")
        self.stage.control("POST", f"/pipedrive/{COMPANY}/deals/{product}/products", {"name": "Set-up"})
        self.change("deals", product, status="won")
        for number in (sale, product):
            self.row("sales", sourceId=number)
        self.row("licenses", sourceId=first)
        self.save(**dict.fromkeys(parts, ""))
        return "by pipeline and product → Sale, by field → License as the first rule says, without a rule → License"

    def item_7(self) -> str:
        """Other changes trigger nothing; one company can be synced by hand."""
        org = self.organization("By hand Ltd")
        deal = self.won(org, "By hand")
        self.row("licenses", sourceId=deal)
        self.change("organizations", org, name="By hand GmbH")
        self.made("notes", content="second", org_id=int(org))
        probe = self.won(self.organization("Probe Ltd"), "Probe")
        self.row("licenses", sourceId=probe)
        before = self.row("companies", sourceId=org)["name"]
        replay.resync(self.integration, "organization_to_company", [org])
        self.row("companies", sourceId=org, name="By hand GmbH")
        self.row("conversations", description="second")
        if before != "By hand Ltd":
            raise NotSeen(f"the company was already called {before}")
        return "renamed organization and new note waited; “Sync with Pipedrive” brought both"

    def item_8(self) -> str:
        """A null clears, what is absent stays, deletions do not travel."""
        org = self.organization("Null Ltd")
        deal = self.won(org, "Null")
        self.row("companies", sourceId=org, address="Main Street 1")
        self.row("endusers", email="null.ltd@example.com", phone="+49 30 1234")
        path = f"/planhat/{self.number}/companies/srcid-{org}"
        self.stage.control("PATCH", path, {"description": "written in Planhat"})
        self.change("organizations", org, address=None)
        self.change("deals", deal, value=5)
        self.row("licenses", sourceId=deal, mrr=5)
        company = self.row("companies", sourceId=org)
        person = next(row for row in self.there()["persons"] if str(row["org_id"]) == org)
        self.stage.control("DELETE", f"/pipedrive/{COMPANY}/persons/{person['id']}")
        self.stage.control("DELETE", f"/pipedrive/{COMPANY}/deals/{deal}")
        self.won(org, "After the deletions")
        self.row("licenses", product="After the deletions")
        self.row("licenses", sourceId=deal)
        self.row("endusers", sourceId=str(person["id"]))
        if "address" in company or company["description"] != "written in Planhat":
            raise NotSeen(f"company {company}")
        return "emptied address cleared, description of Planhat kept; deleted person and deal stay there"

    def item_9(self) -> str:
        """Fetch All of history, dry run first, then near real time."""
        first = self.stage.control("POST", f"/pipedrive/{COMPANY}/seed", {
            "organizations": [{"name": f"History {number}"} for number in range(BULK)],
        })["organizations"][0]  # fmt: skip
        self.stage.control("POST", f"/pipedrive/{COMPANY}/seed", {
            "persons": [{"name": f"Person {n}", "org_id": first + n, "emails": [{"value": f"h{n}@example.com"}]}
                        for n in range(BULK)],
            "deals": [{"title": f"History {n}", "org_id": first + n, "value": 10, "status": "won"}
                      for n in range(BULK)],
            "notes": [{"content": f"History {n}", "org_id": first + n} for n in range(BULK)],
        })  # fmt: skip
        before = len(self.planhat("licenses"))
        dry = self.fetch_all(dry_run=True)
        if len(self.planhat("licenses")) != before:
            raise NotSeen("a dry run that writes nothing")
        since = len(self.stage.control("GET", "/calls?vendor=planhat"))
        real = self.fetch_all()
        writes = [
            call for call in self.stage.control("GET", "/calls?vendor=planhat")[since:] if call["method"] == "PUT"
        ]
        found = [real["deal_to_license"].get("create_license"), real["person_to_enduser"].get("create_enduser"),
                 real["note_to_note"].get("create_note")]  # fmt: skip
        if found != [BULK, BULK, BULK] or dry["deal_to_license"] != real["deal_to_license"]:
            raise NotSeen(f"dry {dry}, real {real}")
        return f"{BULK} licenses, people and notes as the dry run said, with {len(writes)} bulk calls"

    def item_10(self) -> str:
        """A company both ways: back by poll and automation, a conflict settled and logged, echoes stop."""
        self.save(organization_direction="both", conflicts="target")
        org = self.organization("Both Ltd")
        self.won(org, "Both")
        company = self.row("companies", sourceId=org)
        path = f"/planhat/{self.number}/companies/srcid-{org}"
        self.stage.control("PATCH", path, {"name": "Both Inc"})
        self.poll()
        self.stage.until("the name by poll", lambda: self.pipedrive("organizations", org)["name"] == "Both Inc")
        endpoint = provisioning.ensure_endpoint(self.integration.right)
        address = next(iter(provisioning.webhook_addresses(endpoint).values()))
        self.stage.control("POST", f"/planhat/{self.number}/automations", {"url": address})
        self.change("organizations", org, name="Pipedrive says")
        self.stage.control("PATCH", path, {"name": "Planhat says"})
        self.stage.until("the winner", lambda: self.pipedrive("organizations", org)["name"] == "Planhat says")
        said = self.logged(reason=Reason.BOTH_CHANGED, source_id=org).detail
        self.poll()
        echo = SyncLog.objects.filter(integration=self.integration, source_id=org, outcome="synced").latest("id").pk
        self.poll()
        last = SyncLog.objects.filter(integration=self.integration, source_id=org, outcome="synced").latest("id").pk
        if last != echo or company["name"] != "Both Ltd":
            raise NotSeen("echoes that stop")
        return f"back by poll, at once by an automation; {said}; nothing more is written after that"

    # The short form of it

    def play(self) -> None:
        """What `make demo` shows."""
        self.save(organization_direction="both")
        org = self.organization("Jacquard Looms")
        self.stage.say("  Jacquard Looms is a prospect in Pipedrive; Planhat does not know it")
        deal = self.won(org, "Punch cards")
        self.row("licenses", sourceId=deal)
        self.stage.say("  A deal was won: Planhat has the company with its person, note and a License")


def items(story: Story) -> Iterator[tuple[int, Callable[[], str]]]:
    """The items of the specification, in order."""
    yield from ((number, getattr(story, f"item_{number}")) for number in range(1, 11))
