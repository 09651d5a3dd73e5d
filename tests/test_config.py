from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.config import Config, Limits, load_config
from syncd.config import settings as known_settings
from syncd.errors import ConfigInvalid

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
CANARY = "canary-5ecret"
ENVIRON = {"SYNCD_CLIENT_SECRET": CANARY}
ORG = """\
[org]
login_url = "https://acme.my.salesforce.com"
client_id = "consumer-key"
client_secret = "${SYNCD_CLIENT_SECRET}"
"""


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return load_config(path, environ or ENVIRON)


def refusal(folder: Path, text: str, **environ: str) -> list[str]:
    """Give the lines of a refusal without the path before the line number."""
    with pytest.raises(ConfigInvalid) as refused:
        load(folder, text, **environ).require_secrets()
    return [line.removeprefix(f"{folder}/config.toml:") for line in str(refused.value).splitlines()]


def test_the_example_works_as_soon_as_the_secret_is_given(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "config.toml")
    config = load_config(tmp_path / "config.toml", ENVIRON)
    assert config == load_config(tmp_path, ENVIRON)
    assert config.org.login_url == "https://acme.my.salesforce.com"
    assert config.org.client_secret.get_secret_value() == CANARY


def test_the_example_names_every_setting_with_its_default(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    for key, description in known_settings():
        section, _, name = key.partition(".")
        body = text.split(f"[{section}]\n")[1].split("\n[")[0]
        assert re.search(rf"^(# )?{name} = ", body, re.MULTILINE), key
        assert description, key
    shutil.copy(EXAMPLE, tmp_path / "config.toml")
    filled, bare = load_config(tmp_path, ENVIRON), load(tmp_path, ORG)
    for part in ("schedule", "store_url", "mappings", "exports", "plans", "limits", "zone", "log"):
        assert getattr(filled, part) == getattr(bare, part)


def test_defaults_are_the_documented_ones(tmp_path: Path) -> None:
    config = load(tmp_path, ORG)
    assert config.name == "acme.my.salesforce.com"
    assert (config.schedule.interval, config.schedule.slow_every) == (timedelta(minutes=1), 5)
    assert config.store_url == f"sqlite:///{tmp_path}/syncd.db"
    assert [config.mappings, config.exports, config.plans] == [tmp_path / each for each in ("mappings", "exports", "plans")]
    assert config.limits == Limits(
        records_max=500,
        records_percent=5,
        records_min=25,
        owners_max=25,
        api_calls_share_percent=25,
        api_calls_reserve_percent=20,
        canary=5,
        regret_percent=2,
        hold_back=timedelta(minutes=10),
    )
    assert config.zone == ZoneInfo("UTC")
    assert (config.log.format, config.log.level, config.org.api_version) == ("json", "info", "62.0")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"1 min"', timedelta(minutes=1)),
        ('"90s"', timedelta(seconds=90)),
        ('"1.5 hours"', timedelta(minutes=90)),
        ('"1 day"', timedelta(days=1)),
        ("30", timedelta(seconds=30)),
        ("0.5", timedelta(seconds=0.5)),
    ],
)
def test_lengths_of_time_are_written_as_people_do(tmp_path: Path, written: str, expected: timedelta) -> None:
    assert load(tmp_path, f"{ORG}[schedule]\ninterval = {written}\n").schedule.interval == expected


@pytest.mark.parametrize(
    "written", ["0", "-5", '"0 min"', '"1"', '"1 month"', '"soon"', "true", '""', "[1]", "inf", "nan", '"2 days"', "1e300"]
)
def test_an_interval_that_is_no_positive_length_of_time_is_refused(tmp_path: Path, written: str) -> None:
    (line,) = refusal(tmp_path, f"{ORG}[schedule]\ninterval = {written}\n")
    assert line.startswith("6:1 [CFG-011] schedule.interval")
    assert '"1 min"' in line


def test_every_problem_is_listed_with_its_place_and_remedy(tmp_path: Path) -> None:
    lines = refusal(
        tmp_path,
        """\
[org]
login_url = "http://acme.my.salesforce.com"
client_idd = "x"
client_secret = "canary-5ecret"
password = "canary-5ecret"
api_version = "v62.0"
[schedule]
slow_every = true
[limts]
x = 1
[limits]
records_max = "of"
records_percent = 500
[time]
zone = "Europe/Berln"
[log]
format = "xml"
[store]
url = "postgresql://user:canary-5ecret@host/db"
""",
    )
    assert [line.split("] ")[0] for line in lines] == [
        "1:2 [CFG-003",
        "2:1 [CFG-009",
        "3:1 [CFG-002",
        "4:1 [CFG-005",
        "5:1 [CFG-013",
        "6:1 [CFG-004",
        "8:1 [CFG-004",
        "9:2 [CFG-002",
        "12:1 [CFG-004",
        "13:1 [CFG-004",
        "15:1 [CFG-010",
        "17:1 [CFG-004",
        "19:1 [CFG-012",
    ]
    assert 'Did you mean "client_id"?' in lines[2]
    assert 'Did you mean "limits"?' in lines[7]
    assert 'did you mean "Europe/Berlin"?' in lines[10]
    assert CANARY not in "\n".join(lines)


@pytest.mark.parametrize("path", ["missing.toml", "empty.toml", "broken.toml", "folder"])
def test_a_file_that_cannot_be_read_is_refused_with_the_way_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "broken.toml").write_text('[org]\nclient_secret = "canary-5ecret\n')
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigInvalid) as refused:
        load_config(tmp_path / path, ENVIRON)
    assert str(tmp_path / path) in str(refused.value)
    assert CANARY not in str(refused.value)
    if path in {"missing.toml", "folder"}:
        assert "syncd init" in str(refused.value)


def test_a_file_that_is_nowhere_names_all_places_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigInvalid) as refused:
        load_config(None, {"HOME": str(tmp_path / "home")})
    text = str(refused.value)
    assert "config.toml, " in text
    assert f"{tmp_path}/home/.config/syncd/config.toml" in text
    assert "/etc/syncd/config.toml" in text
    (tmp_path / "config.toml").write_text(ORG)
    assert load_config(None, ENVIRON).path == tmp_path / "config.toml"
    (tmp_path / "other.toml").write_text(ORG)
    assert load_config(None, {**ENVIRON, "SYNCD_CONFIG": str(tmp_path / "other.toml")}).path == tmp_path / "other.toml"


def test_the_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{CANARY}\n")
    secret.chmod(0o600)
    by_file = ORG.replace('client_secret = "${SYNCD_CLIENT_SECRET}"', 'client_secret_file = "secret"')
    config = load(tmp_path, by_file)
    assert config.org.client_secret.get_secret_value() == CANARY
    assert CANARY not in repr(config)
    named = by_file.replace('"secret"', '"${CREDENTIALS_DIRECTORY}/secret"')
    assert load(tmp_path, named, CREDENTIALS_DIRECTORY=str(tmp_path)).org.client_secret.get_secret_value() == CANARY


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660])
def test_a_secret_file_that_others_can_read_is_refused_with_the_command_that_fixes_it(tmp_path: Path, mode: int) -> None:
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    secret.chmod(mode)
    (line,) = refusal(tmp_path, ORG.replace('client_secret = "${SYNCD_CLIENT_SECRET}"', 'client_secret_file = "secret"'))
    assert line.startswith("4:1 [CFG-008]")
    assert line.endswith(f"Run: chmod 600 {secret}")
    assert CANARY not in line


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\x00", b"x" * 20_000])
def test_a_secret_file_without_a_secret_is_refused(tmp_path: Path, content: bytes | None) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
        secret.chmod(0o600)
    (line,) = refusal(tmp_path, ORG.replace('client_secret = "${SYNCD_CLIENT_SECRET}"', 'client_secret_file = "secret"'))
    assert line.startswith("4:1 [CFG-007] org.client_secret_file: ")


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    (line,) = refusal(tmp_path, ORG, OTHER="x")
    assert line.startswith("4:1 [CFG-006] org.client_secret: the environment variable SYNCD_CLIENT_SECRET is not set.")
    lines = refusal(tmp_path, ORG.replace("consumer-key", "${KEY}"), OTHER="x")
    assert [line.split("]")[0] for line in lines] == ["3:1 [CFG-006", "4:1 [CFG-006"]


def test_who_does_not_log_in_needs_no_secret(tmp_path: Path) -> None:
    sources = '[exports.marketo]\nurl = "s3://bucket/out"\naccess_key = "A"\nsecret = "${NONE}"\n'
    config = load(tmp_path, ORG + sources, OTHER="x")
    assert [problem.code for problem in config.not_here] == ["CFG-006", "CFG-006"]
    assert [source.address for source in config.sources] == ["s3://bucket/out"]
    assert config.org.login_url == "https://acme.my.salesforce.com"
    lines = refusal(tmp_path, ORG + sources, OTHER="x")
    assert [line.partition(" ")[0] for line in lines] == ["4:1", "8:1"]
    (line,) = refusal(tmp_path, ORG.replace("https://acme.my.salesforce.com", "${ORG_URL}"), **ENVIRON)
    assert "ORG_URL is not set" in line, "which org is meant is no secret"


def test_a_login_url_from_the_environment_is_checked_as_well(tmp_path: Path) -> None:
    text = ORG.replace("https://acme.my.salesforce.com", "${ORG_URL}")
    config = load(tmp_path, text, ORG_URL="http://127.0.0.1:8080/", **ENVIRON)
    assert config.org.login_url == "http://127.0.0.1:8080"
    (line,) = refusal(tmp_path, text, ORG_URL="https://login.salesforce.com", **ENVIRON)
    assert line.startswith("2:1 [CFG-009]")


@pytest.mark.parametrize(
    ("org", "code"),
    [
        (ORG.replace('client_secret = "${SYNCD_CLIENT_SECRET}"\n', ""), "CFG-003"),
        (f'{ORG}client_secret_file = "secret"\n', "CFG-014"),
        (ORG.replace("${SYNCD_CLIENT_SECRET}", f"{CANARY}${{SYNCD_CLIENT_SECRET}}"), "CFG-005"),
        (ORG.replace('client_id = "consumer-key"', 'client_id = ""'), "CFG-004"),
        (ORG.replace('client_id = "consumer-key"', "client_id = 5"), "CFG-004"),
        (ORG.replace("https://acme", "https://user:canary-5ecret@acme"), "CFG-009"),
        (ORG + 'username = "me@example.com"\n', "CFG-013"),
        ('[schedule]\ninterval = "1 min"\n', "CFG-003"),
        ("org = 5\n", "CFG-004"),
    ],
)
def test_an_org_section_that_cannot_log_in_is_refused(tmp_path: Path, org: str, code: str) -> None:
    lines = refusal(tmp_path, org)
    assert any(f"[{code}]" in line for line in lines)
    assert CANARY not in "\n".join(lines)


@pytest.mark.parametrize("version", ["61.0", "62", "62.0", '"65.0"'])
def test_an_api_version_may_be_written_as_a_number(tmp_path: Path, version: str) -> None:
    config = load(tmp_path, f"{ORG}api_version = {version}\n")
    assert re.fullmatch(r"6[125]\.0", config.org.api_version)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://host/db", "syncd.db", "postgresql://host", "postgresql:///"]
)
def test_only_an_sqlite_file_or_a_postgresql_database_is_a_store(tmp_path: Path, url: str) -> None:
    (line,) = refusal(tmp_path, f'{ORG}[store]\nurl = "{url}"\n')
    assert line.startswith("6:1 [CFG-012]")


@pytest.mark.parametrize("url", [f"postgresql://syncd:{CANARY}@host/db", f"postgresql://host/db?password={CANARY}"])
def test_the_password_of_a_database_does_not_stand_in_the_file(tmp_path: Path, url: str) -> None:
    (line,) = refusal(tmp_path, f'{ORG}[store]\nurl = "{url}"\n')
    assert line.startswith("6:1 [CFG-012]")
    assert "PGPASSWORD" in line
    assert CANARY not in line


@pytest.mark.parametrize("url", ["postgresql://syncd@db.acme.example:5433/syncd?sslmode=verify-full", "postgresql:///syncd"])
def test_a_database_of_a_server_is_named_as_it_was_written(tmp_path: Path, url: str) -> None:
    config = load(tmp_path, f'{ORG}[store]\nurl = "{url}"\n')
    assert config.store_url == url
    assert config.database_file is None
    assert load(tmp_path, ORG).database_file == tmp_path / "syncd.db"


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    text = f'{ORG}[store]\nurl = "sqlite:///data/a.db"\n[mappings]\nfolder = "../m"\n[exports]\nfolder = "/srv/drop"\n'
    config = load(tmp_path, text)
    assert config.store_url == f"sqlite:///{tmp_path}/data/a.db"
    assert (config.mappings, config.exports) == (tmp_path.parent / "m", Path("/srv/drop"))
    absolute = load(tmp_path, f'{ORG}[store]\nurl = "sqlite:////var/lib/syncd.db"\n')
    assert absolute.store_url == "sqlite:////var/lib/syncd.db"


@pytest.mark.parametrize(
    ("limits", "people", "expected"),
    [
        ("", 100, 25),
        ("", 1_000, 50),
        ("", 100_000, 500),
        ('records_max = "off"', 100_000, 5_000),
        ('records_percent = "off"', 100, 500),
        ('records_min = "off"', 100, 5),
        ('records_max = "off"\nrecords_percent = "off"', 100, None),
        ("records_max = 10", 100_000, 10),
    ],
)
def test_the_mass_change_limit_grows_with_the_org_between_two_bounds(
    tmp_path: Path, limits: str, people: int, expected: int | None
) -> None:
    assert load(tmp_path, f"{ORG}[limits]\n{limits}\n").limits.mass_change.records_allowed(people) == expected


def said(folder: Path, text: str) -> str:
    """Give all that is shown of a config, good or bad."""
    try:
        return repr(load(folder, text))
    except ConfigInvalid as refused:
        return str(refused)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["login_url", "client_secret", "client_secret_file", "api_version", "secret", "url"]),
    form=st.sampled_from(
        ['"{}"', "'{}'", '["{}"]', '{{a = "{}"}}', '"""{}"""', '"{}', "{}", '"x{}" "', '"${{{}"', '"https://u:{}@h"']
    ),
    section=st.sampled_from(["org", "org.deeper", "orgs", "store"]),
)
def test_no_secret_in_the_file_is_ever_repeated(tmp_path: Path, key: str, form: str, section: str) -> None:
    dropped = ("client_secret", key) if key == "client_secret_file" else (key,)
    org = "".join(line + "\n" for line in ORG.splitlines() if not line.startswith(dropped))
    header = "" if section == "org" else f"[{section}]\n"
    assert CANARY not in said(tmp_path, f"{org}{header}{key} = {form.format(CANARY)}\n")
