"""Tables written piece by piece into one file that appears whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from homing.ground.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv


@contextlib.contextmanager
def parquet_file(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Write tables one after the other into one Parquet file, a row group each; whole or not at all."""
    import pyarrow.parquet as pq

    with whole_file(path) as temporary, contextlib.ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def write(table: pa.Table) -> None:
            if not writers:
                writers.append(stack.enter_context(pq.ParquetWriter(temporary, table.schema)))
            writers[0].write_table(table)

        yield write


@contextlib.contextmanager
def csv_file(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Write tables one after the other into one CSV file with a header; whole or not at all."""
    import pyarrow as pa
    from pyarrow import csv

    with whole_file(path) as temporary, contextlib.ExitStack() as stack:
        writers: list[csv.CSVWriter] = []

        def write(table: pa.Table) -> None:
            named = [name for name in table.schema.names if pa.types.is_dictionary(table.schema.field(name).type)]
            for name in named:
                table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
            if not writers:
                options = csv.WriteOptions(quoting_style="needed")
                writers.append(stack.enter_context(csv.CSVWriter(temporary, table.schema, write_options=options)))
            writers[0].write_table(table)

        yield write
