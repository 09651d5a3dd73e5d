"""What else changes when an opportunity's stage, amount or close date does?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncd.sandbox import deeds

if TYPE_CHECKING:
    from syncd.sandbox.org import Org
    from syncd.sandbox.save import How

_CATEGORY_OF_NAME = {"Best Case": "BestCase", "Most Likely": "MostLikely", "Commit": "Forecast"}


def derive(org: Org, before: Mapping[str, Any] | None, values: dict[str, Any], at: str) -> None:
    """Complete `values` with everything Salesforce works out itself.

    A stage the org does not list is accepted (the picklist is unrestricted) and leaves the deal open.
    """
    old = before or {}
    stage = values.get("StageName")
    if stage is not None and (before is None or stage != before["StageName"]):
        values.update(
            {
                name: value
                for name, value in stage_facts(org, stage, old).items()
                if name not in values or values[name] is None or name in ("IsClosed", "IsWon", "ForecastCategory")
            }
        )
        if before is not None:
            values["LastStageChangeDate"] = at
    name = values.get("ForecastCategoryName")
    if name is not None:
        values["ForecastCategory"] = _CATEGORY_OF_NAME.get(name, name)
    amount, probability = (values.get(field, old.get(field)) for field in ("Amount", "Probability"))
    values["ExpectedRevenue"] = None if amount is None else round(amount * (probability or 0) / 100, 2)
    _close_date(before, values)


def stage_facts(org: Org, stage: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """Say what a stage means for the deal: closed, won, probability, forecast."""
    row = org.stage(stage)
    if row is None:
        return {
            "IsClosed": 0,
            "IsWon": 0,
            "Probability": old.get("Probability") or 0.0,
            "ForecastCategory": "Pipeline",
            "ForecastCategoryName": "Pipeline",
        }
    return {
        "IsClosed": row["IsClosed"],
        "IsWon": row["IsWon"],
        "Probability": row["DefaultProbability"],
        "ForecastCategory": row["ForecastCategory"],
        "ForecastCategoryName": row["ForecastCategoryName"],
    }


def fiscal(close_on: str | None) -> dict[str, Any]:
    """Name the fiscal period of a close date, for a year that starts in January."""
    if close_on is None:
        return {"FiscalYear": None, "FiscalQuarter": None, "Fiscal": None}
    year, quarter = int(close_on[:4]), (int(close_on[5:7]) + 2) // 3
    return {"FiscalYear": year, "FiscalQuarter": quarter, "Fiscal": f"{year} {quarter}"}


def _close_date(before: Mapping[str, Any] | None, values: dict[str, Any]) -> None:
    close_on = values.get("CloseDate")
    if close_on is None:
        return
    values.update(fiscal(close_on))
    if before is None:
        values["PushCount"] = 0
    elif before["CloseDate"] and close_on[:7] > before["CloseDate"][:7]:
        values["PushCount"] = (before["PushCount"] or 0) + 1


def keep_one_primary(org: Org, role: Mapping[str, Any], how: How) -> None:
    """Take the primary flag from the opportunity's other contact roles when `role` has it."""
    if not role.get("IsPrimary"):
        return
    for other in org.database.where("OpportunityContactRole", OpportunityId=role["OpportunityId"], IsPrimary=1):
        if other["Id"] != role["Id"]:
            org.database.update("OpportunityContactRole", other["Id"], {"IsPrimary": 0, "SystemModstamp": how.stamp})
            deeds.record_changes(org, org.schema.get("OpportunityContactRole"), other, {"IsPrimary": 0}, how)
