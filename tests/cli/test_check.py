"""Does `syncd check` find, in an org over HTTP, what would keep a cycle from working?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.cli.fence_findings import history_tracked, tracked_fields
from syncd.cli.finding import Level
from syncd.cli.findings import budget_left
from syncd.cli.paths import file_system_of
from syncd.ports import ApiUsage, FieldSchema, ObjectSchema
from syncd.sandbox.local import RunningOrg, running
from syncd.store.sql import open_store
from tests.cli.conftest import CONFIG, Said, Syncd

TABLES = {
    "LeadStatus": "ApiName,SortOrder\nNew,1\nWorking,2\n",
    "Lead": (
        "Id,LastName,Company,Status,Lead_Score__c:number\n"
        "00Q000000000001EAA,Abel,Acme,New,1\n"
        "00Q000000000002EAA,Costa,Acme,New,2\n"
    ),
    "LeadHistory": (
        "LeadId,Field,OldValue,NewValue,CreatedDate\n"
        "00Q000000000001EAA,Status,Working,New,2026-03-01T09:00:00Z\n"
        "00Q000000000001EAA,Owner,Ann,Bob,2026-03-01T09:00:00Z\n"
    ),
    "Opportunity": "Name,StageName,CloseDate\nDeal,Discovery,2026-06-01\n",
    "Campaign": "Name,IsActive\nStalled Early,true\nOld,false\n",
    "CampaignMemberStatus": "Campaign.Name,Label,IsDefault,HasResponded,SortOrder\nStalled Early,Sent,true,false,1\n",
}
FENCES = """
version = "1"
[teams]
admin = { kind = "admin", profile = ["System Administrator"] }
marketing = { role = ["Marketing Operations"] }
sales = { role = ["Account Executive"] }
[status]
"New" = { team = "marketing" }
"Working" = { team = "sales" }
"Closed - Converted" = { team = "sales" }
[gate]
"New -> Working" = { by = ["marketing"] }
"""
NURTURE = """
version = "1"
mode = "ask"
[stall]
"Discovery" = { in_stage_days = 30 }
[track]
"early" = { stages = ["Discovery"], campaign = "Stalled Early", member_status = "Sent" }
"""
MAPPING = """
version = "1"
[match]
email = "email"
[column."score"]
type = "integer"
field = { Lead = "Lead_Score__c" }
side = "marketing"
conflict = "overwrite"
blank = "leave"
"""


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOrg]:
    """Serve a small org that fits the files above."""
    folder = tmp_path_factory.mktemp("load")
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    with running(load=folder) as served:
        yield served


@pytest.fixture
def acme(org: RunningOrg, syncd: Syncd, tmp_path: Path) -> Iterator[Path]:
    """Give the folder of a config and mappings without a finding; the org's switches are put back afterwards."""
    (tmp_path / "config.toml").write_text(CONFIG.format(url=org.url), "utf-8")
    fields = tmp_path / "mappings" / "fields"
    fields.mkdir(parents=True)
    (tmp_path / "mappings" / "fences.toml").write_text(FENCES, "utf-8")
    (tmp_path / "mappings" / "nurture.toml").write_text(NURTURE, "utf-8")
    (fields / "marketo.toml").write_text(MAPPING, "utf-8")
    (tmp_path / "exports" / "marketo").mkdir(parents=True)
    before = {name: value for name, value in org.org.settings.as_dict().items() if name != "assignment_rule"}
    yield tmp_path
    org.org.settings.change(before)


def _findings(said: Said) -> list[dict[str, Any]]:
    return [each for each in said.json["checks"] if each["level"] == "finding"]


def test_an_org_that_fits_has_no_finding_and_every_check_says_what_it_looked_at(syncd: Syncd, acme: Path) -> None:
    said = syncd("check", "--json")
    assert _findings(said) == []
    assert said.code == 0
    looked_at = {each["check"] for each in said.json["checks"]}
    assert looked_at >= {
        "config",
        "mappings",
        "database",
        "exports",
        "plans",
        "login",
        "visible fields",
        "writable fields",
        "lead status",
        "history tracking",
        "stages",
        "campaigns",
        "teams",
        "API budget",
        "excess rights",
    }


def test_a_check_writes_nothing_and_needs_no_store(syncd: Syncd, acme: Path, org: RunningOrg) -> None:
    before = len(org.requests())
    assert syncd("check").code == 0
    requests = org.requests(before)
    changing = [
        part["method"]
        for request in requests
        for part in [request, *request["subrequests"]]
        if part["method"] not in ("GET", "POST")
    ]
    assert changing == []
    assert all(request["path"].endswith(("/token", "/composite")) or request["method"] == "GET" for request in requests)
    assert sum(request["api_calls"] for request in requests) <= 10
    assert not (acme / "syncd.db").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "check", "text", "remedy"),
    [
        ("fences.toml", '"New" =', '"Nwe" =', "mappings", "[MAP-032]", "'Nwe'"),
        ("fences.toml", "[gate]", '"Workng" = { team = "sales" }\n[gate]', "lead status", "fences.toml:11 'Workng'", "'Working'"),
        ("fences.toml", '"Account Executive"', '"Acount Executive"', "teams", "role 'Acount Executive'", "'Account Executive'"),
        ("fences.toml", 'role = ["Marketing Operations"]', 'queue = ["MQLs"]', "teams", "queue 'MQLs'", "Correct the name"),
        ("fences.toml", 'profile = ["System', 'user = ["ann@acme"], profile = ["System', "teams", "no user 'ann@acme'", ""),
        ("nurture.toml", "Discovery", "Discvery", "stages", "nurture.toml:5 'Discvery'", "'Discovery'"),
        ("nurture.toml", "Stalled Early", "Stalled Late", "campaigns", "'Stalled Late' does not exist", "Create it"),
        ("nurture.toml", "Stalled Early", "Old", "campaigns", "'Old' is not active", "Tick Active"),
        ("nurture.toml", '"Sent"', '"Snet"', "campaigns", "no member status 'Snet'", "'Sent'"),
        (
            "nurture.toml", "[track]", '[hold]\nContact = "Title"\n[track]', "nurture fields",
            "Contact.Title is of type string, no date field: every Contact with a value in it is kept out", "Name a date field",
        ),
        (
            "nurture.toml", "[track]", '[opt_out.Contact]\n"Title" = "topic:x"\n[track]', "nurture fields",
            "Contact.Title is of type string, no checkbox: every Contact is kept out", "Name a checkbox",
        ),
        (
            "nurture.toml", "[track]", '[opt_out.Lead]\n"No_Newz__c" = "topic:x"\n[track]', "visible fields",
            "Lead.No_Newz__c does not exist", "Read Access",
        ),
        (
            "nurture.toml", "[track]", "[opt_out.Individual]\n[track]", "visible fields",
            "nurture.toml [opt_out]: Individual is not there, or hidden. What cannot be read counts as opted out, so nobody",
            "switch data privacy records on",
        ),
        ("fields/marketo.toml", "Lead_Score_", "Lead_Scor_", "visible fields", "toml:5 Lead.Lead_Scor_", "'Lead_Score__c'"),
    ],
)  # fmt: skip
def test_a_name_that_the_org_does_not_have_is_found_with_its_line_and_the_nearest(
    syncd: Syncd, acme: Path, file: str, old: str, new: str, check: str, text: str, remedy: str
) -> None:
    path = acme / "mappings" / file
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    said = syncd("check", "--json")
    assert said.code == 1
    found = [each for each in _findings(said) if each["check"] == check and text in each["text"]]
    assert found, said.out
    assert remedy in found[0]["remedy"]


def test_data_privacy_records_that_no_policy_names_are_warned_of_where_the_org_has_them(
    syncd: Syncd, acme: Path, org: RunningOrg
) -> None:
    def told() -> list[str]:
        return [one["text"] for one in syncd("check", "--json").json["checks"] if one["check"] == "data privacy"]

    assert told() == []
    org.org.change_settings({"data_privacy": True})
    [text] = told()
    assert "keeps Individual, ContactPointTypeConsent, ContactPointConsent, which nurture.toml [opt_out] does not name" in text
    with (acme / "mappings" / "nurture.toml").open("a", encoding="utf-8") as file:
        file.write("[opt_out.Individual]\n[opt_out.ContactPointTypeConsent]\n[opt_out.ContactPointConsent]\n")
    assert told() == []


def test_all_problems_of_all_files_are_listed_at_once(syncd: Syncd, acme: Path) -> None:
    for file in ("fences.toml", "nurture.toml", "fields/marketo.toml"):
        path = acme / "mappings" / file
        path.write_text('surprise = 1\nversion = ""\n' + path.read_text("utf-8").replace('version = "1"', ""), "utf-8")
    named = [each["text"] for each in _findings(syncd("check", "--json")) if each["check"] == "mappings"]
    for file in ("fences.toml", "nurture.toml", "fields/marketo.toml"):
        assert len([text for text in named if text.startswith(f"mappings/{file}:")]) >= 2, named


@pytest.mark.parametrize(("word", "code"), [("", 1), (", legacy = true", 0)])
def test_a_status_that_the_org_no_longer_has_is_a_finding_unless_it_is_declared_legacy(
    syncd: Syncd, acme: Path, word: str, code: int
) -> None:
    path = acme / "mappings" / "fences.toml"
    retired = f'"Open" = {{ team = "marketing"{word} }}\n"New" ='
    path.write_text(FENCES.replace('"New" =', retired, 1), "utf-8")
    said = syncd("check", "--json")
    found = [each["text"] for each in _findings(said)]
    assert any("'Open' is not a Lead Status of this org." in text for text in found) == bool(code), found
    assert said.code == code


def test_a_status_that_no_team_owns_says_how_many_leads_have_it(syncd: Syncd, acme: Path) -> None:
    path = acme / "mappings" / "fences.toml"
    path.write_text(
        FENCES.replace('"New" = { team = "marketing" }\n', "").replace('"New -> Working" = { by = ["marketing"] }', ""), "utf-8"
    )
    (found,) = _findings(syncd("check", "--json"))
    assert found["text"] == "no team owns Lead Status 'New'; 2 leads have it, and their changes are only noted."


@pytest.mark.parametrize(
    ("switches", "check", "text"),
    [
        ({"hidden_fields": {"Contact": ["HasOptedOutOfEmail"]}}, "visible fields", "Contact.HasOptedOutOfEmail is hidden"),
        ({"hidden_fields": {"Lead": ["Lead_Score__c"]}}, "visible fields", "Lead.Lead_Score__c does not exist, or is hidden"),
        ({"read_only_fields": {"Lead": ["Lead_Score__c"]}}, "writable fields", "marketo.toml:5 column 'score' writes Lead"),
    ],
)  # fmt: skip
def test_a_permission_that_is_missing_is_found(
    syncd: Syncd, acme: Path, org: RunningOrg, switches: Any, check: str, text: str
) -> None:
    org.org.settings.change(switches)
    (found,) = _findings(syncd("check", "--json"))
    assert found["check"] == check
    assert text in found["text"]
    assert "Setup > Permission Sets" in found["remedy"]


def test_a_formula_that_a_mapping_reads_is_a_warning(syncd: Syncd, acme: Path, org: RunningOrg) -> None:
    org.org.change_settings({"formula_fields": {"Lead": {"Age__c": "TODAY() - DATEVALUE(CreatedDate)"}}})
    path = acme / "mappings" / "fields" / "marketo.toml"
    age = '\n[column."age"]\nfield = { Lead = "Age__c" }\ntype = "number"\nside = "sales"\nconflict = "fill"\n'
    path.write_text(path.read_text("utf-8") + age, "utf-8")
    said = syncd("check", "--json")
    (found,) = [check for check in said.json["checks"] if check["check"] == "formula fields"]
    assert found["level"] == "warning"
    assert found["text"].startswith("Lead: Age__c: Salesforce works these out")
    assert "every 6 h" in found["text"]
    assert said.code == 0


def test_a_column_of_another_type_than_its_field_is_shown_at_its_word(syncd: Syncd, acme: Path) -> None:
    path = acme / "mappings" / "fields" / "marketo.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"integer"', '"datetime"', 1), "utf-8")
    said = syncd("check")
    assert said.code == 1
    [at] = [place for place, line in enumerate(said.out.splitlines()) if "[MAP-135]" in line]
    shown = said.out.splitlines()[at : at + 3]
    assert "Lead.Lead_Score__c is of type double, the column of type datetime." in shown[0]
    assert shown[2].index("^") == shown[1].index('"datetime"')
    assert shown[2].strip() == "^" * len('"datetime"')


def test_wrong_credentials_are_a_finding_without_the_secret(syncd: Syncd, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCD_CLIENT_SECRET", "canary-7")
    said = syncd("check")
    assert said.code == 1
    assert "finding" in said.out
    assert "canary-7" not in said.out + said.err


def test_without_the_secret_the_files_are_checked_and_the_database_is_read_and_nobody_logs_in(
    syncd: Syncd, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert syncd("run", "--once").code == 0
    monkeypatch.delenv("SYNCD_CLIENT_SECRET")
    for verb in (("status",), ("inbox", "list"), ("audit", "verify"), ("audit", "query"), ("mapping", "check")):
        said = syncd(*verb)
        assert "SYNCD_CLIENT_SECRET" not in said.out + said.err, verb
        assert said.code in (0, 1), said.err
    checked = syncd("check", "--json")
    levels = {(one["check"], one["level"]) for one in checked.json["checks"]}
    assert checked.code == 1
    assert {("config", "finding"), ("mappings", "ok"), ("org", "finding")} <= levels
    for verb in (("run", "--once"), ("plan",), ("census",)):
        said = syncd(*verb)
        assert (said.code, said.out) == (2, "")
        assert "[CFG-006] org.client_secret: the environment variable SYNCD_CLIENT_SECRET is not set." in said.err


def test_a_config_that_cannot_be_used_is_exit_2(syncd: Syncd, acme: Path) -> None:
    (acme / "config.toml").write_text("[org]\nlogin_ulr = 1\n", "utf-8")
    said = syncd("check")
    assert (said.code, said.out) == (2, "")
    assert 'Did you mean "login_url"?' in said.err


def _schema(*picklist: str) -> dict[str, ObjectSchema]:
    field = FieldSchema("Field", "picklist", 255, False, False, False, picklist)
    return {"LeadHistory": ObjectSchema("LeadHistory", {"Field": field}, False, False)}


@pytest.mark.parametrize(
    ("schema", "rows", "leads", "levels"),
    [
        ({}, {}, 9, [Level.FINDING]),
        (_schema(), {"Status": 4, "Owner": 0}, 9, [Level.OK, Level.FINDING]),
        (_schema(), {}, 0, [Level.WARNING, Level.WARNING]),
        (_schema("Status", "Owner"), {}, 9, [Level.OK, Level.OK]),
        (_schema("Owner"), {"Status": 4}, 9, [Level.FINDING, Level.OK]),
    ],
)
def test_history_tracking_is_judged_by_describe_or_else_by_its_rows(
    schema: dict[str, ObjectSchema], rows: dict[str, int], leads: int, levels: list[Level]
) -> None:
    fields = tracked_fields(None)
    counts = {one: rows.get(one.name, 0) for one in fields}
    found = list(history_tracked(fields, schema, counts, {"Lead": leads}))
    assert [each.level for each in found] == levels
    assert all("judged" in each.text for each in found if schema)


@pytest.mark.parametrize(
    ("used", "reserve", "level"),
    [
        (0, None, Level.OK),
        (79, None, Level.OK),
        (80, None, Level.WARNING),
        (100, None, Level.FINDING),
        (79, 20, Level.OK),
        (80, 20, Level.FINDING),
        (80, 10, Level.WARNING),
        (50, 50, Level.FINDING),
    ],
)
def test_the_api_budget_warns_before_it_is_gone(used: int, reserve: float | None, level: Level) -> None:
    assert budget_left(ApiUsage(used, 100, 1), 25, reserve).level is level


def _remove_exports(acme: Path) -> None:
    (acme / "exports" / "marketo").rmdir()
    (acme / "exports").rmdir()


def _config(acme: Path, text: str) -> None:
    with (acme / "config.toml").open("a", encoding="utf-8") as config:
        config.write(text)


@pytest.mark.parametrize(
    ("spoil", "level", "text", "remedy"),
    [
        (
            lambda acme: _config(acme, '[store]\nurl = "sqlite:///data/syncd.db"\n'),
            "finding",
            "data, the folder of the",
            "mkdir -p",
        ),
        (lambda acme: (acme / "syncd.db").mkdir(), "finding", "syncd.db is no file", "the path of a file"),
        (_remove_exports, "finding", "exports does not exist", "mkdir -p"),
        (lambda acme: (acme / "exports" / "marketo").rmdir(), "warning", "no export of marketo can arrive", "mkdir"),
        (
            lambda acme: (acme / "exports" / "hubspot").mkdir(),
            "warning",
            "hubspot belongs to no mapping",
            "mappings/fields/hubspot.toml",
        ),
        (lambda acme: (acme / "exports" / "a.csv").write_text("x"), "warning", "belong to no source: a.csv", "exports/marketo"),
        (lambda acme: (acme / "plans").write_text("x"), "finding", "plans is no folder", "[plans] folder"),
    ],
    ids=["database's folder", "database", "exports", "source's folder", "stray folder", "stray file", "plans"],
)
def test_a_folder_that_cannot_serve_is_found(
    syncd: Syncd, acme: Path, spoil: Callable[[Path], object], level: str, text: str, remedy: str
) -> None:
    spoil(acme)
    said = syncd("check", "--json")
    folders = [each for each in said.json["checks"] if each["check"] in ("database", "exports", "plans")]
    (found,) = [each for each in folders if each["level"] != "ok"]
    assert (found["level"], said.code) == (level, 1 if level == "finding" else 0)
    assert text in found["text"]
    assert remedy in found["remedy"]


@pytest.mark.parametrize(("folder", "kind"), [("/data/a b/x", "nfs4"), ("/data/other", "ext4"), ("/datax", "overlay")])
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("overlay / overlay rw 0 0\n/dev/sda /data ext4 rw 0 0\nhost:/x /data/a\\040b nfs4 rw 0 0\n", "utf-8")
    assert file_system_of(Path(folder), mounts) == kind
    assert file_system_of(Path(folder), tmp_path / "none") == ""


def test_the_next_step_of_a_check_keeps_the_config(syncd: Syncd, acme: Path) -> None:
    assert syncd("--config", "config.toml", "check").err.endswith("Next: syncd --config config.toml run --once\n")
    assert syncd("check").err.endswith("Next: syncd run --once\n")


def test_a_database_of_another_org_is_a_finding_with_the_way_out(syncd: Syncd, acme: Path) -> None:
    store = open_store(f"sqlite:///{acme / 'syncd.db'}", "00D9U0000000077UAA")
    with store.begin() as tx:
        tx.put_setting("x", 1)
    store.dispose()
    (found,) = _findings(syncd("check", "--json"))
    assert "holds org 00D9U0000000077UAA, and http://127.0.0.1:" in found["text"]
    assert "[store]" in found["remedy"]


@pytest.mark.parametrize(
    ("version", "level", "says"),
    [("9999", "finding", "was written by a newer syncd"), ("0001", "ok", "is there; a cycle brings its tables up to date")],
)
def test_a_database_that_this_syncd_cannot_use_is_a_finding_and_an_older_one_is_none(
    syncd: Syncd, acme: Path, version: str, level: str, says: str
) -> None:
    open_store(f"sqlite:///{acme / 'syncd.db'}", "00D9U0000000077UAA").dispose()
    with closing(sqlite3.connect(acme / "syncd.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    found = next(each for each in syncd("check", "--json").json["checks"] if each["check"] == "database")
    assert (found["level"], says in found["text"]) == (level, True)
    assert "the database is left aside: " in syncd("mapping", "check").err


def test_a_damaged_database_is_a_finding(syncd: Syncd, acme: Path) -> None:
    (acme / "syncd.db").write_text("no database at all", "utf-8")
    (found,) = _findings(syncd("check", "--json"))
    assert "the file is damaged or is not a SQLite database" in found["text"]
    assert "restore the latest backup" in found["remedy"]


PASSWORD = 'login = "password"\nusername = "syncd@sandbox.example"\npassword = "${SYNCD_PASSWORD}"\n'


def _with_password(acme: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    path = acme / "config.toml"
    path.write_text(path.read_text("utf-8").replace("client_id", f"{PASSWORD}client_id", 1), "utf-8")
    monkeypatch.setenv("SYNCD_PASSWORD", password)


def test_login_with_a_password_works_where_the_org_still_has_it_and_warns(
    syncd: Syncd, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_password(acme, monkeypatch, "sandbox-passwordsandbox-token")
    said = syncd("check", "--json")
    assert said.code == 0
    (warning,) = [each for each in said.json["checks"] if each["check"] == "login" and each["level"] == "warning"]
    assert "Salesforce is retiring that" in warning["text"]
    assert 'login = "jwt-bearer"' in warning["remedy"]
    once = syncd("run", "--once")
    assert once.code == 0
    assert "syncd@sandbox.example logs in with a password: Salesforce is retiring that" in once.err


def test_login_with_a_password_that_the_org_refuses_shows_the_other_ways(
    syncd: Syncd, acme: Path, org: RunningOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_password(acme, monkeypatch, "canary-sandbox-password")
    org.org.settings.change({"password_flow": False})
    said = syncd("check")
    assert said.code == 1
    assert "invalid_grant authentication failure" in said.out
    assert '"client-credentials" or "jwt-bearer"' in said.out
    assert "canary" not in said.out + said.err
    assert syncd("run", "--once").code == 1
    org.org.settings.change({"password_flow": True})
    monkeypatch.setenv("SYNCD_PASSWORD", "sandbox-passwordsandbox-token")
    refused = syncd("run", "--once")
    assert refused.code == 1
    assert "not tried again before" in refused.err
    assert syncd("check").code == 0
    assert syncd("run", "--once").code == 0
