"""Write rows into Parquet files named by their content."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from garnet_cli.store.manifest import ParquetFile
from garnet_cli.store.tables import SCHEMAS, conformed

ROWS_A_FILE = 500_000
ROWS_A_GROUP = 16_384
"""Rows that are held before they are written: bounds the memory, and what a query skips at once."""

RUN = b"garnet.run"
"""Metadata that tells runs apart: no two runs write a file of one name, so that cleaning up after a dead
one never takes a living one's file."""


@dataclass(slots=True)
class _Open:
    path: Path
    writer: Any
    rows: int = 0


class ParquetWriters:
    """Collects rows by table into files; hands each over when it is full, or at the end."""

    def __init__(
        self, run: str, deliver: Callable[[ParquetFile, Path], None], rows_a_file: int = ROWS_A_FILE
    ) -> None:
        """``deliver`` takes a finished file, which is deleted when it returns unless it was moved."""
        self._run = run
        self._deliver = deliver
        self._limit = rows_a_file
        self._folder = tempfile.TemporaryDirectory(prefix="garnet-parquet-")
        self._held: dict[str, list[Any]] = {}
        self._open: dict[str, _Open] = {}
        self._serial = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not handed over."""
        for one in self._open.values():
            one.writer.close()
        self._folder.cleanup()

    def add(self, tables: Mapping[str, Any]) -> None:
        """Add rows by table."""
        for name, table in tables.items():
            if len(table):
                held = self._held.setdefault(name, [])
                held.append(table)
                if sum(map(len, held)) >= ROWS_A_GROUP:
                    self._write(name)

    def finish(self) -> None:
        """Hand over all that is left."""
        for name in list(self._held):
            self._write(name)
        for name in list(self._open):
            self._close(name)

    def _write(self, name: str) -> None:
        held = self._held.pop(name)
        if name not in self._open:
            self._serial += 1
            path = Path(self._folder.name) / f"{self._serial}.parquet"
            schema = SCHEMAS[name].with_metadata({RUN: self._run.encode()})
            self._open[name] = _Open(path, pq.ParquetWriter(path, schema, compression="zstd"))
        one = self._open[name]
        table = pa.concat_tables(held)
        one.writer.write_table(table.replace_schema_metadata(one.writer.schema.metadata))
        one.rows += len(table)
        if one.rows >= self._limit:
            self._close(name)

    def _close(self, name: str) -> None:
        one = self._open.pop(name)
        one.writer.close()
        content = one.path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self._deliver(
            ParquetFile(
                name=f"{name}-{digest[:32]}.parquet",
                table=name,
                rows=one.rows,
                size_bytes=len(content),
                sha256=digest,
            ),
            one.path,
        )
        one.path.unlink(missing_ok=True)


def row_groups(content: bytes, table: str) -> Iterator[Any]:
    """Yield the rows of a file of ``table`` group by group, in today's schema."""
    with pq.ParquetFile(BytesIO(content)) as file:
        for group in range(file.num_row_groups):
            yield conformed(file.read_row_group(group), table)


def matching(path: Path, table: str, filters: Sequence[Any]) -> Any:
    """Return the rows of a file that ``filters`` (pyarrow's form) let through, in today's schema."""
    # Without partitioning: pyarrow would take folders such as date=… for columns.
    return conformed(pq.read_table(path, filters=list(filters), partitioning=None), table)
