"""What is special about deals: stage and pipeline belong together, a status brings its times."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sandbox.http import Record
from sandbox.pipedrive.api import invalid
from sandbox.pipedrive.model import Company

STATUS_TIME = {"won": "won_time", "lost": "lost_time"}


def complete(company: Company, row: Record, values: Record, now: str) -> None:
    """Fill stage, pipeline and closing times of a new deal."""
    _check_status_keys(values, values.get("status", "open"))
    if "stage_id" in values:
        row["pipeline_id"] = _stage(company, values["stage_id"])["pipeline_id"]
    else:
        pipeline_id = values.get("pipeline_id") or _first(company, "pipeline")["id"]
        row["pipeline_id"] = pipeline_id
        row["stage_id"] = _first_stage(company, pipeline_id)["id"]
    if row.get("value") is None:
        row["value"] = 0
    row.update(_status_times(company, row, values, now))


def consequences(company: Company, old: Record, changes: Record, now: str) -> Record:
    """Return the changes plus what follows from them."""
    _check_status_keys(changes, changes.get("status", old["status"]))
    result = dict(changes)
    if "stage_id" in changes:
        result["pipeline_id"] = _stage(company, changes["stage_id"])["pipeline_id"]
    elif changes.get("pipeline_id", old["pipeline_id"]) != old["pipeline_id"]:
        result["stage_id"] = _first_stage(company, changes["pipeline_id"])["id"]
    if result.get("stage_id", old["stage_id"]) != old["stage_id"]:
        result["stage_change_time"] = now
    if "status" in changes and changes["status"] != old["status"]:
        result |= _status_times(company, {**old, **changes}, changes, now)
    if changes.get("is_archived") and not old["is_archived"]:
        result.setdefault("archive_time", now)
    return result


def _status_times(company: Company, row: Record, given: Record, now: str) -> Record:
    status = row["status"]
    times: Record = {"won_time": None, "lost_time": None, "close_time": None}
    times |= {"local_won_date": None, "local_lost_date": None, "local_close_date": None}
    if status not in STATUS_TIME:
        return times | ({} if given.get("lost_reason") else {"lost_reason": None})
    moment = given.get(STATUS_TIME[status]) or given.get("close_time") or now
    times |= {STATUS_TIME[status]: moment, "close_time": moment, "local_close_date": _day(company, moment)}
    times[f"local_{status}_date"] = _day(company, moment)
    if status == "won":
        times |= {"first_won_time": row.get("first_won_time") or moment, "lost_reason": None}
    return times


def _day(company: Company, moment: str) -> str:
    """The day of a moment as the people of the company see it."""
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(company.time_zone)).date().isoformat()


def _check_status_keys(values: Record, status: str | None) -> None:
    if values.get("lost_reason") and status != "lost":
        invalid("lost_reason", "Allowed only if the deal status is lost")
    for wanted, key in STATUS_TIME.items():
        if values.get(key) and status != wanted:
            invalid(key, f"Allowed only if the deal status is {wanted}")
    if values.get("close_time") and status not in STATUS_TIME:
        invalid("close_time", "Allowed only if the deal status is won or lost")


def _stage(company: Company, stage_id: int) -> Record:
    return company.tables["stage"].rows[stage_id]


def _first(company: Company, kind: str) -> Record:
    return min(company.tables[kind].living(), key=lambda row: (row["order_nr"], row["id"]))


def _first_stage(company: Company, pipeline_id: int) -> Record:
    stages = company.tables["stage"].where("pipeline_id", pipeline_id)
    if not stages:
        invalid("pipeline_id", f"Pipeline with ID {pipeline_id} has no stages")
    return min(stages, key=lambda row: (row["order_nr"], row["id"]))
