"""A store in a bucket of S3, R2 or another server that speaks S3's protocol."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

from node_scripts.store.keys import check_key
from node_scripts.store.objects import (
    Credentials,
    ObjectInfo,
    ObjectMissingError,
    StoreAddress,
    StoreError,
    StoreRefusedError,
    StoreUnreachableError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETE_AT_ONCE = 1000
"""Most keys that DeleteObjects takes."""

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".png": "image/png",
    ".pdf": "application/pdf",
}
OTHER_CONTENT = "application/octet-stream"
"""Also of what is packed: with a type of its own, some clients would unpack it on the way."""
CONNECTIONS = 32
"""Kept open at most: more than any command or monitor has threads at work on a store."""

_CONFLICT, _EXISTS, _NOT_IMPLEMENTED = 409, 412, 501
_MISSING = {"NoSuchKey", "404", "NotFound"}
_REMEDIES = {
    "NoSuchBucket": "make the bucket, or correct its name",
    "InvalidAccessKeyId": "correct the store's access key",
    "SignatureDoesNotMatch": "correct the store's secret key",
    "AccessDenied": "give the store's key the right to read, write, list and delete in this bucket",
    "RequestTimeTooSkewed": "set this machine's clock",
    "ExpiredToken": "give the store a key that has not expired",
}


class S3Store:
    """Objects below a prefix of one bucket."""

    def __init__(self, address: StoreAddress, credentials: Credentials | None) -> None:
        """Prepare a client, without connecting; ``None`` leaves credentials to boto3's own chain."""
        bucket, _, prefix = address.url.removeprefix("s3://").partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._where = f"{address.endpoint or 's3'}/{bucket}"
        self._conditional = True
        self._client = _client(address, credentials)

    def __repr__(self) -> str:
        """Name it in errors and logs; never its credentials."""
        return self._where

    def put(self, key: str, content: bytes, *, only_new: bool = True) -> bool:
        """Write an object whole; with ``only_new`` leave one that exists alone and return False.

        Servers that ignore the condition overwrite; one that does not know it is asked without.
        """
        request: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": self._prefix + check_key(key),
            "Body": content,
            "ContentType": content_type(key),
        }
        with self._errors(key):
            if only_new and self._conditional:
                try:
                    self._client.put_object(**request, IfNoneMatch="*")
                except ClientError as error:
                    status = _status(error)
                    if status == _EXISTS:
                        return False
                    if status != _NOT_IMPLEMENTED:
                        raise
                    self._conditional = False
                else:
                    return True
            self._client.put_object(**request)
            return True

    def get(self, key: str) -> bytes:
        """Return an object's content. Raises ObjectMissingError."""
        with self._errors(key):
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + check_key(key))
            return found["Body"].read()

    def list(self, prefix: str, start_after: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects under ``prefix`` in the order of their keys, from after ``start_after``."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if start_after:
            request["StartAfter"] = self._prefix + start_after
        while True:
            with self._errors(prefix):
                page = self._client.list_objects_v2(**request)
            for one in page.get("Contents", []):
                key = one["Key"].removeprefix(self._prefix)
                if key > start_after:
                    yield ObjectInfo(key, one["Size"], one["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; one that is not there is none to delete."""
        wanted = [self._prefix + check_key(key) for key in keys]
        for begin in range(0, len(wanted), DELETE_AT_ONCE):
            part = wanted[begin : begin + DELETE_AT_ONCE]
            with self._errors(part[0]):
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": key} for key in part], "Quiet": True},
                )
            for failed in answer.get("Errors", []):
                if failed.get("Code") not in _MISSING:
                    raise self._refused(str(failed.get("Code")), str(failed.get("Key")))

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._translated(error, key) from error
        except (ConnectionError, HTTPClientError) as error:
            raise StoreUnreachableError(
                f"{self!r} does not answer ({type(error).__name__})", "see whether it runs and can be reached"
            ) from error
        except (BotoCoreError, ValueError) as error:  # no credentials found, an endpoint that is no URL
            raise StoreRefusedError(
                f"{self!r}: {type(error).__name__}", "correct the store's settings and keys"
            ) from error

    def _translated(self, error: ClientError, key: str) -> StoreError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = _status(error)
        if code in _MISSING:
            return ObjectMissingError(f"{self!r}: no object {key}")
        if code == "SlowDown" or status in (408, _CONFLICT, 429) or status >= 500:  # noqa: PLR2004
            return StoreUnreachableError(f"{self!r} answered {status} {code}", "it is tried again")
        return self._refused(code or str(status), key)

    def _refused(self, code: str, key: str) -> StoreRefusedError:
        remedy = _REMEDIES.get(code, "see the store's own log")
        return StoreRefusedError(f"{self!r} refused {key or 'the request'}: {code}", remedy)


def content_type(key: str) -> str:
    """Return the media type that a browser is told of an object, by its key's suffix."""
    return CONTENT_TYPES.get(PurePosixPath(key).suffix.lower(), OTHER_CONTENT)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _client(address: StoreAddress, credentials: Credentials | None) -> S3Client:
    """Make a client that waits briefly; checksums only where S3 asks for them (R2, older servers)."""
    config = Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 3, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if address.endpoint else {},
        max_pool_connections=CONNECTIONS,
    )
    keys: dict[str, Any] = {}
    if credentials is not None:
        keys["aws_access_key_id"] = credentials.access_key_id
        keys["aws_secret_access_key"] = credentials.secret_access_key
    region = address.region
    if not address.endpoint and region == "auto":
        region = "us-east-1"
    try:
        session = boto3.session.Session()
        return session.client("s3", endpoint_url=address.endpoint, region_name=region, config=config, **keys)
    except (BotoCoreError, ValueError) as error:
        raise StoreRefusedError(
            f"{address.endpoint or 's3'}: {type(error).__name__}", "correct the store's endpoint and region"
        ) from error
