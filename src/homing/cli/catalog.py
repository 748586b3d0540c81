"""`homing catalog`: products, drugs, routes and the rest of the catalogue, with their sources."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="What the catalogue holds.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_entries(
    kind: Annotated[str, typer.Argument(help="products, drugs, routes, carriers, procedures, populations ...")] = (
        "products"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """The entries of one kind.

    Example: homing catalog list products
    """
    from homing.evidence.catalogue import names, read_entry

    rows = []
    for key in names(kind):
        tree = read_entry(kind, key).tree
        name = tree.get("name") if isinstance(tree, dict) else None
        rows.append({"key": key, "en": (name or {}).get("en", ""), "zh": (name or {}).get("zh", "")})
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("key", "name", "名称")
    for row in rows:
        table.add_row(row["key"], row["en"], row["zh"])
    Console().print(table)


@app.command("show")
def show_entry(
    kind: Annotated[str, typer.Argument(help="products, drugs, routes, carriers, procedures, populations ...")],
    key: Annotated[str, typer.Argument(help="The entry's key.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """One entry, with every value, its basis and its source.

    Example: homing catalog show products darvadstrocel
    """
    import yaml

    from homing.evidence.catalogue import names, read_entry

    if kind == "drugs":
        from homing.ground.errors import StudyError
        from homing.protocol.outside import refusal_of

        if key not in names(kind) and refusal_of(key):
            raise StudyError(refusal_of(key))
        if key in names(kind):
            _show_drug(key, as_json)
            return
    tree = read_entry(kind, key).tree
    if as_json:
        typer.echo(json.dumps(tree, ensure_ascii=False, indent=1))
    else:
        typer.echo(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=110), nl=False)


def _show_drug(key: str, as_json: bool) -> None:
    from homing.cli.drug_page import drug_page, print_drug

    if as_json:
        typer.echo(json.dumps(drug_page(key), ensure_ascii=False, indent=1))
    else:
        print_drug(key)
