"""Two products, or two drugs, in one patient: cells add up before their effects saturate."""

from __future__ import annotations

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values

ONE, TWO = ibd_system(), ibd_system(products=("product", "second"))


def halves(kind: str) -> tuple[list[float], list[float], dict[str, float], dict[str, float]]:
    """A patient with one product, and the same with its cells split over two instances; with the values of each."""
    random = np.random.default_rng(3)
    single = {name: random.uniform(0.1, 0.9) * (1e8 if s.unit == "cell" else 1) for name, s in ONE.states.items()}
    split = {}
    for name in TWO.states:
        instance, _, key = name.partition(".")
        given = instance in ("product", "second")
        split[name] = (
            single[f"product.{key}"] / 2
            if given and key != "competence"
            else single[name.replace("second.", "product.")]
        )
    one = numbers(profile_values(ONE, "ibd-core", kind, "vedolizumab"))
    two = one | {f"second.{k.partition('.')[2]}": v for k, v in one.items() if k.startswith("product.")}
    return list(single.values()), list(split.values()), one, two


@pytest.mark.parametrize("kind", ["allogeneic-msc", "treg", "car-t", "hsc"])
def test_two_half_doses_of_one_product_are_one_dose(kind: str) -> None:
    single, split, one, two = halves(kind)
    whole = dict(zip(ONE.states, ONE.rates(single, one), strict=True))
    parts = dict(zip(TWO.states, TWO.rates(split, two), strict=True))
    for name, rate in whole.items():
        both = parts[name] + parts[f"second.{name.partition('.')[2]}"] if name.startswith("product.") else parts[name]
        if name != "product.competence":
            assert both == pytest.approx(rate, rel=1e-12)
    for signal in ONE.signals:
        assert TWO.signal(signal, split, two) == pytest.approx(ONE.signal(signal, single, one), rel=1e-12)


def test_own_cells_do_not_hide_foreign_ones() -> None:
    values = numbers(profile_values(TWO, "ibd-core", "allogeneic-msc", "treg", "no-drug", instances={"treg": "second"}))
    y = [0.0] * len(TWO.states)
    y[TWO.state_index("marrow.t_space")] = 1.0
    y[TWO.state_index("product.gut")] = 3e7
    effectors = TWO.state_index("alloimmunity.effectors")
    alone = TWO.rates(y, values)[effectors]
    y[TWO.state_index("second.gut")] = 1e9
    assert TWO.rates(y, values)[effectors] == alone > 0


def test_two_drugs_block_each_their_own_target() -> None:
    system = ibd_system(drugs=("drug", "second"))
    values = numbers(
        profile_values(
            system, "ibd-core", "no-product", "infliximab", "vedolizumab", instances={"vedolizumab": "second"}
        )
    )
    y = [0.0] * len(system.states)
    y[system.state_index("drug.central")] = values["drug.volume_central"] * values["drug.half_tnf"]
    y[system.state_index("second.central")] = values["second.volume_central"] * values["second.half_integrin"]
    assert system.signal("tnf_blockade", y, values) == pytest.approx(values["drug.tnf_effect"] / 2)
    assert system.signal("integrin_blockade", y, values) == pytest.approx(values["second.integrin_effect"] / 2)


def test_a_patient_without_product_or_drug_is_a_system_too() -> None:
    bare = ibd_system(products=(), drugs=())
    values = numbers(profile_values(bare, "ibd-core"))
    start = [0.5] * len(bare.states)
    full = dict(zip(bare.states, start, strict=True))
    natural = numbers(profile_values(ONE, "ibd-core", "no-product", "no-drug"))
    y = [full.get(name, 0.0) for name in ONE.states]
    rates = dict(zip(ONE.states, ONE.rates(y, natural), strict=True))
    assert bare.rates(start, values) == pytest.approx([rates[name] for name in bare.states], rel=1e-12)
