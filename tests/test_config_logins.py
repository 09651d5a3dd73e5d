"""Is each of the four logins read from config.toml as written, and every mistake in it named without telling a secret?"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from syncd.config import Config, load_config
from syncd.errors import ConfigInvalid
from syncd.salesforce.access import ClientCredentials, JwtBearer, Password, RefreshToken

CANARY = "canary-5ecret"
ORG = """\
[org]
login_url = "https://acme.my.salesforce.com"
client_id = "consumer-key"
"""
SECRET = 'client_secret = "${SYNCD_CLIENT_SECRET}"\n'
JWT = 'login = "jwt-bearer"\nusername = "syncd@acme.example"\nprivate_key_file = "key.pem"\n'
REFRESH = 'login = "refresh-token"\nrefresh_token_file = "state/token"\n'
PASSWORD = 'login = "password"\nusername = "syncd@acme.example"\npassword = "${SYNCD_PASSWORD}"\n'
ENVIRON = {"SYNCD_CLIENT_SECRET": CANARY, "SYNCD_PASSWORD": "p4ss-canary", "SYNCD_SECURITY_TOKEN": "t0ken-canary"}
PEM = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a key and a refresh token that nobody else may read."""
    (tmp_path / "state").mkdir()
    for path, content in ((tmp_path / "key.pem", PEM), (tmp_path / "state" / "token", f"{CANARY}\n")):
        path.write_text(content)
        path.chmod(0o600)
    return tmp_path


def load(folder: Path, org: str) -> Config:
    path = folder / "config.toml"
    path.write_text(org, "utf-8")
    return load_config(path, ENVIRON)


def refusal(folder: Path, org: str) -> list[str]:
    """Give the lines of a refusal; no secret is in any."""
    with pytest.raises(ConfigInvalid) as refused:
        load(folder, org).require_secrets()
    text = str(refused.value)
    assert not any(secret in text for secret in (*ENVIRON.values(), CANARY))
    return [line.removeprefix(f"{folder}/config.toml:") for line in text.splitlines()]


def test_without_a_word_the_app_logs_in_as_itself(folder: Path) -> None:
    access = load(folder, ORG + SECRET).org
    assert access.method == ClientCredentials()
    assert access == load(folder, ORG + 'login = "client-credentials"\n' + SECRET).org


def test_a_signature_needs_a_user_and_a_key_and_no_secret(folder: Path) -> None:
    access = load(folder, ORG + JWT).org
    assert access.method == JwtBearer("syncd@acme.example", folder / "key.pem", "https://login.salesforce.com")
    assert access.secrets == ()
    written = load(folder, ORG + JWT + 'audience = "https://acme.my.salesforce.com"\n').org.method
    assert isinstance(written, JwtBearer)
    assert written.audience == "https://acme.my.salesforce.com"


@pytest.mark.parametrize("secret", ["", SECRET])
def test_a_refresh_token_stands_in_a_file_and_the_apps_secret_is_optional(folder: Path, secret: str) -> None:
    access = load(folder, ORG + REFRESH + secret).org
    assert access.method == RefreshToken(folder / "state" / "token")
    assert access.client_secret == SecretStr(CANARY if secret else "")


def test_a_password_comes_with_its_security_token(folder: Path) -> None:
    token = 'security_token = "${SYNCD_SECURITY_TOKEN}"\n'
    access = load(folder, ORG + PASSWORD + token + SECRET).org
    assert access.method == Password("syncd@acme.example", SecretStr("p4ss-canary"), SecretStr("t0ken-canary"))
    assert {each.get_secret_value() for each in access.secrets} == set(ENVIRON.values())
    assert not any(secret in repr(access) for secret in ENVIRON.values())
    assert load(folder, ORG + PASSWORD + SECRET).org.method == Password("syncd@acme.example", SecretStr("p4ss-canary"))


@pytest.mark.parametrize("host", ["login", "test"])
@pytest.mark.parametrize("login", [JWT, REFRESH, PASSWORD + SECRET])
def test_the_shared_login_pages_serve_every_login_but_the_apps_own(folder: Path, host: str, login: str) -> None:
    shared = ORG.replace("acme.my", host)
    assert load(folder, shared + login).org.login_url == f"https://{host}.salesforce.com"
    (line,) = refusal(folder, shared + SECRET)
    assert line.startswith("2:1 [CFG-009]")
    assert "My Domain" in line


@pytest.mark.parametrize(
    ("org", "start", "words"),
    [
        (ORG + JWT.replace('username = "syncd@acme.example"\n', ""), "4:1 [CFG-003] org.username", "Write username"),
        (ORG + JWT.replace('private_key_file = "key.pem"\n', ""), "4:1 [CFG-003] org.private_key_file", "jwt-bearer"),
        (ORG + JWT.replace("key.pem", "nowhere.pem"), "6:1 [CFG-007] org.private_key_file", "cannot be read"),
        (ORG + JWT.replace("key.pem", "state/token"), "6:1 [CFG-007] org.private_key_file", "no private key in PEM form"),
        (ORG + JWT + SECRET, "7:1 [CFG-013] org.client_secret", 'choose login = "client-credentials"'),
        (ORG + 'login = "refresh-token"\n', "4:1 [CFG-003] org.refresh_token_file", "Write refresh_token_file"),
        (ORG + REFRESH.replace("state/token", "state/none"), "5:1 [CFG-007] org.refresh_token_file", "cannot be read"),
        (ORG + PASSWORD.replace("${SYNCD_PASSWORD}", CANARY) + SECRET, "6:1 [CFG-005] org.password", "SYNCD_PASSWORD"),
        (ORG + PASSWORD.replace('password = "${SYNCD_PASSWORD}"\n', "") + SECRET, "1:2 [CFG-003] org.password", "SYNCD_PASSWORD"),
        (ORG + PASSWORD + 'password_file = "p"\n' + SECRET, "6:1 [CFG-014] org.password", "Keep one"),
        (ORG + SECRET + 'username = "me@example.com"\n', "5:1 [CFG-013] org.username", "jwt-bearer"),
        (ORG + SECRET + f'password = "{CANARY}"\n', "5:1 [CFG-013] org.password", "Salesforce is retiring"),
        (ORG + SECRET + f'security_token = "{CANARY}"\n', "5:1 [CFG-013] org.security_token", "Salesforce is retiring"),
        (ORG + SECRET + 'login = "pasword"\n', "5:1 [CFG-004] org.login", '"jwt-bearer"'),
    ],
)
def test_a_login_that_cannot_work_is_refused_with_its_place_and_the_way_out(
    folder: Path, org: str, start: str, words: str
) -> None:
    lines = refusal(folder, org)
    assert [line for line in lines if line.startswith(start) and words in line], lines


@pytest.mark.parametrize(
    ("name", "org"), [("key.pem", JWT), ("state/token", REFRESH)], ids=["private_key_file", "refresh_token_file"]
)
def test_a_file_that_others_can_read_is_refused_with_the_command_that_fixes_it(folder: Path, name: str, org: str) -> None:
    (folder / name).chmod(0o640)
    (line,) = refusal(folder, ORG + org)
    assert "[CFG-008]" in line
    assert line.endswith(f"Run: chmod 600 {folder / name}")


def test_refused_logins_are_remembered_beside_the_plans(folder: Path) -> None:
    config = load(folder, ORG + SECRET)
    assert config.org.refusals is not None
    assert config.org.refusals.parent == config.plans
