"""The furnished default: what every start and every reset puts in place."""

from __future__ import annotations

from sandbox.brevo import seed as brevo
from sandbox.hubspot import seed as hubspot
from sandbox.leadboxer import seed as leadboxer
from sandbox.maileon import seed as maileon
from sandbox.pipedrive import seed as pipedrive
from sandbox.planhat import seed as planhat
from sandbox.state import Sandbox


def furnish(sandbox: Sandbox) -> None:
    pipedrive.seed(sandbox.pipedrive)
    hubspot.seed(sandbox.hubspot)
    maileon.seed(sandbox.maileon)
    brevo.seed(sandbox.brevo)
    leadboxer.seed(sandbox.leadboxer)
    planhat.seed(sandbox.planhat)
