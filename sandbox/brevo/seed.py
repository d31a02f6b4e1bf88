"""The default account."""

from __future__ import annotations

from sandbox.brevo.model import ContactList, World

API_KEY = "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"
OTHER_KEY = "xkeysib-beefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeefbeef-AcmeWebshop00002"
LISTS = ("All contacts", "Qualified leads", "Customers", "Churned", "Nurture")


def seed(world: World) -> None:
    account = world.add("ACME Marketing", API_KEY)
    account.keys[OTHER_KEY] = "Webshop"
    account.folders[account.next("folder")] = "Pipedrive"
    for name in LISTS:
        row = ContactList(account.next("list", 60), name, 1)
        account.lists[row.id] = row
