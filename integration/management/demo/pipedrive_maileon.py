"""The story of Pipedrive ↔ Maileon, item by item of its specification (seed 000). Each item says what was seen."""

from __future__ import annotations

from collections.abc import Callable

from integration.connectors.maileon.connector import CONNECTOR as MAILEON
from integration.engine.clients import connection_health
from integration.engine.clients.session import open_client
from integration.engine.setup import lifecycle
from integration.engine.sync import runs
from integration.management.demo.maileon_side import ACCOUNT, MaileonSide
from integration.management.demo.stage import MAILEON_KEY, PIPEDRIVE_TOKEN, Body, NotSeen, Row, Stage
from integration.models import Connection, Health, Integration, RunState, SyncLog, SyncRun
from integration.reasons import Reason
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.registry import get_recipe
from integration.recipes.shared.pipedrive_reasons import PipedriveReason
from integration.tasks import start_runs
from tenants.models import Tenant


class Story(MaileonSide):
    """One tenant with both systems connected, and what happens there."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.tenant = Tenant.objects.create(name="ACME GmbH")
        left = stage.connect(self.tenant, "pipedrive", "pipedrive/acme", api_token=PIPEDRIVE_TOKEN)
        right = stage.connect(self.tenant, "maileon", "maileon/1.0", api_key=MAILEON_KEY)
        self.integration = Integration.objects.create(
            tenant=self.tenant, recipe="pipedrive_maileon", left=left, right=right,
            settings={"contacts_enabled": False, "deals_enabled": False, "doi_enabled": True},
        )  # fmt: skip

    # People at the vendors

    def person(self, name: str, *, newsletter: str | None = None, **values: Body) -> str:
        """Somebody creates a person in Pipedrive; returns its id."""
        email = values.pop("email", f"{name.split()[0].lower()}.{name.split()[-1].lower()}@example.com")
        body = {"name": name, "emails": [{"value": email, "primary": True}] if email else [], **values}
        if newsletter:
            body["custom_fields"] = {**body.get("custom_fields", {}), **self.newsletter(newsletter)}
        return str(self.stage.control("POST", "/pipedrive/acme/persons", body)["data"]["id"])

    def change(self, person_id: str, **values: Body) -> None:
        """Somebody edits a person in Pipedrive."""
        self.stage.control("PATCH", f"/pipedrive/acme/persons/{person_id}", values)

    def newsletter(self, option: str) -> dict[str, int]:
        """The Newsletter field set to Yes or No."""
        resources = self.integration.resources
        return {resources["newsletter"]: int(resources[f"newsletter_{option.lower()}"])}

    def fields_of(self, person_id: str) -> Row:
        """The person's custom fields as Pipedrive has them."""
        rows = self.stage.control("GET", "/pipedrive/acme/state")["persons"]
        row = next((row for row in rows if str(row["id"]) == person_id), None)
        return dict((row or {}).get("custom_fields") or {})

    def status_of(self, person_id: str) -> str:
        """The Newsletter status of a person in words."""
        resources = self.integration.resources
        value = str(self.fields_of(person_id).get(resources["status"]))
        return next(
            (name for name in ("pending", "confirmed", "unsubscribed") if value == resources[f"status_{name}"]), ""
        )

    def subscribe_and_confirm(self, name: str) -> tuple[str, str]:
        """A person says yes and clicks the link in the mail; returns id and address."""
        person_id = self.person(name, newsletter="Yes")
        email = f"{name.split()[0].lower()}.{name.split()[-1].lower()}@example.com"
        self.wait_contact(email, doi_mails_sent=1)
        self.stage.control("POST", f"/maileon/{ACCOUNT}/click-doi", {"email": email})
        self.stage.until("status Confirmed", lambda: self.status_of(person_id) == "confirmed")
        return person_id, email

    # Item by item

    def item_1(self) -> str:
        """The key is checked with its causes named; a missing DOI mailing is warned about."""
        bad = Connection(
            tenant=self.tenant, vendor="maileon", base_url=self.integration.right.base_url, auth_kind="api_key"
        )
        bad.store_credentials({"api_key": MAILEON_KEY[:-2]}, MAILEON_KEY)
        bad.save()
        if (
            connection_health.check(bad)
            or bad.health != Health.NEEDS_YOU
            or bad.health_reason != Reason.CREDENTIALS_REFUSED
        ):
            raise NotSeen("a truncated key was accepted")
        bad.delete()
        account = MAILEON.check(open_client(self.integration.right))
        form = get_recipe("pipedrive_maileon").settings_form({"contacts_enabled": True, "doi_enabled": True})
        warned = form.is_valid() and get_recipe("pipedrive_maileon").warnings(form.cleaned_data)
        if not warned:
            raise NotSeen("no warning about the missing DOI key")
        return f"truncated key refused with its cause, good key opens “{account.name}”, missing DOI key warned about"

    def item_2(self) -> str:
        """Contacts on: three webhooks; off: none; deals likewise."""
        counts = []
        for changes in (
            {"contacts_enabled": True},
            {"contacts_enabled": False},
            {"contacts_enabled": True, "deals_enabled": True},
        ):
            self.stage.save_settings(self.integration, **changes)
            counts.append(len(self.stage.control("GET", "/pipedrive/acme/state")["webhooks"]))
        if counts != [3, 0, 6]:
            raise NotSeen(f"webhooks {counts} instead of [3, 0, 6]")
        return "3 webhooks with contacts on, 0 with it off, 6 with deals too"

    def item_3(self) -> str:
        """The field Newsletter is created, and created again when somebody deletes it."""
        first = self.integration.resources["newsletter"]
        self.stage.control("DELETE", f"/pipedrive/acme/personFields/{first}")
        results = self.stage.save_settings(self.integration)
        step = next(result for result in results if result.key == "newsletter")
        again = self.integration.resources["newsletter"]
        if again == first or not step.ok:
            raise NotSeen("the deleted field was not created again")
        return f"fields “Newsletter” and “Newsletter status” created; after a deletion: {step.detail}"

    def item_4(self) -> str:
        """Yes asks once by mail and ends in Double Opt-in Plus; never asked is skipped; No unsubscribes."""
        person_id, email = self.subscribe_and_confirm("Ada Lovelace-Byron")
        self.wait_contact(email, permission=5, doi_mails_sent=1)
        silent = self.person("Silent Bob")
        self.stage.logged(source_id=silent, reason=NewsletterReason.NEWSLETTER_NEVER_ASKED)
        self.stage.save_settings(self.integration, doi_enabled=False, permission="2")
        self.person("Direct Dora", newsletter="Yes")
        self.wait_contact("direct.dora@example.com", permission=2, doi_mails_sent=0)
        self.change(person_id, custom_fields=self.newsletter("No"))
        self.stage.until(f"{email} unsubscribed", lambda: self.found(email) is None)
        self.stage.save_settings(self.integration, doi_enabled=True, permission="1")
        return (
            "Yes → 1 opt-in mail → click → permission 5; off → permission 2 at once; empty → skipped; No → unsubscribed"
        )

    def item_5(self) -> str:
        """The seed's data arrives."""
        person_id = self.person("Grace Brewster Hopper", newsletter="Yes", email="grace@example.com", org_id=1)
        row = self.wait_contact("grace@example.com", external_id=f"9001-{person_id}")
        standard, custom = row["standard"], row["custom"]
        wanted = {"FIRSTNAME", "LASTNAME", "FULLNAME", "ORGANIZATION"} - standard.keys()
        wanted |= {"createdByPipedrive", "pipedriveId", "owner_name", "owner_email"} - custom.keys()
        if wanted:
            raise NotSeen(f"missing fields: {sorted(wanted)}")
        who = f"{standard['FULLNAME']} of {standard['ORGANIZATION']}"
        return f"{who}, owner {custom['owner_name']}, external id {row['external_id']}"

    def item_6(self) -> str:
        """An unsubscribe comes back by webhook and, when that is lost, by the report; a stale Yes never wins."""
        person_id, email = self.subscribe_and_confirm("Una Webhook")
        self.stage.control("POST", f"/maileon/{ACCOUNT}/unsubscribe", {"email": email})
        self.stage.until("status Unsubscribed", lambda: self.status_of(person_id) == "unsubscribed")
        lost_id, lost = self.subscribe_and_confirm("Lost Event")
        self.stage.control("POST", "/misbehave", {"vendor": "maileon", "webhooks": {"drop_rate": 1.0}})
        self.stage.control("POST", f"/maileon/{ACCOUNT}/unsubscribe", {"email": lost})
        self.stage.control("DELETE", "/misbehave")
        self.change(lost_id, name="Lost Event Renamed")
        start_runs(self.integration, "poll")
        self.stage.until("status Unsubscribed by report", lambda: self.status_of(lost_id) == "unsubscribed")
        newsletter = self.fields_of(lost_id)[self.integration.resources["newsletter"]]
        if str(newsletter) != self.integration.resources["newsletter_no"]:
            raise NotSeen("the stale Yes won")
        self.stage.until("Maileon to forget the contact", lambda: self.found(lost) is None)
        return "webhook: Newsletter No, Unsubscribed; lost webhook: the same from the report; confirmation: Confirmed"

    def item_7(self) -> str:
        """Deals become contact events; who cannot receive them is skipped with a reason."""
        person_id, email = self.subscribe_and_confirm("Dealia Buyer")
        deal = self.stage.control(
            "POST",
            "/pipedrive/acme/deals",
            {"title": "Engine", "value": 1234.56, "currency": "EUR", "person_id": int(person_id)},
        )["data"]
        self.stage.logged(flow="deal_to_event", source_id=str(deal["id"]), action="deal_added", outcome="synced")
        self.stage.control("PATCH", f"/pipedrive/acme/deals/{deal['id']}", {"title": "Better engine"})
        self.stage.logged(flow="deal_to_event", source_id=str(deal["id"]), action="deal_updated", outcome="synced")
        self.stage.control("DELETE", f"/pipedrive/acme/deals/{deal['id']}")
        self.stage.logged(flow="deal_to_event", source_id=str(deal["id"]), action="deal_deleted", outcome="synced")
        alone = self.stage.control("POST", "/pipedrive/acme/deals", {"title": "Nobody's"})["data"]
        self.stage.logged(source_id=str(alone["id"]), reason=PipedriveReason.DEAL_WITHOUT_PERSON)
        sent = [
            row
            for row in self.stage.control("GET", f"/maileon/{ACCOUNT}/transactions")
            if row["content"].get("deal_id") == deal["id"]
        ]
        if len(sent) != 3 or sent[0]["content"]["value"] != 1235 or sent[0]["content"]["value_decimal"] != 1234.56:
            raise NotSeen(f"contact events: {sent}")
        return (
            "added, updated, deleted sent once each (value 1235, value_decimal 1234.56); a deal without person skipped"
        )

    def item_8(self) -> str:
        """Changed addresses, deletions, merges, no and doubled addresses."""
        moved, old = self.subscribe_and_confirm("Moving Mary")
        self.change(moved, emails=[{"value": "mary.new@example.com", "primary": True}])
        self.wait_contact("mary.new@example.com", doi_mails_sent=1)
        gone, gone_email = self.subscribe_and_confirm("Gone Gary")
        self.stage.control("DELETE", f"/pipedrive/acme/persons/{gone}")
        self.stage.until("the deleted person's contact is unsubscribed", lambda: self.found(gone_email) is None)
        kept, kept_email = self.subscribe_and_confirm("Survivor Sue")
        double = self.person("Survivor Sue Twin", newsletter="Yes", email=kept_email)
        self.stage.logged(source_id=double, reason=Reason.DUPLICATE_EMAIL)
        self.stage.control("POST", f"/pipedrive/acme/persons/{double}/merge", {"into": int(kept)})
        self.stage.until(
            "the merge is seen",
            lambda: SyncLog.objects.filter(
                source_id=double, reason__in=(Reason.MERGED, Reason.DELETED_AT_SOURCE)
            ).exists(),
        )
        self.wait_contact(kept_email, permission=5)
        nobody = self.person("No Address", newsletter="Yes", email="")
        self.stage.logged(source_id=nobody, reason=Reason.NO_EMAIL)
        if self.found(old):
            raise NotSeen("the old address is still a contact")
        return (
            "new address asked, old one gone; deleted → unsubscribed; merge kept the survivor; doubles, blanks skipped"
        )

    def item_9(self) -> str:
        """Fetch All: dry run first, no mails unless allowed, then everybody."""
        body = {
            "persons": [
                {
                    "name": f"Early Bird {n}",
                    "emails": [{"value": f"early{n}@example.com"}],
                    "custom_fields": self.newsletter("Yes"),
                }
                for n in range(30)
            ]
        }
        self.stage.control("POST", "/pipedrive/acme/seed", body)
        mails = len(self.stage.control("GET", f"/maileon/{ACCOUNT}/doi-mails"))
        dry = self._fetch_all(dry_run=True, options={"allow_doi": True})
        quiet = self._fetch_all(options={"allow_doi": False})
        if (
            quiet.counts.get("skipped:not_asked_existing", 0) < 30
            or len(self.stage.control("GET", f"/maileon/{ACCOUNT}/doi-mails")) != mails
        ):
            raise NotSeen(f"Fetch All without permission sent mails: {quiet.counts}")
        loud = self._fetch_all(options={"allow_doi": True})
        asked = len(self.stage.control("GET", f"/maileon/{ACCOUNT}/doi-mails")) - mails
        if asked != 30 or dry.counts.get("ask_by_mail") != 30:
            raise NotSeen(f"{asked} mails, dry run {dry.counts}, run {loud.counts}")
        return f"dry run: 30 would be asked; not allowed: 0 mails; allowed: {asked} mails, {loud.done} people read"

    def item_10(self) -> str:
        """Provisioning is visible steps, safe to repeat; uninstall leaves nothing at the vendors."""
        steps = self.stage.save_settings(self.integration)
        undone = lifecycle.uninstall(self.integration, get_recipe)
        left = len(self.stage.control("GET", "/pipedrive/acme/state")["webhooks"])
        right = len(self.stage.control("GET", f"/maileon/{ACCOUNT}/contacts")["webhooks"])
        self.integration.left.refresh_from_db()
        if left or right or self.integration.left.credentials or not all(result.ok for result in undone):
            raise NotSeen(f"left behind: {left}+{right} webhooks, {undone}")
        kept = SyncLog.objects.filter(integration=self.integration).count()
        return (
            f"{len(steps)} steps ✓; uninstall: 0 webhooks left, credentials erased, {kept} log rows kept without names"
        )

    def _fetch_all(self, **wishes: Body) -> SyncRun:
        run = runs.start(self.integration, "fetch_all", "person_to_contact", **wishes)

        def look() -> bool:
            run.refresh_from_db()
            return run.state not in (RunState.WAITING, RunState.RUNNING)

        self.stage.until("Fetch All to end", look, patience=40)
        if run.state != RunState.DONE:
            raise NotSeen(f"Fetch All {run.state}: {run.problem}")
        return run

    def play(self) -> None:
        """A few minutes of life for somebody who watches: a newsletter reader, a deal, an opt-out."""
        self.stage.save_settings(self.integration, contacts_enabled=True, deals_enabled=True)
        reader, email = self.subscribe_and_confirm("Katherine Johnson")
        self.stage.say(f"  Katherine Johnson said yes in Pipedrive, got the mail, clicked: status Confirmed ({email})")
        self.stage.control(
            "POST",
            "/pipedrive/acme/deals",
            {"title": "Orbit calculation", "value": 4200, "currency": "EUR", "person_id": int(reader)},
        )
        self.stage.logged(flow="deal_to_event", action="deal_added")
        self.stage.say("  Her deal arrived in Maileon as a contact event")
        leaver, address = self.subscribe_and_confirm("Dorothy Vaughan")
        self.stage.control("POST", f"/maileon/{ACCOUNT}/unsubscribe", {"email": address})
        self.stage.until("Unsubscribed", lambda: self.status_of(leaver) == "unsubscribed")
        self.stage.say(f"  {address} unsubscribed in Maileon: Pipedrive now says No, Unsubscribed")
        self.person("Mary Jackson")
        self.stage.logged(reason=NewsletterReason.NEWSLETTER_NEVER_ASKED)
        self.stage.say("  Mary Jackson was never asked: skipped, and the log says why")


def items(story: Story) -> list[tuple[str, Callable[[], str]]]:
    """The numbered items with their checks."""
    return [(str(number), getattr(story, f"item_{number}")) for number in range(1, 11)]
