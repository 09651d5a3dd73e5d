"""Which records are merged, and which leads converted?"""

from __future__ import annotations

from syncd.sandbox.scripts_org import Body, OrgLacks, Present, Row, Step, save

PAIRS, CONVERTED = 3, 3


def merges(org: Present) -> list[Step]:
    """Let an admin merge leads that share an e-mail address, or where no two do, a company."""
    user = org.admin()
    open_leads = [row for row in org.rows["Lead"] if not row["IsDeleted"] and not row["IsConverted"]]
    pairs = _pairs(open_leads, "Email") or _pairs(open_leads, "Company")
    if not pairs:
        message = "the org has no two open leads with one e-mail address or company, and merges need them"
        raise OrgLacks(f"{message}. Load such leads with --load, or serve the org with --company.")
    chosen = sorted(org.rng.sample(pairs, min(PAIRS, len(pairs))), key=lambda pair: str(pair[0]["Id"]))
    return [
        Step(
            org.at(30 + 15 * number),
            f"{user} merges {loser['Name']} into {winner['Name']}",
            (save(user, [_merge(winner, loser)]),),
        )
        for number, (winner, loser) in enumerate(chosen)
    ]


def _pairs(leads: list[Row], field: str) -> list[tuple[Row, Row]]:
    """Pair the first two leads, in id order, of each value of a field."""
    same: dict[str, list[Row]] = {}
    for row in leads:
        if row[field]:
            same.setdefault(row[field].lower(), []).append(row)
    return [(rows[0], rows[1]) for rows in same.values() if len(rows) > 1]


def _merge(winner: Row, loser: Row) -> Body:
    return {"op": "merge", "object": "Lead", "id": winner["Id"], "fields": {"loser": loser["Id"]}}


def conversions(org: Present) -> list[Step]:
    """Let owners convert leads: the last without an opportunity."""
    first = org.first_status()
    converted = [str(row["ApiName"]) for row in org.statuses if row["IsConverted"]]
    if not converted:
        message = "no lead status of the org converts, and conversions need one"
        raise OrgLacks(f"{message}. Give one IsConverted=true in LeadStatus.csv.")
    leads = org.leads(
        CONVERTED,
        lambda lead: bool(lead["Company"]) and lead["Status"] != first and lead["OwnerId"] in org.users,
        what=f"open lead of a user beyond status {first!r}",
    )
    steps: list[Step] = []
    for number, lead in enumerate(leads):
        owner = org.users[lead["OwnerId"]]
        options = {"convertedStatus": converted[0]} | ({"doNotCreateOpportunity": True} if number == CONVERTED - 1 else {})
        edit: Body = {"op": "convert", "object": "Lead", "id": lead["Id"], "fields": options}
        steps.append(
            Step(org.at(40 + 50 * number), f"{owner['Name']} converts {lead['Name']}", (save(owner["Username"], [edit]),))
        )
    return steps
