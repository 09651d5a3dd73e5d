"""Does a source that breaks off, or answers what makes no sense, end nothing but its own turn?"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.common import short
from syncd.exports.remote.sources import RemoteSource

SAS = "sv=2020&sig=abc%2Fdef%3D"
CUT: dict[str, Any] = {"head": {"Content-Length": "1000", "Content-Range": "bytes 0-999/1000"}, "body": b"x" * 10}


class _Answers(http.server.BaseHTTPRequestHandler):
    head: dict[str, str]
    body: bytes

    def do_GET(self) -> None:
        self.send_response(206 if "Content-Range" in self.head else 200)
        for name, value in ({"Content-Length": str(len(self.body))} | self.head).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("_Mine", (_Answers,), {"head": {}, "body": b""})) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def source(server: http.server.HTTPServer, scheme: str, *, body: bytes, head: dict[str, str] | None = None) -> RemoteSource:
    handler: Any = server.RequestHandlerClass
    handler.head, handler.body = head or {}, body
    more: dict[str, Any] = {
        "s3": {"access_key": "AKIA", "secret": SecretStr("key"), "region": "eu-central-1"},
        "gs": {},
        "az": {"account": "acme", "secret": SecretStr(SAS)},
    }[scheme]
    endpoint = f"http://127.0.0.1:{server.server_port}"
    access = RemoteAccess("marketo", scheme, "", 0, "", "bucket", "out", "leave", endpoint=endpoint, **more)
    return RemoteSource(access, sleep=lambda _: None)


@pytest.mark.sweep
def test_a_bucket_that_breaks_off_in_the_middle_of_a_file_is_unreachable(server: http.server.HTTPServer) -> None:
    with source(server, "s3", **CUT).opened() as session, pytest.raises(SourceUnreachable):
        session.read(Original("a.csv", 1000, "x"), 0, 1000)


@pytest.mark.parametrize("body", [b"<html>log in", b"[1]"])
def test_a_page_to_log_in_is_no_bucket(server: http.server.HTTPServer, body: bytes) -> None:
    with source(server, "gs", body=body).opened() as session, pytest.raises(SourceUnreachable, match="makes no sense"):
        session.listing()


def test_a_listing_that_never_ends_is_refused_and_not_taken_for_the_whole(server: http.server.HTTPServer) -> None:
    page = {"items": [], "prefixes": ["out/sub/"], "nextPageToken": "more"}
    with (
        source(server, "gs", body=json.dumps(page).encode()).opened() as session,
        pytest.raises(SourceRefused, match="More than 10,000"),
    ):
        session.listing()


def test_no_word_of_a_server_shows_a_signature_or_is_obeyed_by_a_terminal() -> None:
    access = RemoteAccess("m", "az", "", 0, "", "bucket", "out", "leave", secret=SecretStr(SAS))
    said = short(OSError(f"bad ?comp=list&amp;{SAS.replace('&', '&amp;')} {SAS} \x1b[2J"), access)
    assert "abc" not in said
    assert said.isprintable()
