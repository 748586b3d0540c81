"""`homing schema`: the JSON Schema of study files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homing.cli.options import place


def schema(
    out: Annotated[Path | None, place("Write it to this file instead of printing it.")] = None,
) -> None:
    """Print the JSON Schema of study files, so that an editor completes keys and marks faults.

    In the first line of a study file, `# yaml-language-server: $schema=homing.schema.json` makes many editors use it.

    Example: homing schema --out homing.schema.json
    """
    import json

    from homing.study.folder import write_text
    from homing.study.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(text)
    else:
        write_text(out, text + "\n")
