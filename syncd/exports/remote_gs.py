"""How are exports fetched from Google Cloud Storage?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from aiohttp import ClientError
from gcsfs.core import GCSFileSystem
from gcsfs.retry import HttpError
from google.auth.exceptions import GoogleAuthError

from syncd.core.fetching import Original
from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.buckets import ANSWER_S, Bucket
from syncd.exports.remote import DONE, put_away_name
from syncd.ports.sources import Listing, Proof

_PAGE, _PAGES_MAX = 1000, 11
_OBJECTS, _OBJECT = "b/{}/o", "b/{}/o/{}"


@contextmanager
def gs_session(access: RemoteAccess) -> Iterator[GsSession]:
    """Open a bucket for a `with` block. Errors: SourceRefused, SourceUnreachable."""
    token: Any = "google_default"
    if access.key_file is not None:
        try:
            token = json.loads(access.key_file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            text = f"{access.key_file} holds no key of a service account in JSON."
            raise SourceRefused(text, hint="Download the key again from IAM > Service accounts > Keys.") from error
    elif access.endpoint:
        token = "anon"
    with Bucket(access, (GoogleAuthError,), (ClientError,)).told():
        system = GCSFileSystem(
            token=token,
            access="read_only" if access.after == "leave" else "read_write",
            endpoint_url=access.endpoint or None,
            use_listings_cache=False,
            skip_instance_cache=True,
            requests_timeout=ANSWER_S,
        )
    try:
        yield GsSession(access, system)
    finally:
        session = getattr(system, "_session", None)
        if session is not None:
            GCSFileSystem.close_session(system.loop, session)


class GsSession(Bucket):
    """A bucket, and the folder in it that the URL names."""

    def __init__(self, access: RemoteAccess, system: Any) -> None:
        super().__init__(access, (GoogleAuthError,), (ClientError, HttpError))
        self._system = system

    def _call(self, method: str, path: str, *words: str, **arguments: Any) -> Any:
        with self.told():
            return self._system.call(method, path, self.access.root, *words, timeout=2 * ANSWER_S, **arguments)

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        found: list[Original] = []
        more: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            page = self._call("GET", _OBJECTS, delimiter="/", prefix=self.prefix, maxResults=_PAGE, json_out=True, **more)
            items = [each for each in page.get("items", ()) if each["name"] != self.prefix]
            found += [_original(each, self.name_of(each["name"])) for each in items]
            if not page.get("nextPageToken"):
                break
            more = {"pageToken": page["nextPageToken"]}
        return Listing(tuple(found))

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on."""
        with self.told():
            path = f"{self.access.root}/{self.key(original.name)}"
            end = min(offset + size_bytes, original.size_bytes)
            data = self._system.cat_file(path, start=offset, end=end, timeout=2 * ANSWER_S)
        return bytes(data)

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now, with the MD5 that the bucket tells of any object that was put as one."""
        try:
            found = self._call("GET", _OBJECT, self.key(original.name), json_out=True)
        except SourceRefused:
            if self.is_gone:
                return None
            raise
        md5 = base64.b64decode(found.get("md5Hash", "")).hex()
        return Proof(_original(found, original.name), md5)

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original, on the condition that its bytes are still those that were fetched."""
        proof = self.look(original)
        if proof is None or proof.original.mark != original.mark:
            return False
        key, path = self.key(original.name), f"{self.access.root}/{self.key(original.name)}"
        if self.access.after == "move":
            target = self.key(f"{DONE}/{put_away_name(sha256, original.name)}")
            with self.told():
                self._system.cp_file(path, f"{self.access.root}/{target}", timeout=2 * ANSWER_S)
        try:
            self._call("DELETE", _OBJECT, key, ifGenerationMatch=original.mark)
        except SourceRefused:
            if self.is_gone or self.is_changed:
                return False
            raise
        return True

    def may_put_away(self) -> None:
        """Ask which of the rights that this takes the account has."""
        needed = ["storage.objects.delete", *(["storage.objects.create"] if self.access.after == "move" else [])]
        for right in needed:
            answer = self._call("GET", "b/{}/iam/testPermissions", permissions=right, json_out=True)
            if right not in answer.get("permissions", ()):
                text = f"{self.access.address}: the service account lacks {right}."
                raise SourceRefused(text, hint="Grant it the role Storage Object User on the bucket.")


def _original(found: dict[str, Any], name: str) -> Original:
    at = datetime.fromisoformat(found["updated"]) if found.get("updated") else None
    return Original(name, int(found["size"]), str(found["generation"]), at)
