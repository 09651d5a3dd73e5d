"""Is every mistake in [exports] named with its place, and is no secret ever shown?"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.config import Config, load_config
from syncd.errors import ConfigInvalid

ORG = '[org]\nlogin_url = "https://acme.my.salesforce.com"\nclient_id = "x"\nclient_secret = "${S}"\n'
SECRET = "hunter2hunter2"
KNOWN = 'known_hosts_file = "known_hosts"\n'


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.toml"
    path.write_text(ORG + text, "utf-8")
    return load_config(path, {"S": "x", **environ})


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigInvalid) as refused:
        load(folder, text).require_secrets()
    assert SECRET not in str(refused.value)
    return re.sub(r"(?m)^(\d+):\d+ ", r"\1: ", str(refused.value).replace(f"{folder}/config.toml:", ""))


def test_a_source_of_each_kind_is_read_with_its_references_followed(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key", "utf-8")
    (tmp_path / "key").chmod(0o600)
    text = (
        '[exports]\nevery = "2 min"\nkeep_days = "off"\n'
        f'[exports.a]\nurl = "sftp://syncd@files.example.com:2222/out/a/"\n{KNOWN}key_file = "key"\nafter = "move"\n'
        '[exports.b]\nurl = "s3://bucket/out"\naccess_key = "AKIA"\nsecret = "${B_SECRET}"\nregion = "eu-central-1"\n'
        '[exports.c]\nurl = "gs://bucket"\n'
        '[exports.d]\nurl = "az://container/out"\naccount = "acme"\n'
        '[exports.e]\nurl = "file:///mnt/share"\n'
    )
    config = load(tmp_path, text, B_SECRET=SECRET)
    assert (config.fetch_every, config.keep) == (timedelta(minutes=2), None)
    assert [one.address for one in config.sources] == [
        "sftp://syncd@files.example.com:2222/out/a", "s3://bucket/out", "gs://bucket/", "az://container/out", "file:///mnt/share",
    ]  # fmt: skip
    sftp, s3 = config.sources[:2]
    assert (sftp.known_hosts_file, sftp.key_file, sftp.after) == (tmp_path / "known_hosts", tmp_path / "key", "move")
    assert s3.secret.get_secret_value() == SECRET
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[exports]\nkeep_days = 0\n",
            "6: [CFG-004] exports.keep_days = 0 is not usable.",
        ),
        (
            "[exports]\nkeep_day = 3\n",
            "6: [CFG-002] exports.keep_day is not a setting of syncd: it would have no effect. Did you",
        ),
        ("[exports]\nmarketo = 3\n", "A source is a table of its own: [exports.marketo]."),
        (
            '[exports.m]\nafter = "burn"\nurl = "s3://b"\n',
            '6: [CFG-004] exports.m.after = "burn" is not usable.',
        ),
        ("[exports.m]\n", "[CFG-003] exports.m.url is missing"),
        (
            '[exports.m]\nurl = "ftp://h/x"\n',
            "6: [CFG-015] exports.m.url begins with 'ftp', which is no kind of source. Did you mean sftp",
        ),
        ('[exports.m]\nurl = "out/marketo"\n', "exports.m.url does not begin with a kind of source."),
        ('[exports.m]\nurl = "file://share/x"\n', "exports.m.url names the host share: a file:// URL has three slashes."),
        ('[exports.m]\nurl = "s3://"\n', "exports.m.url names no bucket."),
        ('[exports.m]\nurl = "s3://b/../c"\n', "exports.m.url leads up with . or .."),
        ('[exports.m]\nurl = "s3://b/c?x=y"\n', "exports.m.url holds a ? or a #"),
        (f'[exports.m]\nurl = "sftp://u:{SECRET}@h/x"\n{KNOWN}', "6: [CFG-005] exports.m.url holds a password."),
        (
            f'[exports.m]\nurl = "sftp://u@h/x"\n{KNOWN}secret = "{SECRET}"\n',
            "[CFG-005] exports.m.secret holds the secret",
        ),
        (f'[exports.m]\nurl = "sftp://h/x"\n{KNOWN}key_file = "k"\n', "exports.m.url names no user."),
        (
            '[exports.m]\nurl = "sftp://u@h/x"\nkey_file = "k"\n',
            "exports.m.known_hosts_file is missing: without it anybody could",
        ),
        (f'[exports.m]\nurl = "sftp://u@h/x"\n{KNOWN}', "exports.m: nothing says how syncd logs in at the server."),
        (
            f'[exports.m]\nurl = "sftp://u@h/x"\n{KNOWN}key_file = "open"\n',
            "can be used by other users",
        ),
        (
            '[exports.m]\nurl = "s3://b"\nregion = "x"\naccount = "y"\n',
            "8: [CFG-013] exports.m.account has no effect",
        ),
        ('[exports.m]\nurl = "s3://b"\naccess_key = "AKIA"\n', "exports.m: access_key and secret belong together"),
        ('[exports.m]\nurl = "az://c"\n', "exports.m.account is missing: a container is known by its storage account."),
        ('[exports.m]\nurl = "gs://b"\nendpoint = "http://evil.example"\n', "exports.m.endpoint is not an https URL"),
        ('[exports."../m"]\nurl = "gs://b"\n', "[exports.'../m'] cannot be the name of a source."),
    ],
)
def test_each_mistake_is_named_with_its_place_and_the_way_out(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "open").write_text("key", "utf-8")
    (tmp_path / "open").chmod(0o644)
    told = refusal(tmp_path, text)
    assert says in told, told


def test_all_mistakes_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    text = '[exports.a]\nurl = "ftp://h"\n[exports.b]\nurl = "sftp://u@h/../x"\nsecret = "hunter2hunter2"\n'
    assert [line.partition(" ")[0] for line in refusal(tmp_path, text).splitlines()] == ["6:", "8:", "8:", "9:"]


def test_the_example_of_the_documentation_is_a_valid_section(tmp_path: Path) -> None:
    document = Path(__file__).parents[1] / "docs" / "exports.md"
    example = document.read_text("utf-8").partition("```toml exports\n")[2].partition("```")[0]
    (tmp_path / "key").write_text("key", "utf-8")
    (tmp_path / "key").chmod(0o600)
    [source] = load(tmp_path, example.replace("/run/secrets/sftp_key", str(tmp_path / "key"))).sources
    assert (source.address, source.after) == ("sftp://syncd@files.example.com/out/marketo", "leave")
