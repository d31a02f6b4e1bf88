"""The story of HubSpot ↔ Maileon, item by item of its specification (seed 001). Each item says what was seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from integration.engine.setup import provisioning
from integration.management.demo.maileon_side import ACCOUNT, MaileonSide
from integration.management.demo.person import Browser
from integration.management.demo.stage import MAILEON_KEY, Body, NotSeen, Row, Stage
from integration.models import Connection, Health, Integration, SyncJob, SyncLog, WebhookEvent
from integration.reasons import Reason
from integration.recipes.hubspot_maileon.reasons import HubSpotReason
from integration.recipes.newsletter.reasons import NewsletterReason
from integration.recipes.registry import get_recipe
from integration.tasks import start_runs
from tenants.models import Tenant

PORTAL, USER = 62515001, 49150885
STAGE, SUBSCRIBE = "lifecyclestage", "maileon_subscribe"


class Story(MaileonSide):
    """One tenant that logged in with HubSpot, and what happens there."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.browser = Browser(settings.PUBLIC_URL)
        self.integration = Integration()

    # People at the vendors

    def contact(self, name: str, **values: Body) -> tuple[str, str]:
        """Somebody creates a contact in HubSpot; returns its id and address."""
        first, _, last = name.partition(" ")
        email = values.pop("email", f"{first}.{last}@example.com".lower().replace(" ", "."))
        body = {"firstname": first, "lastname": last, "email": email, **values}
        return str(self.stage.control("POST", f"/hubspot/{PORTAL}/contacts", body)["id"]), email

    def change(self, contact_id: str, **values: Body) -> None:
        """Somebody edits a contact in HubSpot."""
        self.stage.control("PATCH", f"/hubspot/{PORTAL}/contacts/{contact_id}", values)

    def portal(self) -> Row:
        """All the portal holds."""
        return dict(self.stage.control("GET", f"/hubspot/{PORTAL}/state"))

    def shown(self, contact_id: str, name: str) -> str:
        """A property of a contact as HubSpot has it."""
        rows = {row["id"]: row["properties"] for row in self.portal()["contacts"]}
        return str(rows.get(contact_id, {}).get(name) or "")

    def notes(self, contact_id: str) -> list[str]:
        """The notes on a contact's timeline."""
        return [row["hs_note_body"] for row in self.portal()["notes"] if row["contact_id"] == contact_id]

    def confirmed(self, name: str, **values: Body) -> tuple[str, str]:
        """A contact is asked by mail, clicks, and it shows on the timeline."""
        contact_id, email = self.contact(name, **values)
        self.wait_contact(email, doi_mails_sent=1)
        self.click(email)
        self.stage.until(f"{name}'s timeline", lambda: self.notes(contact_id))
        return contact_id, email

    # Item by item

    def item_1(self) -> str:
        """Through HubSpot's consent page to the settings, every time; the key is proven."""
        self._register_app()
        page = self._log_in()
        tenant, left = Tenant.objects.latest("created_at"), Connection.objects.get(vendor="hubspot")
        right = self.stage.connect(tenant, "maileon", "maileon/1.0", api_key=MAILEON_KEY)
        self.integration = Integration.objects.create(tenant=tenant, recipe="hubspot_maileon", left=left, right=right)
        self.stage.save_settings(self.integration, doi_enabled=True)
        for wording in ("Connect two apps", "HubSpot is connected"):
            if wording not in page:
                raise NotSeen(f"the first login shows no “{wording}”")
        again = self._log_in()
        if "Settings of HubSpot" not in again or "Limit of per-contact overrides" not in again:
            raise NotSeen("the second login does not lead to the settings")
        said = self.browser.press(again, "do", "test", side="right", secret=MAILEON_KEY[:-2])
        if "does not accept the API key" not in said:
            raise NotSeen("a truncated key was accepted")
        return f"consent page of {left.account_name} → connected; next login → settings; truncated key refused by Test"

    def item_2(self) -> str:
        """DOI, DOI Plus, mailing key, permission; a missing mailing key is warned about."""
        recipe = get_recipe("hubspot_maileon")
        warned = recipe.warnings({**recipe.default_settings, "doi_enabled": True})
        if not any("No DOI key" in words for words in warned):
            raise NotSeen("no warning about the missing DOI key")
        _, plain = self.confirmed("Double Dan")
        self.wait_contact(plain, permission=4)
        self.stage.save_settings(self.integration, doi_plus=True, doi_key="vip")
        _, plus = self.confirmed("Plus Paula")
        self.wait_contact(plus, permission=5)
        mails = {row["email"]: row["mailing"] for row in self.mails()}
        self.stage.save_settings(self.integration, doi_enabled=False, doi_plus=False, doi_key="", permission="2")
        _, single = self.contact("Single Sam")
        self.wait_contact(single, permission=2, doi_mails_sent=0)
        self.stage.save_settings(self.integration, doi_enabled=True)
        if (mails.get(plain), mails.get(plus)) != ("welcome", "vip"):
            raise NotSeen(f"mailings {mails}")
        return (
            "mail “welcome” → 4; Plus and mailing “vip” → 5; without the process → 2 at once; missing key warned about"
        )

    def item_3(self) -> str:
        """Created here, created there; changes follow; No is not synced and later unsubscribes."""
        contact_id, email = self.confirmed("Ada Lovelace", city="London")
        self.change(contact_id, city="Wien")
        self.stage.until("the change", lambda: (self.found(email) or {}).get("standard", {}).get("CITY") == "Wien")
        never, _ = self.contact("Never Nora", **{SUBSCRIBE: "false"})
        self.stage.logged(source_id=never, reason=NewsletterReason.NEWSLETTER_NO)
        self.change(contact_id, **{SUBSCRIBE: "false"})
        self.stage.until(f"{email} unsubscribed", lambda: self.found(email) is None)
        return "not set → asked, city followed; No → skipped with its reason; later No → unsubscribed"

    def item_4(self) -> str:
        """Both addresses are shown, both webhooks exist at Maileon, and a lost one is found in the report."""
        shown = provisioning.webhook_addresses(self.integration.right.endpoint)
        hooks = self.stage.control("GET", f"/maileon/{ACCOUNT}/contacts")["webhooks"]
        made = {hook["event"]: sorted(hook["event_fields"]) for hook in hooks}
        if set(made) != {"doi", "unsubscription"} or not {"msg_id", "method"} <= set(made["unsubscription"]):
            raise NotSeen(f"webhooks {made}")
        page = self._log_in()
        if not all(name in page for name in shown):
            raise NotSeen("the settings page does not show both addresses")
        contact_id, email = self.confirmed("Lost Lars")
        self.stage.control("POST", "/misbehave", {"vendor": "maileon", "webhooks": {"drop_rate": 1.0}})
        self.leave(email)
        self.stage.control("DELETE", "/misbehave")
        start_runs(self.integration, "poll")
        self.stage.until("the report to tell", lambda: self.shown(contact_id, SUBSCRIBE) == "false")
        return "2 addresses shown, 2 webhooks made (email, msg_id, method); a lost unsubscription found in the report"

    def item_5(self) -> str:
        """Forward on confirmation, back only with a reset, a silent refusal told, another stage left alone."""
        rules = {
            "confirmed_stage": True, "confirmed_stage_from": "lead", "confirmed_stage_to": "customer",
            "unsubscribed_stage": True, "unsubscribed_stage_from": "customer", "unsubscribed_stage_to": "subscriber",
        }  # fmt: skip
        self.stage.save_settings(self.integration, **rules)
        forward, email = self.confirmed("Forward Fay", **{STAGE: "lead"})
        self.stage.until("the target stage", lambda: self.shown(forward, STAGE) == "customer")
        self.leave(email)
        self.stage.logged(source_id=forward, reason=HubSpotReason.STAGE_REFUSED)
        self.stage.save_settings(self.integration, unsubscribed_stage_reset=True)
        back, email = self.confirmed("Back Bo", **{STAGE: "lead"})
        self.stage.until("the target stage", lambda: self.shown(back, STAGE) == "customer")
        self.leave(email)
        self.stage.until("the reset", lambda: self.shown(back, STAGE) == "subscriber")
        other, _ = self.confirmed("Other Olga", **{STAGE: "opportunity"})
        if (self.shown(forward, STAGE), self.shown(other, STAGE)) != ("customer", "opportunity"):
            raise NotSeen("a stage moved that should stay")
        self.stage.save_settings(self.integration, confirmed_stage=False, unsubscribed_stage=False)
        return (
            "Lead → Customer; back refused silently and logged as such; with reset → Subscriber; Opportunity left alone"
        )

    def item_6(self) -> str:
        """Confirmation and unsubscription are on the timeline, with method and msg_id."""
        contact_id, email = self.confirmed("Time Tina")
        self.leave(email, method="link", msg_id=77)
        first, second = self.stage.until("two entries", lambda: (found := self.notes(contact_id))[1:] and found)
        if "Confirmed" not in first or "method: link" not in second or "msg_id: 77" not in second:
            raise NotSeen(f"timeline {first} {second}")
        return "“Confirmed the opt-in mail” and “Unsubscribed”, method link, msg_id 77, once each"

    def item_7(self) -> str:
        """The default mapping arrives; what does not fit is told and stays behind."""
        values = {
            "salutation": "Ms", "jobtitle": "Admiral", "company": "Navy", "address": "Pier 1", "city": "Arlington",
            "state": "VA", "zip": "22202", "country": "USA", "date_of_birth": "1906-12-09", "gender": "female",
            "hs_language": "en-us",
        }  # fmt: skip
        contact_id, email = self.contact("Grace Hopper", **values)
        row = self.wait_contact(email, doi_mails_sent=1)
        standard = row["standard"]
        wanted = {"FIRSTNAME": "Grace", "BIRTHDAY": "1906-12-09", "GENDER": "f", "LOCALE": "en_US", "STATE": "VA"}
        if any(standard.get(key) != value for key, value in wanted.items()) or row["custom"]["jobtitle"] != "Admiral":
            raise NotSeen(f"data {standard} {row['custom']}")
        odd, _ = self.contact("Odd Otto", gender="perhaps", city="Wien")
        self.stage.logged(source_id=odd, reason=Reason.VALUE_INVALID)
        return (
            f"{len(standard)} standard fields, jobtitle, external id {row['external_id']}; odd gender told, rest sent"
        )

    def item_8(self) -> str:
        """Overrides within the limit count, beyond it they are cut and told."""
        names = {row["label"] for row in self.portal()["properties"] if row["groupName"] == "maileon"}
        self.stage.save_settings(self.integration, doi_enabled=False, permission="1", override_limit="4")
        _, asked = self.contact("Asked Amy", maileon_contact_doi="yes", maileon_contact_doi_mailing_key="vip")
        self.wait_contact(asked, doi_mails_sent=1, permission=1)
        _, single = self.contact("Single Sue", maileon_contact_permission="single")
        self.wait_contact(single, permission=2)
        visitor, email = self.contact("Sly Sid", maileon_contact_permission="double_plus")
        self.wait_contact(email, permission=4)
        self.stage.logged(source_id=visitor, reason=NewsletterReason.OVERRIDE_LIMITED)
        self.stage.save_settings(self.integration, doi_enabled=True, override_limit="configured")
        return f"{len(names)} properties in group Maileon; DOI, mailing, Single granted; Plus cut to the limit and told"

    def item_9(self) -> str:
        """An uninstallation at HubSpot is seen by the refused refresh; jobs wait and go on after a new login."""
        contact_id, email = self.confirmed("Held Hilda")
        self.stage.control("POST", f"/hubspot/{PORTAL}/uninstall")
        left = Connection.objects.filter(pk=self.integration.left_id)
        left.update(token_expires_at=timezone.now() - timedelta(minutes=1))
        self.leave(email)
        held = self.stage.until("the jobs to be held", lambda: SyncJob.objects.filter(state="held").count())
        if left.get().health != Health.NEEDS_YOU:
            raise NotSeen("the connection is not marked")
        self._log_in(tenant=str(self.integration.tenant_id))
        self.stage.until("what waited to go on", lambda: self.shown(contact_id, SUBSCRIBE) == "false")
        return f"connection “Needs attention”, {held} job held; after the next login the opt-out arrived in HubSpot"

    def item_10(self) -> str:
        """Deleted for privacy: gone in Maileon and from our tables, with the report."""
        contact_id, email = self.confirmed("Erased Emil")
        self.stage.control("POST", f"/hubspot/{PORTAL}/contacts/{contact_id}/forget")
        log = self.stage.logged(source_id=contact_id, action="erase", outcome="synced")
        if self.found(email) or WebhookEvent.objects.filter(external_id=contact_id).exclude(email_hash="").exists():
            raise NotSeen("something is left")
        if SyncLog.objects.filter(source_id=contact_id).exclude(changes={}).exists():
            raise NotSeen("the log still holds values")
        return f"contact gone in Maileon; report: {log.detail}"

    # Getting there

    def _register_app(self) -> None:
        """Tell the sandbox where this hub is, as the app's project files do at HubSpot."""
        root = settings.PUBLIC_URL
        app = {
            "client_id": settings.OAUTH_APPS["hubspot"]["client_id"], "target_url": f"{root}/hooks/hubspot/",
            "redirect_uris": [f"{root}/oauth/hubspot/callback/"],
        }  # fmt: skip
        self.stage.control("POST", "/hubspot/apps", app)

    def _log_in(self, **query: str) -> str:
        """Log in with HubSpot as Grace of ACME; returns the page one lands on."""
        return self.browser.log_in("hubspot", account=f"{PORTAL}:{USER}", **query)

    def play(self) -> None:
        """A few minutes of life for somebody who watches: a login, a reader, an opt-out with its lifecycle stage."""
        self.item_1()
        self.stage.say("  Somebody logged in with HubSpot and entered the key of Maileon")
        self.stage.save_settings(
            self.integration, confirmed_stage=True, confirmed_stage_from="lead", confirmed_stage_to="customer"
        )
        _, email = self.confirmed("Annie Easley")
        self.stage.say(f"  Annie Easley was created in HubSpot, got the mail, clicked: stage Customer ({email})")
        leaver, address = self.confirmed("Valerie Thomas")
        self.leave(address)
        self.stage.until("No in HubSpot", lambda: self.shown(leaver, SUBSCRIBE) == "false")
        self.stage.say(f"  {address} unsubscribed in Maileon: HubSpot says No, and it is on the timeline")


def items(story: Story) -> list[tuple[str, Callable[[], str]]]:
    """The numbered items with their checks."""
    return [(str(number), getattr(story, f"item_{number}")) for number in range(1, 11)]
