"""Write a table or a query's rows to a file: CSV or Parquet."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pyarrow.parquet as pq

from garnet_cli.errors import UsageError
from garnet_cli.store.query import Telemetry

ROWS_AT_ONCE = 10_000


def export(telemetry: Telemetry, sql: str, path: Path) -> int:
    """Write the rows of ``sql`` to ``path``, whole or not at all; return how many.

    The file's ending says the format. In CSV a map or a histogram is JSON text. Raises UsageError for
    another ending, SQL that fails, or a path that cannot be written.
    """
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{path} ends in neither .csv nor .parquet")
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        os.close(descriptor)
        try:
            rows = write(telemetry, sql, Path(name))
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    return rows


def write_csv(telemetry: Telemetry, sql: str, stream: TextIO) -> int:
    """Write the rows of ``sql`` as CSV with a line of column names; return how many. Raises UsageError."""
    answer = telemetry.ask(sql)
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(answer.columns)
    rows = 0
    for row in answer.rows:
        writer.writerow([_cell(value) for value in row])
        rows += 1
    return rows


def _cell(value: object) -> object:
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else value


def _to_csv(telemetry: Telemetry, sql: str, path: Path) -> int:
    with path.open("w", newline="", encoding="utf-8") as stream:
        return write_csv(telemetry, sql, stream)


def _to_parquet(telemetry: Telemetry, sql: str, path: Path) -> int:
    rows = 0
    with (
        telemetry.batches(sql, ROWS_AT_ONCE) as reader,
        pq.ParquetWriter(path, reader.schema, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


FORMATS: dict[str, Callable[[Telemetry, str, Path], int]] = {".csv": _to_csv, ".parquet": _to_parquet}
