"""The progress bar of the command line: what is done, patients per second, time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

#: Called with a step's name, what is finished of it so far (patients, chapters), and what it has in all.
Progress = Callable[[str, int, int], None]
SIMULATE = "simulate"


@contextlib.contextmanager
def progress(show: bool) -> Iterator[Progress]:
    """A function to report progress to. Without a terminal, or with `show` False, it prints nothing."""
    if not show or not sys.stderr.isatty():
        yield lambda step, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, int] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=max(total, 1), speed="")
            task = bar.tasks[tasks[step]]
            speed = f"{done / task.elapsed:,.0f} patients/s" if step == SIMULATE and task.elapsed else ""
            bar.update(task.id, completed=done, total=max(total, 1), speed=speed)

        yield report
