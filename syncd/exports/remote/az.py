"""How are exports fetched from Azure Blob Storage?"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobProperties, BlobServiceClient, ContainerClient

from syncd.core.fetching import Original
from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.buckets import ANSWER_S, CONNECT_S, Bucket
from syncd.exports.remote.common import DONE, LISTED_MAX, put_away_name, too_many
from syncd.ports.sources import Listing, Proof

_REFUSED, _FORBIDDEN = 401, 403


@contextmanager
def az_session(access: RemoteAccess) -> Iterator[AzSession]:
    """Open a container for a `with` block. Without a secret the machine's own identity is used. Errors: as `Bucket.told`."""
    url = access.endpoint or f"https://{access.account}.blob.core.windows.net"
    secret = access.secret.get_secret_value()
    credential: Any = secret if "sig=" in secret else {"account_name": access.account, "account_key": secret}
    if not secret:
        from azure.identity import DefaultAzureCredential

        credential = DefaultAzureCredential()
    with Bucket(access, (ValueError,), ()).told():
        service = BlobServiceClient(
            url, credential=credential, connection_timeout=CONNECT_S, read_timeout=ANSWER_S, retry_total=0
        )
    with service:
        yield AzSession(access, service.get_container_client(access.root))


class AzSession(Bucket):
    """A container, and the folder in it that the URL names."""

    def __init__(self, access: RemoteAccess, container: ContainerClient) -> None:
        super().__init__(access, (), (AzureError,))
        self._container = container

    @contextmanager
    def _asked(self) -> Iterator[None]:
        with self.told():
            try:
                yield
            except ResourceModifiedError as error:
                raise OSError(f"412: {_words(error)}") from error
            except ResourceNotFoundError as error:
                raise FileNotFoundError(_words(error)) from error
            except (ClientAuthenticationError, HttpResponseError) as error:
                if error.status_code in (_REFUSED, _FORBIDDEN):
                    raise PermissionError(_words(error)) from error
                raise

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        with self._asked():
            entries = self._container.walk_blobs(name_starts_with=self.prefix, delimiter="/")
            found = list(islice(entries, LISTED_MAX + 1))  # folders count too
        if len(found) > LISTED_MAX:
            raise too_many()
        blobs = [each for each in found if isinstance(each, BlobProperties)]
        return Listing(tuple(_original(each, self.name_of(str(each.name))) for each in blobs if each.name != self.prefix))

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on, as long as the blob is the same."""
        length = min(size_bytes, original.size_bytes - offset)
        with self._asked():
            stream = self._container.download_blob(
                self.key(original.name),
                offset=offset,
                length=length,
                etag=_tag(original),
                match_condition=MatchConditions.IfNotModified,
            )
            return bytes(stream.readall())

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now, with its MD5 where whoever put it there told one."""
        try:
            with self._asked():
                found = self._container.get_blob_client(self.key(original.name)).get_blob_properties()
        except SourceRefused:
            if self.is_gone:
                return None
            raise
        md5 = found.content_settings.content_md5
        return Proof(_original(found, original.name), bytes(md5).hex() if md5 else "")

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original, on the condition that its bytes are still those that were fetched."""
        proof = self.look(original)
        if proof is None or proof.original.mark != original.mark:
            return False
        key = self.key(original.name)
        try:
            if self.access.after == "move" and not self._copied(original, sha256):
                return False
            with self._asked():
                self._container.delete_blob(key, etag=_tag(original), match_condition=MatchConditions.IfNotModified)
        except SourceRefused:
            if self.is_gone or self.is_changed:
                return False
            raise
        return True

    def _copied(self, original: Original, sha256: str) -> bool:
        """Copy an original to where it is kept; False while that goes on: nothing is deleted then, and the next look tries."""
        target = self._container.get_blob_client(self.key(f"{DONE}/{put_away_name(sha256, original.name)}"))
        source = self._container.get_blob_client(self.key(original.name)).url
        with self._asked():
            copy = target.start_copy_from_url(
                source, source_etag=_tag(original), source_match_condition=MatchConditions.IfNotModified
            )
        return bool(copy["copy_status"] == "success")

    def may_put_away(self) -> None:
        """Delete a blob that is not there: the answer says all the same whether that would be allowed."""
        try:
            with self._asked():
                self._container.delete_blob(self.key(f".syncd-check-{secrets.token_hex(8)}"))
        except SourceRefused:
            if not self.is_gone:
                raise


def _tag(original: Original) -> str:
    return f'"{original.mark}"'


def _words(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _original(found: BlobProperties, name: str) -> Original:
    return Original(name, int(found.size or 0), str(found.etag).strip('"'), found.last_modified)
