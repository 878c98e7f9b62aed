"""Open the fleet's store, and turn its errors into the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from garnet_cli.errors import GarnetError, UnreachableError, UsageError
from garnet_cli.fleet.inventory import Inventory
from garnet_cli.fleet.secrets_file import read_secrets
from node_scripts.monitor.config import ACCESS_KEY_NAME, SECRET_KEY_NAME
from node_scripts.store.objects import (
    Credentials,
    ObjectStore,
    StoreAddress,
    StoreError,
    StoreUnreachableError,
)
from node_scripts.store.open import open_object_store

S3 = "s3://"


def open_store(inventory: Inventory, environ: Mapping[str, str] = os.environ) -> ObjectStore:
    """Return the store that the inventory names, without reaching for it yet.

    Raises UsageError where it names none or its keys are half there, and StoreRefusedError for an
    address of no known kind.
    """
    url = inventory.fleet.store
    if url is None:
        raise UsageError(
            f"{inventory.path} names no store",
            remedy='write `store = "s3://bucket/prefix"` or `store = "/path/of/a/folder"` into [fleet]',
        )
    telemetry = inventory.telemetry
    address = StoreAddress(url=url, endpoint=telemetry.endpoint, region=telemetry.region)
    return open_object_store(address, credentials(read_secrets(inventory, environ)) if _is_s3(url) else None)


def open_place(
    place: str,
    inventory: Inventory | None,
    endpoint: str | None,
    region: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> ObjectStore:
    """Return the store at a URL or a path; the inventory's own comes with its endpoint and keys.

    Raises as ``open_store``.
    """
    url = place if _is_s3(place) else str(Path(place).expanduser().absolute())
    if inventory is not None and endpoint is None and inventory.fleet.store == url.rstrip("/"):
        return open_store(inventory, environ)
    address = StoreAddress(url=url, endpoint=endpoint, region=region or "auto")
    return open_object_store(address, credentials(environ) if _is_s3(url) else None)


def credentials(secrets: Mapping[str, str]) -> Credentials | None:
    """Return the key pair; ``None`` leaves it to S3's own places. Raises UsageError for half a pair."""
    found = {name: secrets.get(name, "") for name in (ACCESS_KEY_NAME, SECRET_KEY_NAME)}
    missing = [name for name, value in found.items() if not value]
    if len(missing) == len(found):
        return None
    if missing:
        raise UsageError(
            f"{missing[0]} is not set, but its other half is",
            remedy="set both in the environment or in the file that `secrets` of [telemetry] names",
        )
    return Credentials(found[ACCESS_KEY_NAME], found[SECRET_KEY_NAME])


@contextmanager
def store_errors() -> Iterator[None]:
    """Let a store's errors leave the block as GarnetError: exit code 4 where it does not answer."""
    try:
        yield
    except StoreUnreachableError as error:
        raise UnreachableError(f"store {error}", remedy=error.remedy or None) from error
    except StoreError as error:
        raise GarnetError(f"store {error}", remedy=error.remedy or None) from error


def _is_s3(place: str) -> bool:
    return place.startswith(S3)
