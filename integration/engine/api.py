"""All that recipes may import of the engine."""

from __future__ import annotations

from integration.engine.dispatch.jobs import save_jobs
from integration.engine.flow import settings
from integration.engine.flow.base import (
    Batch,
    Comparison,
    Course,
    Decision,
    Enqueue,
    Flow,
    Item,
    Page,
    Record,
    RecordOutcome,
    Result,
    Route,
    Skip,
    Stage,
    Sync,
    Write,
)
from integration.engine.flow.general_reasons import GENERAL, general_text
from integration.engine.flow.mapping_row import MappingRow, TwoWay
from integration.engine.flow.permission import NeededPermission
from integration.engine.flow.reading import read_one_by_one
from integration.engine.flow.reason_text import ReasonKind, ReasonText
from integration.engine.flow.recipe import (
    Choices,
    Found,
    NeededField,
    OptInTrial,
    Recipe,
    ReportRow,
    ReportTable,
    Step,
)
from integration.engine.flow.session import SyncSession
from integration.engine.flow.settings import own_fields, setting
from integration.engine.flow.state import EventContext, FlowState, Stored
from integration.engine.mapping import conversions, transforms
from integration.engine.mapping.fields import catalogue
from integration.engine.mapping.transforms import SOURCELESS
from integration.engine.mapping.translate import names_of
from integration.engine.privacy import personal_data
from integration.engine.records import identity_index, links
from integration.engine.safety import consent as consent_rules
from integration.engine.safety import consent_ledger, limits
from integration.engine.setup import new_fields, provisioning
from integration.engine.sync import cursors
from integration.engine.sync.batch import mapping_rows
from integration.engine.sync.one_by_one import write_each
from integration.engine.sync.polls import mark
from integration.engine.sync.two_way import alike

__all__ = [
    "Batch",
    "Comparison",
    "Choices",
    "Course",
    "Decision",
    "RecordOutcome",
    "Flow",
    "Enqueue",
    "EventContext",
    "FlowState",
    "Found",
    "GENERAL",
    "Item",
    "MappingRow",
    "NeededField",
    "NeededPermission",
    "OptInTrial",
    "Page",
    "Stage",
    "Recipe",
    "ReasonKind",
    "ReasonText",
    "Record",
    "ReportRow",
    "ReportTable",
    "Result",
    "Route",
    "SOURCELESS",
    "Skip",
    "Step",
    "Stored",
    "Sync",
    "SyncSession",
    "TwoWay",
    "Write",
    "alike",
    "catalogue",
    "consent_ledger",
    "consent_rules",
    "conversions",
    "general_text",
    "identity_index",
    "cursors",
    "write_each",
    "limits",
    "links",
    "mapping_rows",
    "mark",
    "names_of",
    "new_fields",
    "setting",
    "own_fields",
    "personal_data",
    "provisioning",
    "read_one_by_one",
    "save_jobs",
    "settings",
    "transforms",
]
