"""Are an export's columns recognised, no opt-out lost, and is what is written a mapping that the check accepts?"""

from __future__ import annotations

import csv
import json
import os
import shlex
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from syncd.engine.schema import SCHEMA, schema_to_json
from syncd.ports import FieldSchema, ObjectSchema
from syncd.store.sql import SqlStore
from tests.cli.conftest import Syncd, person

PRECISION_MIN, RECALL_MIN = 0.95, 0.9
SOURCES = ("Web", "Event", "Referral", "Partner")
DATA = Path(os.environ.get("SYNCD_SHARED_DATA", "/nowhere"))


def _schema(object: str, plain: Mapping[str, str]) -> ObjectSchema:
    made = {}
    for name, kind in plain.items():
        picks = SOURCES if kind == "picklist" else ()
        made[name] = FieldSchema(
            name, kind, 255, kind != "id", True, name == "MA_Person_Id__c", picks, label=name.replace("__c", "")
        )
    return ObjectSchema(object, made, is_updateable=True, is_createable=True)


_BOTH = {
    "Id": "id", "Email": "email", "FirstName": "string", "LastName": "string", "Title": "string", "Phone": "phone",
    "LeadSource": "picklist", "HasOptedOutOfEmail": "boolean", "MA_Person_Id__c": "string", "OwnerId": "reference",
    "Last_Webinar__c": "date", "Preferred_Language__c": "string", "Is_Customer__c": "boolean",
}  # fmt: skip
_LEAD = {
    "Company": "string", "City": "string", "PostalCode": "string", "Country": "string", "Status": "picklist",
    "Lead_Score__c": "double", "NumberOfEmployees": "int", "Website": "url",
}  # fmt: skip
_CONTACT = {"MailingCity": "string", "MailingPostalCode": "string", "MailingCountry": "string", "Department": "string"}
ORG = {"Lead": _schema("Lead", {**_BOTH, **_LEAD}), "Contact": _schema("Contact", {**_BOTH, **_CONTACT})}

# What the header of a tool's export means, as the vendors' own descriptions have it: column -> role or field.
TRUTH: dict[str, dict[str, str]] = {
    "marketo": {
        "id": "", "email": "email", "firstName": "FirstName", "lastName": "LastName", "company": "Company", "title": "Title",
        "leadScore": "Lead_Score__c", "leadStatus": "", "leadSource": "LeadSource", "unsubscribed": "opted_out",
        "emailInvalid": "unreachable", "numberOfEmployees": "NumberOfEmployees", "updatedAt": "newest", "relativeUrgency": "",
    },
    "account_engagement": {
        "id": "", "email": "email", "first_name": "FirstName", "last_name": "LastName", "job_title": "Title", "city": "City",
        "zip": "PostalCode", "score": "Lead_Score__c", "opted_out": "opted_out", "is_do_not_email": "opted_out",
        "crm_lead_fid": "id", "updated_at": "newest", "grade": "",
    },
    "hubspot": {
        "Record ID": "", "First Name": "FirstName", "Last Name": "LastName", "Email": "email", "Phone Number": "Phone",
        "Job Title": "Title", "Company Name": "Company", "Country/Region": "Country", "Postal Code": "PostalCode",
        "Lifecycle Stage": "", "Lead Status": "", "HubSpot Score": "Lead_Score__c", "Unsubscribed from all email": "opted_out",
        "Last Modified Date": "newest", "Contact owner": "", "Website URL": "Website",
    },
    "klaviyo": {
        "Email": "email", "Klaviyo ID": "", "First Name": "FirstName", "Last Name": "LastName",
        "Email Marketing Consent": "opted_out",
        "Email Suppressions": "opted_out", "Profile Created On": "", "Last Active": "newest",
        "Preferred Language": "Preferred_Language__c",
    },
    "unknown": {
        "E-Mail": "email", "Vorname": "FirstName", "Nachname": "LastName", "Firma": "Company", "Ort": "City", "PLZ": "PostalCode",
        "Opt-In": "opted_out", "Last Webinar": "Last_Webinar__c", "Geändert": "",
    },
}  # fmt: skip
CELLS: dict[str, Sequence[str]] = {
    "email": [f"p{n}@example.com" for n in range(40)], "leadScore": [str(n * 3) for n in range(40)],
    "opted_out": ["0", "1", "0", "0"], "is_do_not_email": ["0", "0", "1", "0"], "unsubscribed": ["false", "true", "false"],
    "emailInvalid": ["false", "false", "true"], "Unsubscribed from all email": ["No", "No", "Yes"],
    "Opt-In": ["ja", "nein", "ja"],
    "Email Marketing Consent": ["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"],
    "Email Suppressions": ["", "SPAM_COMPLAINT", "HARD_BOUNCE"],
    "crm_lead_fid": [f"00Q5e00000A1b{n:02}EAB" for n in range(40)], "Last Webinar": ["2026-01-10", "2026-02-11", ""],
    "LeadSource": SOURCES, "leadSource": SOURCES,
}  # fmt: skip
_TIMES = ("updatedAt", "updated_at", "Last Modified Date", "Last Active")


def cells_of(column: str, role: str, row: int) -> str:
    if role == "email":
        return f"p{row}@example.com"
    if column in _TIMES:
        return f"2026-02-{row % 27 + 1:02} 10:00:00"
    if column in CELLS:
        return CELLS[column][row % len(CELLS[column])]
    if role in ("Lead_Score__c", "NumberOfEmployees"):
        return str(row * 7 % 100)
    return f"{column[:3]} {row}"


def write(path: Path, truth: Mapping[str, str], rows: int = 40, *, names: Mapping[str, str] | None = None) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([(names or {}).get(column, column) for column in truth])
        writer.writerows([cells_of(column, role, row) for column, role in truth.items()] for row in range(rows))
    return path


def found_in(document: Mapping[str, Any]) -> dict[str, str]:
    """Return what is proposed as sure, by column: the role, or the field."""
    found = {}
    for one in document["columns"]:
        if one["sure"]:
            field = one["options"].get("field")
            name = (field.get("Lead") or field["Contact"]) if isinstance(field, dict) else field
            found[one["column"]] = one["role"] if one["role"] != "field" else name
    return found


@pytest.fixture
def org(home: Path, store: SqlStore) -> SqlStore:
    """Give a database that knows the org's fields, and nobody."""
    assert home.is_dir()
    with store.begin() as tx:
        tx.put_setting(SCHEMA, {"asked": list(ORG), "objects": schema_to_json(ORG)})
    return store


@pytest.mark.usefixtures("org")
def test_the_columns_of_known_tools_are_found_hardly_a_wrong_one_and_the_check_accepts_it(syncd: Syncd, tmp_path: Path) -> None:
    right = wrong = wanted = 0
    told = []
    for tool, truth in TRUTH.items():
        out = tmp_path / f"{tool}.toml"
        said = syncd("mapping", "suggest", write(tmp_path / f"{tool}.csv", truth), "--out", out, "--json")
        assert said.code == 0, said.err
        checked = syncd("mapping", "check", out, "--json")
        assert (checked.code, checked.json["against_org"]) == (0, True), checked.out
        assert 'mode = "observe"' in out.read_text("utf-8")
        found = found_in(said.json)
        right += sum(truth[column] == role for column, role in found.items())
        wrong += sum(truth[column] != role for column, role in found.items())
        wanted += sum(bool(role) for role in truth.values())
        missed = {column: role for column, role in truth.items() if role and found.get(column) != role}
        strange = [column for column in found if truth[column] != found[column]]
        told.append(f"{tool}: {len(found)} proposed, missed {missed}, wrong {strange}")
        opt_outs = {column for column, role in truth.items() if role == "opted_out"}
        assert opt_outs <= {one["column"] for one in said.json["columns"] if one["role"] == "opted_out"}
    assert right / (right + wrong) >= PRECISION_MIN, told
    assert right / wanted >= RECALL_MIN, told


def test_columns_without_a_name_are_found_by_the_values_of_people(syncd: Syncd, org: SqlStore, tmp_path: Path) -> None:
    truth = {"a": "email", "b": "LastName", "c": "Preferred_Language__c", "d": "Lead_Score__c", "e": "opted_out", "f": "external"}
    rows = [
        [f"p{n}@example.com", f"Name{n}", ("de", "fr", "en")[n % 3], str(n * 5 % 97), ("N", "J")[n % 4 == 0], str(7000 + n * 13)]
        for n in range(60)
    ]
    path = tmp_path / "export.csv"
    text = "\n".join([",".join(truth), *(",".join(["Y" if cell == "J" else cell for cell in row]) for row in rows)])
    path.write_text(text, "utf-8")
    names = ("Email", "LastName", "Preferred_Language__c", "Lead_Score__c", "HasOptedOutOfEmail", "MA_Person_Id__c")
    records = []
    for n, row in enumerate(rows):
        values: dict[str, Any] = {
            **dict(zip(names, row, strict=True)),
            "Lead_Score__c": n * 5 % 97 + n % 2,
            "HasOptedOutOfEmail": n % 4 == 0,
        }
        records.append(person("Lead", f"00Q5e00000A{n:04}EAB"[:18], **values))
    with org.begin() as tx:
        tx.mirror(records)
    document = syncd("mapping", "suggest", path, "--json").json
    assert document["people_compared"] == 60
    assert found_in(document) == truth


def test_ids_of_another_tool_that_merely_grow_with_the_fields_are_no_key(syncd: Syncd, org: SqlStore, tmp_path: Path) -> None:
    path = tmp_path / "prospects.csv"
    path.write_text("id,email\n" + "".join(f"{30_000_000 + n},p{n}@example.com\n" for n in range(60)), "utf-8")
    people = [{"Email": f"p{n}@example.com", "MA_Person_Id__c": str(7000 + n)} for n in range(60)]
    with org.begin() as tx:
        tx.mirror([person("Lead", f"00Q5e00000A{n:04}EAB"[:18], **one) for n, one in enumerate(people)])
    document = syncd("mapping", "suggest", path, "--json").json
    assert document["people_compared"] == 60
    assert found_in(document) == {"email": "email"}


def test_a_column_that_sounds_like_an_opt_out_is_never_left_out(syncd: Syncd, tmp_path: Path) -> None:
    names = ("unsubscribed_at", "Do Not Mail", "optout", "newsletter_consent", "suppressed", "unsub reason")
    path = tmp_path / "people.csv"
    cells = ",2026-01-01" * len(names)
    path.write_text(f"email,{','.join(names)},Company\na@example.com{cells},Acme\n", "utf-8")
    said = syncd("mapping", "suggest", path, "--out", tmp_path / "people.toml")
    assert said.code == 0, said.err
    text = (tmp_path / "people.toml").read_text("utf-8")
    for name in names:
        assert f'# [column."{name}"]' in text
        assert f"'{name}'" in said.err
    first = [line.split("  ")[0] for line in said.out.splitlines()[1 : len(names) + 1]]
    assert set(first) == set(names)


def test_words_blanks_and_channels_that_the_tool_is_not_known_for_are_asked_about(syncd: Syncd, tmp_path: Path) -> None:
    header = "Email,Klaviyo ID,First Name,Email Marketing Consent,Profile Created On,Email Suppressions,SMS Marketing Consent"
    rows = [f"p{n}@example.com,K{n},Ana,SUBSCRIBED,2026-01-01,{['', 'UNSUBSCRIBE_2'][n % 2]}," for n in range(9)]
    (tmp_path / "k.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    text = syncd("mapping", "suggest", "k.csv").out
    assert "# check that none of the others means an opt-out or a dead address: 'UNSUBSCRIBE_2'\n" in text
    assert "# 50 %: its name sounds like consent, but of sms rather than e-mail\n" in text
    assert '\n# [column."SMS Marketing Consent"]\n' in text
    header = "Record ID,First Name,Email,Lifecycle Stage,Lead Status,Contact owner,Unsubscribed from all email"
    rows = [f"{n},Ana,p{n}@example.com,Lead,New,Sam,{['', 'true'][n % 2]}" for n in range(9)]
    (tmp_path / "h.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    text = syncd("mapping", "suggest", "h.csv").out
    assert 'false = ["false", "No", "FALSE", ""]' in text
    assert "cells are blank" not in text, "a blank is a no for this tool already"


def test_an_opt_out_without_a_value_in_any_row_is_proposed_so_that_it_excludes_nobody(syncd: Syncd, tmp_path: Path) -> None:
    header = "id,email,score,opted_out,is_do_not_email,crm_lead_fid,last_activity_at"
    rows = [f"{n},p{n}@example.com,3,{n % 2},,," for n in range(9)]
    (tmp_path / "p.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    columns = tomllib.loads(syncd("mapping", "suggest", "p.csv").out)["column"]
    assert (columns["is_do_not_email"]["null"], "null" in columns["opted_out"]) == ([""], False)


def test_an_export_without_any_key_or_text_is_refused_in_words(syncd: Syncd, tmp_path: Path) -> None:
    for name, content, says in (
        ("empty.csv", b"", "is empty"),
        ("twice.csv", b"email,email\na@x.com,b@x.com\n", "'email' twice"),
        ("nobody.csv", b"colour,size\nred,3\n", "no row could be tied to a person"),
        ("paper.pdf", b"%PDF-1.7 ...", "PDF"),
    ):
        (tmp_path / name).write_bytes(content)
        said = syncd("mapping", "suggest", name)
        assert (said.code, said.out) == (2, "")
        assert says in said.err
        assert "next:" in said.err


@pytest.mark.parametrize(
    ("address", "opted_out"),
    [
        ("E-Mail", "Newsletter opt-out"), ("E-Mail-Adresse", "Abgemeldet"), ("Adresse e-mail", "Désinscrit"),
        ("Correo electrónico", "Cancelo suscripción"), ("Indirizzo e-mail", "Disiscritto"), ("E-mailadres", "Uitgeschreven"),
    ],
)  # fmt: skip
def test_an_address_column_is_found_in_many_languages_where_some_cells_hold_none(
    syncd: Syncd, tmp_path: Path, address: str, opted_out: str
) -> None:
    export = tmp_path / "people.csv"
    export.write_text(
        f"Nr;{address};{opted_out}\n1;ana@example.com;no\n2;bo@example.com;yes\n3;cy@nowhere;no\n", encoding="utf-8"
    )
    shown = syncd("mapping", "suggest", export)
    assert shown.code == 0, shown.err
    written = tomllib.loads(shown.out)
    assert written["match"]["email"] == address
    assert "67% of its cells are e-mail addresses" in shown.out
    assert written["column"][opted_out]["flag"] == "opted_out"


def test_where_no_mapping_can_be_made_the_opt_outs_are_named_all_the_same(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("email,unsub reason\na@x.com,too many mails\n", "utf-8")
    said = syncd("mapping", "suggest", "few.csv", "--out", "few.toml")
    assert said.code == 2
    assert "like an opt-out: 'unsub reason'" in said.err
    assert not (tmp_path / "few.toml").exists()
    listed = syncd("mapping", "suggest", "few.csv", "--json")
    assert listed.code == 2
    assert [one["role"] for one in listed.json["columns"]] == ["opted_out", "email"]


def test_an_existing_mapping_is_never_overwritten(syncd: Syncd, tmp_path: Path) -> None:
    path = write(tmp_path / "marketo.csv", TRUTH["marketo"])
    (tmp_path / "mine.toml").write_text("mine", "utf-8")
    assert syncd("mapping", "suggest", path, "--out", "mine.toml").code == 1
    assert (tmp_path / "mine.toml").read_text("utf-8") == "mine"


def test_when_and_why_somebody_left_is_asked_about_and_taken_for_no_yes(syncd: Syncd, tmp_path: Path) -> None:
    (tmp_path / "g.csv").write_text("Email,Abgemeldet am,Abgemeldet\na@example.com,,ja\n", "utf-8")
    text = syncd("mapping", "suggest", "g.csv").out
    assert '\n# [column."Abgemeldet am"]\n' in text
    assert '\n[column."Abgemeldet"]\n' in text


def test_the_next_step_can_be_pasted_whatever_the_paths_are(syncd: Syncd, home: Path) -> None:
    (home / "my leads.csv").write_text("Email,First Name,Unsubscribed\na@example.com,Ana,true\n", "utf-8")
    (home / "my maps").mkdir()
    said = syncd("--config", home, "mapping", "suggest", "my leads.csv", "--out", "my maps/acme.toml").err
    step = said.split("Next: ")[1].split("\n")[0]
    assert step == f"syncd --config {home} mapping check 'my maps/acme.toml' --with 'my leads.csv'"
    assert syncd(*shlex.split(step)[1:]).code == 0
    for name in ("My Map.toml", "acme.txt"):
        refused = syncd("mapping", "suggest", "my leads.csv", "--out", name)
        assert (refused.code, (home / name).exists()) == (2, False)
        assert "is no name for a mapping. Name it in small letters, such as marketo.toml." in refused.err


def test_the_encoding_and_the_delimiter_are_proposed(syncd: Syncd, tmp_path: Path) -> None:
    text = "E-Mail;Vorname;Ort;Opt-In\n" + "".join(f"p{n}@example.com;Jürgen;Köln;ja\n" for n in range(30))
    (tmp_path / "kunden.csv").write_bytes(text.encode("cp1252"))
    document = syncd("mapping", "suggest", "kunden.csv", "--json").json
    assert (document["encoding"], document["delimiter"], document["source"]) == ("cp1252", ";", "kunden")


# What the 129 columns of a real bulk extract are, where a field of nearly any org has them.
MARKETO = {
    "email": "email", "unsubscribed": "opted_out", "emailInvalid": "unreachable", "updatedAt": "newest", "company": "Company",
    "website": "Website", "annualRevenue": "AnnualRevenue", "numberOfEmployees": "NumberOfEmployees", "industry": "Industry",
    "salutation": "Salutation", "firstName": "FirstName", "lastName": "LastName", "phone": "Phone", "mobilePhone": "MobilePhone",
    "fax": "Fax", "title": "Title", "dateOfBirth": "Birthdate", "address": "Street", "city": "City", "state": "State",
    "country": "Country", "postalCode": "PostalCode", "doNotCall": "DoNotCall", "department": "Department",
    "leadSource": "LeadSource", "rating": "Rating",
}  # fmt: skip


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="SYNCD_SHARED_DATA does not name a folder of public sample data")
def test_a_real_bulk_extract_with_129_columns_is_proposed(syncd: Syncd, home: Path, store: SqlStore) -> None:
    from syncd.salesforce.rows import object_schema

    org = {}
    for object in ("Lead", "Contact"):
        body = json.loads((DATA / "describe" / f"{object}.json").read_text("utf-8"))
        one = object_schema(body)
        opt_out = FieldSchema("HasOptedOutOfEmail", "boolean", 0, True, True, False, label="Email Opt Out")
        org[object] = ObjectSchema(object, {**one.fields, opt_out.name: opt_out}, is_updateable=True, is_createable=True)
    with store.begin() as tx:
        tx.put_setting(SCHEMA, {"asked": list(org), "objects": schema_to_json(org)})
    said = syncd("mapping", "suggest", DATA / "marketo" / "lead_extract.csv", "--json")
    found = found_in(said.json)
    right = {column for column in MARKETO if found.get(column) == MARKETO[column]}
    told = (f"{len(right)} of {len(MARKETO)}", sorted(set(found) - right), sorted(set(MARKETO) - right))
    assert len(right) / len(found) >= PRECISION_MIN, told
    assert len(right) / len(MARKETO) >= RECALL_MIN, told


@pytest.mark.sweep
def test_a_workbook_and_a_set_of_files_are_proposed_as_they_are_packed(syncd: Syncd, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "leads.xlsx") as book:
        sheet = book.add_worksheet("People")
        for row, cells in enumerate(
            [["Email", "First Name", "Unsubscribed"], *([f"p{n}@x.com", f"N{n}", "no"] for n in range(9))]
        ):
            sheet.write_row(row, 0, cells)
        book.add_worksheet("Notes")
    header = "Email Address,First Name,MEMBER_RATING,LAST_CHANGED,LEID,EUID,NOTES\n"
    with zipfile.ZipFile(tmp_path / "audience.zip", "w") as archive:
        for name in ("unsubscribed_1.csv", "subscribed_1.csv"):
            archive.writestr(name, header + "a@example.com,Ana,4,2026-02-27 08:00:00,1,2,\n")
    for name, says in (("leads.xlsx", 'sheet = "People"'), ("audience.zip", 'flag = { "unsubscribed*" = "opted_out"')):
        out = tmp_path / f"{name[:-4]}toml" if name.endswith("xlsx") else tmp_path / "mailchimp.toml"
        said = syncd("mapping", "suggest", name, "--out", out)
        assert said.code == 0, said.err
        assert says in out.read_text("utf-8")
        assert syncd("mapping", "check", out, "--with", name).code == 0


def test_dates_and_numbers_as_people_write_them_are_declared(syncd: Syncd, tmp_path: Path) -> None:
    rows = [f"p{n}@x.com;1.{n:03},50;{n % 28 + 1:02}.02.2026;{n % 28 + 1}.2.2026 14:05;nein" for n in range(40)]
    (tmp_path / "kunden.csv").write_text(
        "\n".join(["E-Mail;Annual Revenue;Birthdate;Last Modified;Opt-Out", *rows]) + "\n", "utf-8"
    )
    out = tmp_path / "kunden.toml"
    said = syncd("mapping", "suggest", "kunden.csv", "--out", out)
    assert said.code == 0, said.err
    values = tomllib.loads(out.read_text("utf-8"))
    assert (values["file"]["decimal"], values["file"]["thousands"], values["file"]["newest"]) == (",", ".", "Last Modified")
    assert values["column"]["Birthdate"]["formats"] == ["%d.%m.%Y"]
    assert values["column"]["Last Modified"] == {"type": "datetime", "formats": ["%d.%m.%Y %H:%M"]}
    held = syncd("mapping", "check", out, "--with", "kunden.csv", "--json")
    assert held.json["with"]["without_fault"] == 40, held.json["with"]["faults"]


def test_dates_whose_days_may_be_months_are_asked_about(syncd: Syncd, tmp_path: Path) -> None:
    rows = [f"p{n}@x.com,{n % 12 + 1}/{n % 9 + 1}/2026,no" for n in range(30)]
    (tmp_path / "people.csv").write_text("\n".join(["Email,Birthdate,Opt-Out", *rows]) + "\n", "utf-8")
    text = syncd("mapping", "suggest", "people.csv").out
    assert "cannot be told apart ('%d/%m/%Y' or '%m/%d/%Y')" in text
    assert '# [column."Birthdate"]' in text
