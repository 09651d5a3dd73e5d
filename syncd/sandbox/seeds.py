"""What is in an org before anybody works in it?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from syncd.sandbox.org import Org

API_USERNAME, ADMIN_USERNAME = "syncd@sandbox.example", "admin@sandbox.example"
API_PROFILE = "Minimum Access - API Only Integrations"
_PROFILES = ("System Administrator", "Standard User", "Marketing User", "Sales User", API_PROFILE)
_ROLES = (
    ("CEO", None),
    ("VP Marketing", "CEO"),
    ("VP Sales", "CEO"),
    ("Marketing Operations", "VP Marketing"),
    ("Sales Development", "VP Sales"),
    ("Account Executive", "VP Sales"),
)
_LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
STAGES: tuple[tuple[str, int, str], ...] = (
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Value Proposition", 50, "Pipeline"),
    ("Id. Decision Makers", 60, "Pipeline"),
    ("Perception Analysis", 70, "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
)
_FIRST = (
    "Ada",
    "Ben",
    "Carla",
    "Dmitri",
    "Elif",
    "Femi",
    "Greta",
    "Hiro",
    "Ines",
    "Jonas",
    "Kavya",
    "Luca",
    "Mara",
    "Nils",
    "Olga",
    "Pablo",
    "Quynh",
    "Rosa",
    "Sami",
    "Tara",
)
_LAST = (
    "Abel",
    "Brandt",
    "Costa",
    "Duarte",
    "Eriksen",
    "Fischer",
    "Gomez",
    "Hansen",
    "Ito",
    "Jansen",
    "Kaya",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quinn",
    "Rossi",
    "Silva",
    "Tanaka",
)


def add(org: Org, name: str, values: Mapping[str, Any]) -> str:
    """Write a row of the org's own, outside the save path: no checks, no history."""
    sobject, at = org.schema.get(name), org.now_stamp()
    row: dict[str, Any] = {"Id": org.mint_id(sobject.key_prefix or "000")}
    system = {
        "CreatedDate": at,
        "LastModifiedDate": at,
        "SystemModstamp": at,
        "CreatedById": org.admin_id or None,
        "LastModifiedById": org.admin_id or None,
        "IsDeleted": 0,
    }
    for field in sobject.fields.values():
        if not field.stored or field.name == "Id":
            continue
        if field.name in values:
            row[field.name] = values[field.name]
        elif field.default is not None:
            row[field.name] = int(field.default == "true") if field.type == "boolean" else field.default
        elif field.name in system:
            row[field.name] = system[field.name]
        elif field.type == "boolean":
            row[field.name] = 0
    org.database.insert(name, row)
    return str(row["Id"])


def seed_system(org: Org) -> None:
    """Add what every org has and this one lacks: organization, profiles, roles, the admin, the API user."""
    seed_structure(org)
    seed_system_users(org)


def seed_structure(org: Org) -> None:
    """Add the organization, profiles and roles that users need."""
    if not org.database.where("Organization"):
        add(
            org,
            "Organization",
            {
                "Name": "Sandbox Org",
                "OrganizationType": "Developer Edition",
                "IsSandbox": 0,
                "LanguageLocaleKey": "en_US",
                "TimeZoneSidKey": "UTC",
                "InstanceName": "SBX1",
                "FiscalYearStartMonth": 1,
            },
        )
    for name in _PROFILES:
        if not org.database.where("Profile", Name=name):
            add(org, "Profile", {"Name": name, "UserType": "Standard"})
    if not org.database.where("UserRole"):
        for name, parent in _ROLES:
            above = org.database.where("UserRole", Name=parent)[0]["Id"] if parent else None
            add(org, "UserRole", {"Name": name, "DeveloperName": name.replace(" ", "_"), "ParentRoleId": above})


def seed_system_users(org: Org) -> None:
    """Add the admin and the API user, and make the admin the author of whatever has none yet."""
    _add_user(org, ADMIN_USERNAME, "Sandbox", "Admin", "System Administrator")
    _add_user(org, API_USERNAME, "syncd", "Integration", API_PROFILE)
    org.remember_system_ids()
    for table in ("Organization", "Profile", "UserRole", "User"):
        for column in ("CreatedById", "LastModifiedById"):
            org.database.connection.execute(
                " ".join(("UPDATE", f'"{table}"', "SET", f'"{column}" = ?', "WHERE", f'"{column}" IS NULL')), (org.admin_id,)
            )
    if not org.database.where("AssignmentRule"):
        add(org, "AssignmentRule", {"Name": "Lead routing", "SobjectType": "Lead", "Active": 0})


def _add_user(org: Org, username: str, first: str, last: str, profile: str) -> None:
    if org.database.where("User", Username=username):
        return
    profile_id = org.database.where("Profile", Name=profile)[0]["Id"]
    user_id = add(org, "User", user_values(username, first, last, profile_id))
    if username == ADMIN_USERNAME:
        org.admin_id = user_id


def user_values(username: str, first: str, last: str, profile_id: str, role_id: str | None = None) -> dict[str, Any]:
    """Make the fields of a plausible user."""
    return {
        "Username": username,
        "FirstName": first,
        "LastName": last,
        "Name": f"{first} {last}",
        "Email": username,
        "Alias": (first[:1] + last)[:8].lower(),
        "CommunityNickname": username.split("@")[0],
        "ProfileId": profile_id,
        "UserRoleId": role_id,
        "UserType": "Standard",
        "IsActive": 1,
    }


def seed_picklists(org: Org) -> None:
    """Give an org without picklist masters the usual lead statuses and opportunity stages."""
    if not org.database.where("LeadStatus"):
        for order, name in enumerate(_LEAD_STATUSES, 1):
            add_lead_status(org, name, order, converted=name == "Closed - Converted")
    if not org.database.where("OpportunityStage"):
        for order, (name, probability, category) in enumerate(STAGES, 1):
            add_stage(org, name, order, probability=probability, category=category)


def add_lead_status(org: Org, name: str, order: int, *, converted: bool) -> None:
    """Add one value of Lead.Status; the first is the default."""
    add(
        org,
        "LeadStatus",
        {"MasterLabel": name, "ApiName": name, "SortOrder": order, "IsDefault": int(order == 1), "IsConverted": int(converted)},
    )


def add_stage(
    org: Org, name: str, order: int, *, probability: float, category: str, closed: bool | None = None, won: bool | None = None
) -> None:
    """Add one value of Opportunity.StageName with what it stands for."""
    is_closed = category in ("Closed", "Omitted") if closed is None else closed
    is_won = category == "Closed" if won is None else won
    add(
        org,
        "OpportunityStage",
        {
            "MasterLabel": name,
            "ApiName": name,
            "SortOrder": order,
            "IsClosed": int(is_closed),
            "IsWon": int(is_won),
            "DefaultProbability": float(probability),
            "ForecastCategory": category,
            "ForecastCategoryName": category,
        },
    )


def seed_users(org: Org, count: int) -> None:
    """Add `count` plausible people: mostly account executives and sales development, some marketing."""
    chance = random.Random(org.seed)
    profiles = {row["Name"]: row["Id"] for row in org.database.where("Profile")}
    roles = [row["Id"] for row in org.database.where("UserRole")]
    for number in range(1, count + 1):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        username = f"{first}.{last}.{number}@sandbox.example".lower()
        profile = "Marketing User" if number % 4 == 0 else "Sales User"
        if not org.database.where("User", Username=username):
            add(org, "User", user_values(username, first, last, profiles[profile], chance.choice(roles)))
