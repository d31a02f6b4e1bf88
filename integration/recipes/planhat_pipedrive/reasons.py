"""Reasons of Planhat and Pipedrive alone."""

from __future__ import annotations

from integration.reasons import ReasonCode


class PlanhatReason(ReasonCode):
    """Why a record was skipped, failed or waits; the sync log stores the value."""

    DEAL_NOT_WON = "deal_not_won"
    PIPELINE_NOT_SELECTED = "pipeline_not_selected"
    DEAL_WITHOUT_ORGANIZATION = "deal_without_organization"
    NO_START_DATE = "no_start_date"
    DEAL_WITHOUT_VALUE = "deal_without_value"
    DEALS_NOT_RECEIVED = "deals_not_received"
    NO_WON_DEAL = "no_won_deal"
    COMPANY_NOT_SYNCED = "company_not_synced"
    COMPANY_FAILED = "company_failed"
    PERSON_WITHOUT_ORGANIZATION = "person_without_organization"
    DEAL_FIELD_MISSING = "deal_field_missing"
