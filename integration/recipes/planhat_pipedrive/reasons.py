"""The reasons of Planhat ↔ Pipedrive: those of its own, and the others in its words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from integration.engine.api import ReasonKind, ReasonText
from integration.reasons import Reason, ReasonCode


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


REASONS = (
    ReasonText(
        Reason.DUPLICATE_EMAIL,
        ReasonKind.SKIP,
        _("Another person with the same email address is already synced."),
        _("Planhat recognizes End Users by their email address, and the person who came first is the End User."),
        _("Merge the two people in Pipedrive, or give one of them another email address."),
    ),
    ReasonText(
        Reason.REMOVED_AT_TARGET,
        ReasonKind.SKIP,
        _("The company was deleted in Planhat."),
        _("Lockstep deletes nothing because of it; the organization stays in Pipedrive."),
        _("Nothing to fix if this was intended."),
    ),
    ReasonText(
        Reason.DELETED_AT_SOURCE,
        ReasonKind.SKIP,
        _("The record was deleted in Pipedrive."),
        _("It is gone or in the bin there. Lockstep deletes nothing in Planhat."),
        _("Nothing to fix. Delete it in Planhat yourself if it should go there, too."),
    ),
    ReasonText(
        Reason.NOT_LINKED,
        ReasonKind.SKIP,
        _("No synced organization in Pipedrive belongs to this company."),
        _("The company did not come from Pipedrive, so there is nothing to update."),
        _("Nothing to fix."),
    ),
    ReasonText(
        Reason.BOTH_CHANGED,
        ReasonKind.SKIP,
        _("A field was changed in both apps; one of the changes was kept."),
        _("The setting “When both sides changed the same field, keep” says which one."),
        _("Nothing to fix. If the wrong change was kept, correct the value: the correction is synced."),
    ),
    ReasonText(
        PlanhatReason.DEAL_NOT_WON,
        ReasonKind.SKIP,
        _("The deal is not won."),
        _("“Which deals” in the settings is “Won deals only”."),
        _("Nothing to fix: it follows by itself once it is won. To sync all deals, change “Which deals”."),
    ),
    ReasonText(
        PlanhatReason.PIPELINE_NOT_SELECTED,
        ReasonKind.SKIP,
        _("The deal's pipeline is not selected."),
        _("Only deals of the pipelines ticked under “Pipelines” in the settings are synced."),
        _("Tick the pipeline in the settings, or move the deal. What was synced from it before stays."),
    ),
    ReasonText(
        PlanhatReason.DEAL_WITHOUT_ORGANIZATION,
        ReasonKind.SKIP,
        _("The deal has no organization."),
        _("Planhat keeps revenue, people and notes under a company, and this deal is linked to none."),
        _("Link an organization to the deal; it then syncs by itself."),
    ),
    ReasonText(
        PlanhatReason.NO_START_DATE,
        ReasonKind.SKIP,
        _("The deal has no start date."),
        _("The deal field chosen under “Start date” is empty, and the day it was won is missing or does not count."),
        _("Fill in the field in Pipedrive, or switch on “Without a start date, take the day the deal was won”."),
    ),
    ReasonText(
        PlanhatReason.DEAL_WITHOUT_VALUE,
        ReasonKind.SKIP,
        _("The deal has no value above zero."),
        _("Planhat accepts Licenses and Sales with a positive value only."),
        _("Give the deal a value in Pipedrive; it then syncs by itself. Its organization is synced all the same."),
    ),
    ReasonText(
        PlanhatReason.DEALS_NOT_RECEIVED,
        ReasonKind.SKIP,
        _("Deals are not sent to Planhat."),
        _(
            "“Deal → License or Sale” in the settings is “None”: the deal brings its organization, people and "
            "notes along."
        ),
        _("Nothing to fix. To send deals as well, choose “Receive from Pipedrive” in the settings."),
    ),
    ReasonText(
        PlanhatReason.NO_WON_DEAL,
        ReasonKind.SKIP,
        _("No deal brings this organization along."),
        _("An organization is synced with an eligible deal. This one has none and is not in Planhat."),
        _("Check its deals in Pipedrive: the settings say which deals, pipelines and start dates count."),
    ),
    ReasonText(
        PlanhatReason.COMPANY_NOT_SYNCED,
        ReasonKind.SKIP,
        _("Its company is not in Planhat."),
        _("People and notes are kept under their company, and no deal has brought that one along."),
        _("Nothing to fix if the company is no customer yet. Otherwise sync its organization, and the rest follows."),
    ),
    ReasonText(
        PlanhatReason.COMPANY_FAILED,
        ReasonKind.SKIP,
        _("Its company could not be saved."),
        _("A deal needs its company in Planhat first, and Planhat refused the company."),
        _("Find the organization in the activity and fix what it says. Its deals follow once it is synced again."),
    ),
    ReasonText(
        PlanhatReason.PERSON_WITHOUT_ORGANIZATION,
        ReasonKind.SKIP,
        _("The person has no organization."),
        _("An End User belongs to a company, and this person is linked to no organization."),
        _("Link the person to an organization in Pipedrive, then sync that organization."),
    ),
    ReasonText(
        PlanhatReason.DEAL_FIELD_MISSING,
        ReasonKind.HOLD,
        _("A pipeline or deal field that the settings use does not exist any more."),
        _("Somebody deleted it in Pipedrive."),
        _("Choose another one in the settings and save."),
    ),
)
