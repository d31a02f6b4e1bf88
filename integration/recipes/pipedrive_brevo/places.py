"""Where a deal can be: Pipedrive's pipelines and stages, and the lists of Brevo, for pickers and events."""

from __future__ import annotations

from collections.abc import Mapping

from integration.recipes.pipedrive_brevo.session import Session


def stages(ctx: Session, wanted: str = "") -> Mapping[str, str]:
    """Stage id → its name with its pipeline's, in their order; kept for an hour.

    Where the one that is wanted is missing, they are read again once per slice: it may be new.
    """

    def fetch() -> dict[str, str]:
        pipelines = {row.id: row for row in ctx.left.get_pipelines()}
        rows = [row for row in ctx.left.get_stages() if not row.is_deleted and row.pipeline_id in pipelines]
        rows.sort(key=lambda row: (pipelines[row.pipeline_id].order_nr, row.pipeline_id, row.order_nr))
        return {row.id: f"{pipelines[row.pipeline_id].name}: {row.name}" for row in rows}

    known = ctx.reference_list("left", "stages", fetch)
    if wanted and wanted not in known and not ctx.cache.get("stages read again"):
        ctx.cache["stages read again"] = True
        known = ctx.reference_list("left", "stages", fetch, fresh=True)
    return known


def stage_choices(ctx: Session) -> list[tuple[str, str]]:
    """The stages as a picker shows them."""
    return list(stages(ctx).items())


def list_choices(ctx: Session) -> list[tuple[str, str]]:
    """Brevo's lists as a picker shows them, read afresh: somebody may just have made one."""

    def fetch() -> dict[str, str]:
        return {row.id: row.name for row in ctx.right.get_lists()}

    return list(ctx.reference_list("right", "lists", fetch, fresh=True).items())
