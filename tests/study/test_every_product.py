"""Every product of the catalogue simulates from a one-page study file that names nothing but the product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from homing.patients.population import Population, population
from homing.protocol import catalogue
from homing.protocol.product import Product
from homing.study.resolve import read_study
from homing.study.run import run

#: In whom a product is tried, and what is asked of it.
SETTINGS = {
    "fistula": ("perianal-fistula-refractory-cd", "combined-remission", "pdai"),
    "crohn": ("luminal-cd-moderate-severe", "cdai-remission", "cdai"),
    "refractory": ("refractory-luminal-cd-hsct", "cdai-remission", "cdai"),
    "colitis": ("uc-moderate-severe", "mayo-remission", "mayo"),
}


def setting(product: Product) -> str:
    """The population for a product: by its usual route, then by its kind."""
    if catalogue.route(product.usual["route"]).site == "fistula":
        return "fistula"
    return {"hsc": "refractory", "bacteria": "colitis", "car-t": "colitis"}.get(product.kind, "crohn")


def times(text: str) -> str:
    """The usual times as a study file writes them."""
    first, _, every = text.partition(", then every ")
    if not every:
        return "[" + text + "]"
    step, _, last = every.partition(" until ")
    day = 7 * int(last.split()[1]) if last.startswith("week") else int(last.split()[1])
    return f"{{from: {first}, every: 1 {step}, times: {day + 1}}}"


def smallest(product: Product) -> str:
    """The smallest study of a product: its usual regimen after its own preparation, against the preparation alone.

    A graft's control is nothing at all, since conditioning without a graft is no treatment.
    """
    who, endpoint, _ = SETTINGS[setting(product)]
    before = [*product.prepare]
    if setting(product) == "fistula":
        before.append("curettage-and-seton-removal")
    procedures = ", ".join(f"{{do: {key}, at: day 0}}" for key in before)
    usual = product.usual
    carrier = f", carrier: {usual['carrier']}" if "carrier" in usual else ""
    control = "{untreated: yes}" if product.kind == "hsc" or not before else f"{{procedures: [{procedures}]}}"
    return f"""homing: 1
study: Smallest study of {product.key}
population: {who}
patients: 20
seed: 1
scenarios: [pooled]
visits: [week 0, week 24]
arms:
  cells:
    procedures: [{procedures}]
    courses:
      - {{give: {product.key}, route: {usual["route"]}{carrier}, dose: {usual["dose"]}, at: {times(usual["at"])}}}
  control: {control}
candidate: cells
control: control
primary: {{endpoint: {endpoint}, at: week 24}}
""".replace("    procedures: []\n", "")


@pytest.mark.parametrize("product", catalogue.products(), ids=lambda p: p.key)
def test_a_product_simulates_from_its_smallest_study(product: Product, tmp_path: Path) -> None:
    file = tmp_path / "smallest.yaml"
    file.write_text(smallest(product), encoding="utf-8")
    results = pd.read_parquet(run(read_study(file), tmp_path / "runs").folder / "results.parquet")
    assert set(results["status"]) == {"success"}
    assert len(results[results["arm"] == "cells"]["patient"].unique()) == 20
    marker = results[SETTINGS[setting(product)][2]] if SETTINGS[setting(product)][2] in results else None
    assert marker is None or np.isfinite(marker).all()


def test_every_population_of_the_settings_exists() -> None:
    for who, _, _ in SETTINGS.values():
        found: Population = population(who)
        assert found.key == who
