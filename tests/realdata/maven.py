"""Maven Analytics, CRM Sales Opportunities: the pipeline of a hardware seller as an org.

Every row is an opportunity with one contact and one contact role of its own; agents and their managers are users.
Columns that the data lacks are filled so that they rather make a deal look stalled than not:

- Closed deals keep the day of engagement as LastStageChangeDate: only their being closed keeps them from stalling.
- Prospecting deals have no date; they are created on the first day of the data.
- CloseDate of an open deal is 138 days after its engagement, the longest that a closed deal took; without one, the end of
  the next quarter.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from tests.realdata.tables import read_rows, write_rows

NOW = "2017-12-31T00:00:00Z"
LIMIT_DAYS = 138
CAMPAIGN = "Engaged Once"
_FIRST_DAY = "2016-10-20"
_NEXT_QUARTER_END = "2018-03-31"


def write_org(data: Path, folder: Path) -> None:
    """Write the load folder."""
    deals = read_rows(data / "sales_pipeline.csv")
    _people(data, folder)
    _accounts(data, folder)
    write_rows(
        folder,
        "Contact",
        ("LastName", "Email", "Account.Name", "CreatedDate", "Deal_Id__c:external"),
        (
            {
                "LastName": f"Buyer {deal['opportunity_id']}",
                "Email": f"{deal['opportunity_id'].lower()}@buyer.example",
                "Account.Name": deal["account"],
                "CreatedDate": f"{_FIRST_DAY}T00:00:00Z",
                "Deal_Id__c:external": deal["opportunity_id"],
            }
            for deal in deals
        ),
    )
    write_rows(
        folder,
        "Opportunity",
        ("Name", "StageName", "Amount", "CloseDate", "Owner.Username", "Account.Name", "CreatedDate", "LastStageChangeDate",
         "Deal_Id__c:external", "Product__c"),
        map(_opportunity, deals),
    )  # fmt: skip
    write_rows(
        folder,
        "OpportunityContactRole",
        ("Opportunity.Deal_Id__c", "Contact.Deal_Id__c", "IsPrimary"),
        (
            {"Opportunity.Deal_Id__c": id, "Contact.Deal_Id__c": id, "IsPrimary": "true"}
            for id in (deal["opportunity_id"] for deal in deals)
        ),
    )
    write_rows(folder, "Campaign", ("Name", "IsActive"), [{"Name": CAMPAIGN, "IsActive": "true"}])


def username(name: str) -> str:
    """Return the username of an agent or manager."""
    return name.lower().replace(" ", ".").replace("'", "") + "@maven.example"


def _opportunity(deal: dict[str, str]) -> dict[str, str]:
    engaged_on = deal["engage_date"]
    close_on = deal["close_date"]
    if not close_on:
        close_on = str(date.fromisoformat(engaged_on) + timedelta(days=LIMIT_DAYS)) if engaged_on else _NEXT_QUARTER_END
    return {
        "Name": f"{deal['account'] or 'No account'}: {deal['product']} {deal['opportunity_id']}",
        "StageName": deal["deal_stage"],
        "Amount": deal["close_value"],
        "CloseDate": close_on,
        "Owner.Username": username(deal["sales_agent"]),
        "Account.Name": deal["account"],
        "CreatedDate": f"{engaged_on or _FIRST_DAY}T00:00:00Z",
        "LastStageChangeDate": f"{engaged_on}T00:00:00Z" if engaged_on else "",
        "Deal_Id__c:external": deal["opportunity_id"],
        "Product__c": deal["product"],
    }


def _people(data: Path, folder: Path) -> None:
    teams = read_rows(data / "sales_teams.csv")
    managers = {row["manager"]: {"manager": "", "regional_office": row["regional_office"]} for row in teams}
    agents = {row["sales_agent"]: row for row in teams}
    write_rows(
        folder,
        "User",
        ("Username", "FirstName", "LastName", "Email", "Profile.Name", "Manager.Username", "Department"),
        (
            {
                "Username": username(name),
                "FirstName": name.split(" ", 1)[0],
                "LastName": name.split(" ", 1)[1],
                "Email": username(name),
                "Profile.Name": "Sales User",
                "Manager.Username": username(row["manager"]) if row["manager"] else "",
                "Department": row["regional_office"],
            }
            for name, row in {**managers, **agents}.items()
        ),
    )


def _accounts(data: Path, folder: Path) -> None:
    write_rows(
        folder,
        "Account",
        ("Name", "Industry", "NumberOfEmployees", "BillingCountry", "Parent.Name"),
        (
            {
                "Name": row["account"],
                "Industry": row["sector"],
                "NumberOfEmployees": row["employees"],
                "BillingCountry": row["office_location"],
                "Parent.Name": row["subsidiary_of"],
            }
            for row in read_rows(data / "accounts.csv")
        ),
    )
