"""Which picklists does loaded data bring with it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncd.sandbox import members
from syncd.sandbox.database import quoted
from syncd.sandbox.seeds import STAGES, add_lead_status, add_stage, seed_picklists

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

_MASTERS = frozenset({("Lead", "Status"), ("Opportunity", "StageName"), ("OpportunityHistory", "StageName")})
_OUTCOMES = ("IsClosed", "IsWon", "Probability", "ForecastCategory", "ForecastCategoryName")


class StageFacts:
    """Completes loaded opportunities with what their stage means, where the file does not say."""

    def __init__(self, org: Org, given: set[str]) -> None:
        self._missing = [name for name in _OUTCOMES if name not in given]
        self._stages: dict[str, dict[str, Any]] = {
            row["ApiName"].lower(): dict(row) | {"Probability": row["DefaultProbability"]}
            for row in org.database.where("OpportunityStage")
        }
        if not self._stages:
            self._stages = {name.lower(): guess_stage(name) for name, _, _ in STAGES}

    def complete(self, row: dict[str, Any]) -> None:
        """Fill in the outcome fields the file has no column for, and the expected revenue."""
        stage = str(row["StageName"])
        facts = self._stages.get(stage.lower()) or guess_stage(stage)
        for name in self._missing:
            row[name] = facts[name]
        if row["ExpectedRevenue"] is None and row["Amount"] is not None:
            row["ExpectedRevenue"] = round(row["Amount"] * (row["Probability"] or 0) / 100, 2)
        row["PushCount"] = row["PushCount"] or 0


def guess_stage(name: str) -> dict[str, Any]:
    """Say what a stage means that no OpportunityStage row explains: by the usual list, then by its words."""
    usual = {stage.lower(): (probability, category) for stage, probability, category in STAGES}
    lower = name.lower()
    if lower in usual:
        probability, category = usual[lower]
    elif "won" in lower.split() or lower.endswith("won"):
        probability, category = 100, "Closed"
    elif "lost" in lower:
        probability, category = 0, "Omitted"
    else:
        probability, category = 50, "Pipeline"
    return {
        "IsClosed": int(category != "Pipeline"),
        "IsWon": int(category == "Closed"),
        "Probability": float(probability),
        "ForecastCategory": category,
        "ForecastCategoryName": category,
    }


def finish(org: Org, files: Mapping[str, Path]) -> None:
    """Give the org the picklist values its loaded records use, and every campaign its member statuses."""
    if "lead" in files:
        _lead_statuses(org)
    if "opportunity" in files:
        _stages(org)
    seed_picklists(org)
    for stem in files:
        _other_picklists(org, stem)
    if "campaign" in files or "campaignmember" in files:
        _member_statuses(org)


def _in_order(org: Org, table: str, column: str) -> list[tuple[str, int]]:
    converted = ', MAX("IsConverted")' if table == "Lead" else ", 0"
    return org.database.connection.execute(
        " ".join(
            (
                "SELECT",
                quoted(column),
                converted,
                "FROM",
                quoted(table),
                "WHERE",
                quoted(column),
                "IS NOT NULL GROUP BY",
                quoted(column),
                "ORDER BY MIN(rowid)",
            )
        )
    ).fetchall()


def _lead_statuses(org: Org) -> None:
    known = {row["ApiName"].lower() for row in org.database.where("LeadStatus")}
    had_none = not known
    for name, converted in _in_order(org, "Lead", "Status"):
        if name.lower() not in known:
            known.add(name.lower())
            add_lead_status(org, name, len(known), converted=bool(converted) and had_none)
    if not org.database.where("LeadStatus", IsConverted=1) and known:
        add_lead_status(org, "Closed - Converted", len(known) + 1, converted=True)


def _stages(org: Org) -> None:
    known = {row["ApiName"].lower() for row in org.database.where("OpportunityStage")}
    for name, _ in _in_order(org, "Opportunity", "StageName"):
        if name.lower() not in known:
            known.add(name.lower())
            facts = guess_stage(name)
            add_stage(org, name, len(known), probability=facts["Probability"], category=facts["ForecastCategory"])


def _other_picklists(org: Org, stem: str) -> None:
    sobject = org.schema.get(stem)
    changed = []
    for field in sobject.fields.values():
        if (
            field.type in ("picklist", "combobox")
            and field.stored
            and not field.restricted
            and (sobject.name, field.name) not in _MASTERS
        ):
            values = tuple(name for name, _ in _in_order(org, sobject.name, field.name))
            if values:
                changed.append(replace(field, picklist=values))
    if changed:
        org.schema.replace(sobject.with_fields(changed))


def _member_statuses(org: Org) -> None:
    at = org.now_stamp()
    for campaign in org.database.where("Campaign"):
        if not org.database.where("CampaignMemberStatus", CampaignId=campaign["Id"]):
            members.add_default_statuses(org, campaign["Id"], org.admin_id, at)
    used = org.database.connection.execute(
        'SELECT "CampaignId", "Status", MAX("HasResponded") FROM "CampaignMember" WHERE "Status" IS NOT NULL '
        'GROUP BY "CampaignId", "Status" ORDER BY MIN(rowid)'
    ).fetchall()
    for campaign_id, label, responded in used:
        if not org.database.where("CampaignMemberStatus", CampaignId=campaign_id, Label=label):
            members.add_status(org, campaign_id, label, by=org.admin_id, at=at, responded=bool(responded))
