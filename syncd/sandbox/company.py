"""Which company does the emulated org hold in the demo, the rehearsals and the tests?

A B2B company with Marketing, an SDR team and Sales, a year and a half of lead and deal history, and the disorder of a
real org in known doses: tools that overwrite people, the same person twice, deals gone quiet, deals nobody is on.
The same seed and time give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from syncd.sandbox.company_campaigns import MEMBER_COLUMNS, MemberWriter, write_campaigns
from syncd.sandbox.company_deal_rows import write_accounts, write_contacts, write_deals, write_stages
from syncd.sandbox.company_deals import Deal, DealInventor
from syncd.sandbox.company_fence import INQUIRY, LEAD_STATUSES, QUALIFIED
from syncd.sandbox.company_leads import HISTORY_COLUMNS, LEAD_COLUMNS, Conversion, LeadWriter, write_history
from syncd.sandbox.company_people import demo_cast, write_people
from syncd.sandbox.company_tables import table
from syncd.sandbox.company_words import Addresses


def write_company(folder: Path, *, seed: int, now: datetime, leads: int = 5200, deals: int = 1240) -> None:
    """Write the demo company as a load folder of the emulated org.

    Shapes: one CSV per object, named after it; the folder is made when missing, files in it are overwritten.
    Units:  `now` aware UTC; no row is younger than `now`. Leads are streamed, so 100,000 take no more memory.
    Errors: ValueError for a naive `now`.
    """
    if now.tzinfo is None:
        message = f"the demo company needs an aware time, got {now}: give it a zone, e.g. tzinfo=UTC"
        raise ValueError(message)
    now = now.astimezone(UTC).replace(microsecond=0)
    folder.mkdir(parents=True, exist_ok=True)
    cast, addresses = demo_cast(), Addresses()
    write_people(folder, cast, now)
    write_stages(folder)
    _write_lead_statuses(folder)
    write_campaigns(folder, cast, now)
    inventor = DealInventor(Random(f"{seed} deals"), cast, now, addresses)
    accounts = inventor.accounts(max(3, deals * 4 // 7))
    invented = inventor.deals(accounts, deals)
    write_accounts(folder, accounts)
    write_contacts(folder, inventor.contacts())
    write_deals(folder, invented, now)
    writer = LeadWriter(Random(f"{seed} leads"), cast, now, addresses)
    with ExitStack() as files:
        lead_row = files.enter_context(table(folder, "Lead", LEAD_COLUMNS))
        history_row = files.enter_context(table(folder, "LeadHistory", HISTORY_COLUMNS))
        member_row = files.enter_context(table(folder, "CampaignMember", MEMBER_COLUMNS))
        members = MemberWriter(member_row, Random(f"{seed} members"), cast, now)
        for contact in inventor.contacts():
            members.join(contact.created_at, contact_id=contact.id)
        for row, story, conversion in writer.leads(leads, _conversions(invented)):
            lead_id = str(row[0])
            lead_row(row)
            write_history(history_row, lead_id, story, conversion)
            members.join(story.created_at, lead_id=lead_id)


def _write_lead_statuses(folder: Path) -> None:
    with table(folder, "LeadStatus", ("MasterLabel", "ApiName", "SortOrder", "IsDefault", "IsConverted")) as row:
        for order, status in enumerate(LEAD_STATUSES, 1):
            flags = [str(status == chosen).lower() for chosen in (INQUIRY, QUALIFIED)]
            row((status, status, order, *flags))


def _conversions(deals: Iterable[Deal]) -> list[Conversion]:
    """List the leads that became these deals' contacts; every tenth lost its opt-out on the way, as real ones do."""
    converted = [(deal, deal.converted) for deal in deals if deal.converted]
    return [
        Conversion(
            contact_id=contact.id,
            account_id=contact.account_id,
            opportunity_id=deal.id,
            owner=deal.owner,
            at=contact.created_at,
            first=contact.first,
            last=contact.last,
            company=contact.company,
            email=contact.email,
            title=contact.title,
            country=contact.country,
            person_id=contact.person_id,
            opted_out=contact.opted_out or number % 10 == 0,
        )
        for number, (deal, contact) in enumerate(converted, 1)
    ]
