"""`homing catalog`: products, drugs, routes and the rest of the catalogue, with their sources."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from homing.cli.tables import print_table
from homing.ground.errors import StudyError

app = typer.Typer(
    help="What the catalogue holds: entries, one entry, products side by side.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Lang = Annotated[str, typer.Option("--lang", help="en or zh.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_entries(
    kind: Annotated[str, typer.Argument(help="products, drugs, routes, carriers, procedures, populations ...")] = (
        "products"
    ),
    lang: Lang = "en",
    as_json: AsJson = False,
) -> None:
    """The entries of one kind; products with their stage and the patients with IBD in their trials.

    Example: homing catalog list products --lang zh
    """
    from homing.evidence.catalogue import names, read_entry

    _check(lang)
    rows = []
    for key in names(kind):
        tree = read_entry(kind, key).tree
        name = tree.get("name") if isinstance(tree, dict) else None
        row: dict[str, Any] = {"key": key, "en": (name or {}).get("en", ""), "zh": (name or {}).get("zh", "")}
        rows.append(row | (_of_product(key) if kind == "products" else {}))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    if kind == "products":
        heads = ("key", *(("名称", "阶段", "IBD例数") if lang == "zh" else ("name", "stage", "patients with IBD")))
        print_table(heads, ((r["key"], r[lang], r["stage"].get(lang, ""), str(r["patients"])) for r in rows))
    else:
        print_table(("key", "name", "名称"), ((row["key"], row["en"], row["zh"]) for row in rows))


@app.command("show")
def show_entry(
    kind: Annotated[str, typer.Argument(help="products, drugs, routes, carriers, procedures, populations ...")],
    key: Annotated[str, typer.Argument(help="The entry's key.")],
    lang: Annotated[
        str,
        typer.Option(help="en or zh: texts in this language alone; both unless given. Drugs' pages are in English."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """One entry, with every value, its basis and its source.

    Of a product, what follows from the evidence and the profile stands last, under `computed`.

    Example: homing catalog show products darvadstrocel
    """
    import yaml

    from homing.evidence.catalogue import names, read_entry

    if lang:
        _check(lang)

    if kind == "drugs":
        from homing.ground.errors import StudyError
        from homing.protocol.outside import refusal_of

        if key not in names(kind) and refusal_of(key):
            raise StudyError(refusal_of(key))
        if key in names(kind):
            _show_drug(key, as_json)
            return
    tree = read_entry(kind, key).tree
    if kind == "products":
        from homing.cli.catalog_compare import compare_products
        from homing.evidence.store import load_store

        (facts,) = compare_products([key], load_store())
        computed = {
            name: facts[name]
            for name in ("patients", "patients with other diseases", "doses in trials", "trials", "values")
        }
        tree = {**tree, "computed": computed}
    tree = _in_language(tree, lang) if lang else tree
    if as_json:
        typer.echo(json.dumps(tree, ensure_ascii=False, indent=1))
    else:
        typer.echo(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=110), nl=False)


@app.command("compare")
def compare_entries(
    keys: Annotated[list[str], typer.Argument(help="Two or more products.")],
    lang: Lang = "en",
    as_json: AsJson = False,
) -> None:
    """Products side by side: stage, status by region, cells, dose, route, release, for and against, trials, values.

    Examples: homing catalog compare darvadstrocel th-sc01

              homing catalog compare autologous-hsct ova-treg cd19-car-t --lang zh
    """
    from homing.cli.catalog_compare import compare_products, table_rows, word
    from homing.evidence.store import load_store
    from homing.protocol import catalogue

    _check(lang)
    if len(set(keys)) < 2:
        raise StudyError("compare takes two or more different products: homing catalog compare darvadstrocel th-sc01")
    if as_json:
        typer.echo(json.dumps(compare_products(keys, load_store()), ensure_ascii=False, indent=1))
        return
    heads = (word("product", lang), *(catalogue.product(key).name[lang] for key in keys))
    print_table(heads, ((label, *cells) for label, cells in table_rows(keys, load_store(), lang)), lines=True)


def _of_product(key: str) -> dict[str, Any]:
    from homing.evidence.store import load_store
    from homing.protocol import catalogue
    from homing.protocol.product_evidence import patients_treated

    product = catalogue.product(key)
    stage = {"en": product.stage.en, "zh": product.stage.zh} if product.stage else {}
    return {"stage": stage, "exploratory": product.exploratory, "patients": patients_treated(product, load_store())}


def _in_language(node: Any, lang: str) -> Any:
    """An entry with every text that stands in both languages in one alone."""
    if isinstance(node, dict):
        if set(node) == {"en", "zh"}:
            return node[lang]
        if {"en", "zh"} <= set(node):  # a statement with its sources
            rest = {key: _in_language(part, lang) for key, part in node.items() if key not in ("en", "zh")}
            return {lang: node[lang], **rest}
        return {key: _in_language(part, lang) for key, part in node.items()}
    return [_in_language(part, lang) for part in node] if isinstance(node, list) else node


def _check(lang: str) -> None:
    if lang not in ("en", "zh"):
        raise StudyError(f"'{lang}' is no language of Homing. Write --lang en or --lang zh.")


def _show_drug(key: str, as_json: bool) -> None:
    from homing.cli.drug_page import drug_page, print_drug

    if as_json:
        typer.echo(json.dumps(drug_page(key), ensure_ascii=False, indent=1))
    else:
        print_drug(key)
