"""Does a Google bucket get the condition with each deletion and move, and is its "no" heeded?

The emulator that the other tests use ignores conditions, so this bucket keeps them as Google's does.
Source: https://cloud.google.com/storage/docs/request-preconditions (412 where one is not met).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest
import responses
from requests import PreparedRequest

from syncd.core.fetching import Original
from syncd.errors import SourceRefused, SourceUnreachable
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.sources import RemoteSource

URL = "https://storage.example.com"
SHA = "0123456789abcdef" * 4
DONE = "out/done/0123456789abcdef-a.csv"
Answer = tuple[int, dict[str, str], str]


class Strict:
    """A bucket of one object name and the copies of it. `before` happens ahead of a request that changes something."""

    def __init__(self) -> None:
        self.generations = {"out/a.csv": 1}
        self.asked: list[dict[str, str]] = []
        self.sent: list[tuple[str, str, dict[str, str]]] = []
        self.before: Callable[[], None] = lambda: None
        self.status = 0

    def answer(self, request: PreparedRequest) -> Answer:
        path = unquote(str(request.path_url).partition("?")[0]).partition("/o/")[2]
        name, _, target = path.partition("/copyTo/b/bucket/o/")
        given = dict(getattr(request, "params", {}))
        if request.method == "GET":
            self.asked.append(given)
        else:
            self.sent.append((str(request.method), name, given))
            self.before()
        if self.status and request.method != "GET":
            return self.status, {}, ""
        now = self.generations.get(name)
        if now is None:
            return 404, {}, ""
        wanted = given.get("ifSourceGenerationMatch") or given.get("ifGenerationMatch")
        if wanted is not None and wanted != str(now):
            return 412, {}, '{"error": {"message": "At least one of the pre-conditions you specified did not hold."}}'
        if request.method == "POST":
            self.generations[target] = 7
        elif request.method == "DELETE":
            del self.generations[name]
            return 204, {}, ""
        return 200, {}, json.dumps({"name": name, "size": "3", "generation": str(now), "updated": "2026-11-01T10:00:00Z"})

    def replace(self) -> None:
        self.generations["out/a.csv"] = 2


@pytest.fixture
def bucket() -> Iterator[Strict]:
    strict = Strict()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        for method in ("GET", "POST", "DELETE"):
            mocked.add_callback(method, re.compile(re.escape(f"{URL}/storage/v1/b/bucket/o/")), callback=strict.answer)
        yield strict


def put_away(after: str) -> bool:
    access = RemoteAccess("marketo", "gs", "", 0, "", "bucket", "out", after, endpoint=URL)
    with RemoteSource(access, sleep=lambda _: None).opened() as session:
        return session.put_away(Original("a.csv", 3, "1"), SHA)


def test_a_deletion_and_a_move_name_the_generation_that_was_fetched(bucket: Strict) -> None:
    assert put_away("delete")
    assert bucket.sent == [("DELETE", "out/a.csv", {"ifGenerationMatch": "1"})]
    assert bucket.generations == {}
    bucket.sent, bucket.generations = [], {"out/a.csv": 1}
    assert put_away("move")
    assert bucket.sent == [
        ("POST", "out/a.csv", {"ifSourceGenerationMatch": "1"}),
        ("DELETE", "out/a.csv", {"ifGenerationMatch": "1"}),
    ]
    assert set(bucket.generations) == {DONE}


@pytest.mark.parametrize("after", ["delete", "move"])
def test_what_was_replaced_after_the_last_look_stays_and_is_no_trouble(bucket: Strict, after: str) -> None:
    bucket.before = bucket.replace
    assert not put_away(after)
    assert bucket.generations == {"out/a.csv": 2}
    assert len(bucket.sent) == 1  # no deletion after a copy that was refused


def test_what_was_replaced_between_its_copy_and_its_deletion_stays(bucket: Strict) -> None:
    bucket.before = lambda: bucket.replace() if len(bucket.sent) == 2 else None
    assert not put_away("move")
    assert bucket.generations == {"out/a.csv": 2, DONE: 7}


def test_what_somebody_else_took_away_meanwhile_is_no_trouble(bucket: Strict) -> None:
    bucket.before = bucket.generations.clear
    assert not put_away("delete")


@pytest.mark.parametrize(("status", "kind"), [(403, SourceRefused), (503, SourceUnreachable)])
def test_every_other_no_is_told(bucket: Strict, status: int, kind: type[Exception]) -> None:
    bucket.status = status
    with pytest.raises(kind):
        put_away("delete")
    assert bucket.generations == {"out/a.csv": 1}


def test_the_bytes_are_asked_for_of_the_generation_that_was_listed(bucket: Strict) -> None:
    access = RemoteAccess("marketo", "gs", "", 0, "", "bucket", "out", "leave", endpoint=URL)
    with RemoteSource(access, sleep=lambda _: None).opened() as session:
        session.read(Original("a.csv", 3, "1"), 0, 3)
    assert bucket.asked == [{"alt": "media", "generation": "1"}]
