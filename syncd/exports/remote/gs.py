"""How are exports fetched from Google Cloud Storage? By its JSON API, with a login by google-auth."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials

from syncd.core.fetching import Original
from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.buckets import ANSWER_S, CONNECT_S, Bucket
from syncd.exports.remote.common import DONE, put_away_name, too_many
from syncd.ports.sources import Listing, Proof

_URL = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.{}"
_PAGE, _PAGES_MAX = 1000, 11
_RANGE_ENDS = 416  # asked for bytes behind the end


@contextmanager
def gs_session(access: RemoteAccess) -> Iterator[GsSession]:
    """Open a bucket for a `with` block. Without a key file the machine's own identity is used. Errors: as `Bucket.told`."""
    scopes = [_SCOPE.format("read_only" if access.after == "leave" else "read_write")]
    session: requests.Session
    with Bucket(access, (GoogleAuthError,), (TransportError,)).told():
        if access.key_file is not None:
            session = _logged_in(_service_account(access, scopes))
        elif access.endpoint:
            session = requests.Session()
        else:
            session = _logged_in(google.auth.default(scopes=scopes)[0])
    with session:
        yield GsSession(access, session)


def _logged_in(credentials: Any) -> requests.Session:
    session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return session


def _service_account(access: RemoteAccess, scopes: list[str]) -> Credentials:
    assert access.key_file is not None
    try:
        known = json.loads(access.key_file.read_text("utf-8"))
        found: Credentials = Credentials.from_service_account_info(known, scopes=scopes)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, GoogleAuthError) as error:
        text = f"{access.key_file} holds no key of a service account in JSON."
        raise SourceRefused(text, hint="Download the key again from IAM > Service accounts > Keys.") from error
    return found


class GsSession(Bucket):
    """A bucket, and the folder in it that the URL names."""

    def __init__(self, access: RemoteAccess, session: requests.Session) -> None:
        super().__init__(access, (GoogleAuthError,), (TransportError, requests.RequestException))
        self._session = session
        self._bucket = f"{access.endpoint or _URL}/storage/v1/b/{quote(access.root, safe='')}"

    def _call(self, method: str, path: str, *, given: dict[str, Any], **more: Any) -> requests.Response:
        with self.told():
            url = self._bucket + path
            answer = self._session.request(method, url, params=given, timeout=(CONNECT_S, ANSWER_S), **more)
            words = f"{answer.status_code} {answer.reason}"
            if answer.status_code == 404:
                raise FileNotFoundError(words)
            if answer.status_code in (401, 403):
                raise PermissionError(words)
            if not answer.ok and answer.status_code != _RANGE_ENDS:
                raise OSError(words)
            return answer

    def _object(self, name: str) -> str:
        return f"/o/{quote(self.key(name), safe='')}"

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        found: list[Original] = []
        more: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            given = {"delimiter": "/", "prefix": self.prefix, "maxResults": _PAGE, **more}
            page = self._call("GET", "/o", given=given).json()
            items = [each for each in page.get("items", ()) if each["name"] != self.prefix]
            found += [_original(each, self.name_of(each["name"])) for each in items]
            if not page.get("nextPageToken"):
                return Listing(tuple(found))
            more = {"pageToken": page["nextPageToken"]}
        raise too_many()

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on, of the version that was listed."""
        end = min(offset + size_bytes, original.size_bytes) - 1
        given = {"alt": "media", "generation": original.mark}
        # An object that is stored as gzip would come unpacked, in no range, and of another length.
        headers = {"Range": f"bytes={offset}-{end}", "Accept-Encoding": "gzip", "Cache-Control": "no-transform"}
        with self._call("GET", self._object(original.name), given=given, headers=headers, stream=True) as answer, self.told():
            data: bytes = b"" if answer.status_code == _RANGE_ENDS else answer.raw.read(end + 1 - offset, decode_content=False)
        return data

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now, with the MD5 that the bucket tells of any object that was put as one."""
        try:
            found = self._call("GET", self._object(original.name), given={}).json()
        except SourceRefused:
            if self.is_gone:
                return None
            raise
        return Proof(_original(found, original.name), base64.b64decode(found.get("md5Hash", "")).hex())

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original, on the condition that its bytes are still those that were fetched."""
        proof = self.look(original)
        if proof is None or proof.original.mark != original.mark:
            return False
        try:
            if self.access.after == "move":
                target = quote(self.key(f"{DONE}/{put_away_name(sha256, original.name)}"), safe="")
                path = f"{self._object(original.name)}/copyTo/b/{quote(self.access.root, safe='')}/o/{target}"
                self._call("POST", path, given={"ifSourceGenerationMatch": original.mark}, json={})
            self._call("DELETE", self._object(original.name), given={"ifGenerationMatch": original.mark})
        except SourceRefused:
            if self.is_gone or self.is_changed:
                return False
            raise
        return True

    def may_put_away(self) -> None:
        """Ask which of the rights that this takes the account has."""
        for right in ("storage.objects.delete", *(["storage.objects.create"] if self.access.after == "move" else [])):
            answer = self._call("GET", "/iam/testPermissions", given={"permissions": right}).json()
            if right not in answer.get("permissions", ()):
                text = f"{self.access.address}: the service account lacks {right}."
                raise SourceRefused(text, hint="Grant it the role Storage Object User on the bucket.")


def _original(found: dict[str, Any], name: str) -> Original:
    at = datetime.fromisoformat(found["updated"]) if found.get("updated") else None
    return Original(name, int(found["size"]), str(found["generation"]), at)
