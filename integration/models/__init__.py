"""All tables of the hub, one module per noun."""

from integration.models.access import AuthenticatorApp, BreakGlassUse
from integration.models.alert import Alert, AlertKind, AlertNotice, Channel, Moment, NoticeState
from integration.models.brake import Brake, BrakeKind
from integration.models.claim import AccountClaim, ClaimState
from integration.models.connection import Connection, Health, IdentityIndex, RateBudget, ReferenceCache
from integration.models.consent import ConsentEntry
from integration.models.drift import ComparedRecord, Drift, DriftKind, DriftState
from integration.models.erased import ErasedAddress
from integration.models.integration import Cursor, Doorbell, Integration, State
from integration.models.link import LinkState, RecordLink
from integration.models.mapping import Direction, FieldMapping
from integration.models.schema_change import ChangeKind, SchemaChange
from integration.models.sunset import VendorSunset
from integration.models.sync import JobState, Outcome, RunState, SyncJob, SyncLog, SyncRun, Unfinished, VendorCall
from integration.models.webhook import (
    LONGEST_ID,
    UNROUTED,
    EventState,
    RemoteSubscription,
    WebhookEndpoint,
    WebhookEvent,
    WebhookHabit,
)

__all__ = [
    "AccountClaim",
    "AuthenticatorApp",
    "Alert",
    "AlertKind",
    "AlertNotice",
    "Brake",
    "BreakGlassUse",
    "BrakeKind",
    "ChangeKind",
    "Channel",
    "ComparedRecord",
    "ClaimState",
    "Connection",
    "ConsentEntry",
    "Cursor",
    "Direction",
    "ReferenceCache",
    "Doorbell",
    "Drift",
    "DriftKind",
    "DriftState",
    "ErasedAddress",
    "IdentityIndex",
    "EventState",
    "FieldMapping",
    "Health",
    "Integration",
    "JobState",
    "LONGEST_ID",
    "LinkState",
    "Moment",
    "NoticeState",
    "Outcome",
    "RateBudget",
    "RecordLink",
    "RemoteSubscription",
    "RunState",
    "SchemaChange",
    "State",
    "SyncJob",
    "SyncLog",
    "SyncRun",
    "UNROUTED",
    "Unfinished",
    "VendorCall",
    "VendorSunset",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookHabit",
]
