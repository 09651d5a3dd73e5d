"""How are exports fetched from S3, or from a service that speaks its protocol?"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import s3fs
from botocore.exceptions import BotoCoreError, NoCredentialsError, PartialCredentialsError

from syncd.core.fetching import Original
from syncd.errors import SourceRefused
from syncd.exports.access import RemoteAccess
from syncd.exports.remote.buckets import ANSWER_S, CONNECT_S, Bucket
from syncd.exports.remote.common import DONE, put_away_name, too_many
from syncd.ports.sources import Listing, Proof

_PAGE = 1000
_PAGES_MAX = 11  # of LISTED_MAX and one more; folders count, and a page may be shorter
_LONE_MD5 = 32


@contextmanager
def s3_session(access: RemoteAccess) -> Iterator[S3Session]:
    """Open a bucket for a `with` block. Errors: SourceRefused, SourceUnreachable."""
    system = s3fs.S3FileSystem(
        key=access.access_key or None,
        secret=access.secret.get_secret_value() or None,
        endpoint_url=access.endpoint or None,
        client_kwargs={"region_name": access.region} if access.region else None,
        config_kwargs={"connect_timeout": CONNECT_S, "read_timeout": ANSWER_S, "retries": {"max_attempts": 1}},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    system.retries = 1  # `remote` asks again, and knows how long
    try:
        yield S3Session(access, system)
    finally:
        if getattr(system, "_s3", None) is not None:
            s3fs.S3FileSystem.close_session(system.loop, system._s3)


class S3Session(Bucket):
    """A bucket, and the folder in it that the URL names."""

    def __init__(self, access: RemoteAccess, system: Any) -> None:
        super().__init__(access, (NoCredentialsError, PartialCredentialsError), (BotoCoreError,))
        self._system = system

    def _call(self, method: str, **arguments: Any) -> Any:
        with self.told():
            return self._system.call_s3(method, Bucket=self.access.root, **arguments, timeout=ANSWER_S)

    def listing(self) -> Listing:
        """Return what lies in the folder now."""
        found: list[Original] = []
        more: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            page = self._call("list_objects_v2", Prefix=self.prefix, Delimiter="/", MaxKeys=_PAGE, **more)
            found += [_listed(each, self.name_of(each["Key"])) for each in page.get("Contents", ()) if each["Key"] != self.prefix]
            if not page.get("IsTruncated"):
                return Listing(tuple(found))
            more = {"ContinuationToken": page["NextContinuationToken"]}
        raise too_many()

    def read(self, original: Original, offset: int, size_bytes: int) -> bytes:
        """Return the bytes from an offset on."""
        with self.told():
            path = f"{self.access.root}/{self.key(original.name)}"
            end = min(offset + size_bytes, original.size_bytes)
            data = self._system.cat_file(path, start=offset, end=end, timeout=ANSWER_S)
        return bytes(data)

    def look(self, original: Original) -> Proof | None:
        """Return the original as it is now.

        Source: an entity tag is the MD5 of an object that was put in one part and is encrypted by S3's own key, or not at all
        (Amazon S3 API reference, Object, ETag).
        """
        try:
            head = self._call("head_object", Key=self.key(original.name), ChecksumMode="ENABLED")
        except SourceRefused:
            if self.is_gone:
                return None
            raise
        mark = head["ETag"].strip('"')
        is_md5 = len(mark) == _LONE_MD5 and head.get("ServerSideEncryption", "AES256") == "AES256" and not _has_own_key(head)
        return Proof(Original(original.name, head["ContentLength"], mark, head["LastModified"]), mark if is_md5 else "")

    def put_away(self, original: Original, sha256: str) -> bool:
        """Delete or move an original, on the condition that its bytes are still those that were fetched."""
        key, tag = self.key(original.name), f'"{original.mark}"'
        proof = self.look(original)
        if proof is None or proof.original.mark != original.mark:
            return False
        try:
            if self.access.after == "move":
                target = self.key(f"{DONE}/{put_away_name(sha256, original.name)}")
                source = {"Bucket": self.access.root, "Key": key}
                self._call("copy_object", Key=target, CopySource=source, CopySourceIfMatch=tag)
            self._call("delete_object", Key=key, IfMatch=tag)
        except SourceRefused:
            if self.is_changed:
                return False
            raise
        return True

    def may_put_away(self) -> None:
        """Delete an object that is not there: S3 says all the same whether that would be allowed."""
        self._call("delete_object", Key=self.key(f".syncd-check-{secrets.token_hex(8)}"))


def _has_own_key(head: dict[str, Any]) -> bool:
    return "SSECustomerAlgorithm" in head or "SSEKMSKeyId" in head


def _listed(each: dict[str, Any], name: str) -> Original:
    return Original(name, each["Size"], each["ETag"].strip('"'), each["LastModified"])
