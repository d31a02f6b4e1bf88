"""The integration app: connectors, recipes and the sync engine."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from integration import gc_tuning


class IntegrationConfig(AppConfig):
    """Connections, integrations and everything that keeps them in step."""

    name = "integration"
    verbose_name = _("Integration")

    def ready(self) -> None:
        """Register the settings checks, and what a worker process does before its first task."""
        from django_q.signals import post_execute_in_worker, post_spawn, pre_execute  # noqa: PLC0415

        from integration import checks, fitness  # noqa: F401, PLC0415

        post_spawn.connect(_begin_work, dispatch_uid="begin work")
        pre_execute.connect(_task_begins, dispatch_uid="task begins")
        post_execute_in_worker.connect(_task_ends, dispatch_uid="task ends")


def _begin_work(**_: Any) -> None:
    """Load all that tasks need, before the first of them waits for it, and let others see that this worker lives."""
    from integration import tasks  # noqa: F401, PLC0415
    from integration.engine.dispatch import heartbeat  # noqa: PLC0415

    gc_tuning.freeze_startup_objects()
    heartbeat.start()


def _task_begins(**_: Any) -> None:
    from integration.engine.dispatch import heartbeat  # noqa: PLC0415

    heartbeat.task_begins()


def _task_ends(**_: Any) -> None:
    from integration.engine.dispatch import heartbeat  # noqa: PLC0415

    heartbeat.task_ends()
