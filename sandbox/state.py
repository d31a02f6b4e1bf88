"""Everything the sandbox remembers, in one object that can be put back to its default."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from sandbox.assumptions import Thrown
from sandbox.brevo.model import World as BrevoWorld
from sandbox.clock import Clock
from sandbox.delivery import Courier
from sandbox.hubspot.model import World as HubSpotWorld
from sandbox.journal import Journal
from sandbox.leadboxer.model import World as LeadBoxerWorld
from sandbox.maileon.model import World as MaileonWorld
from sandbox.misbehave import Misbehaviour
from sandbox.pipedrive.model import World as PipedriveWorld
from sandbox.planhat.model import World as PlanhatWorld

DEFAULT_SEED = 1

Furnish = Callable[["Sandbox"], None]


class Sandbox:
    def __init__(
        self,
        base_url: str,
        furnish: Furnish,
        *,
        seed: int = DEFAULT_SEED,
        time_scale: float = 1.0,
        thrown: Iterable[str] = (),
    ) -> None:
        self.base_url = base_url
        self._furnish = furnish
        self.seed = seed
        self.clock = Clock()
        self.rng = random.Random(seed)
        self.journal = Journal()
        self.misbehaviour = Misbehaviour(self.rng)
        self.courier = Courier(self.clock, self.misbehaviour, time_scale)
        self.thrown = Thrown(thrown)
        self.reset()

    def reset(self) -> None:
        """Forget everything and furnish the default accounts again. Thrown switches stay thrown."""
        self.clock.offset = 0.0
        self.rng.seed(self.seed)
        self.misbehaviour.clear()
        self.courier.reset()
        self.journal.clear()
        self.pipedrive = PipedriveWorld(self.seed, self.thrown)
        self.hubspot = HubSpotWorld(self.seed, self.thrown)
        self.maileon = MaileonWorld(self.seed, self.thrown)
        self.brevo = BrevoWorld(self.seed, self.thrown)
        self.leadboxer = LeadBoxerWorld(self.seed, self.thrown)
        self.planhat = PlanhatWorld(self.seed, self.thrown)
        self._furnish(self)
