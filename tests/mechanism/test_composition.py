"""What is left out of a System stays where it is or is read by nobody; what is left has the same mathematics."""

from __future__ import annotations

import numpy as np
import pytest

from homing.biology.attractors import INFLAMED
from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.mechanism import Composition, Module, Parameter, Reads, State, assemble, compose, emits

GUT = [*INFLAMED, "barrier.integrity"]


class Tank(Module):
    """A tank that drains into the next."""

    level = State("level", "1", initial=0)
    k_drain = Parameter("drain", "1/d")

    @emits("1/d")
    def drained(self, y, p, s):
        """What drains."""
        return p.k_drain * y.level

    def rates(self, y, p, s):
        """Draining."""
        return {"level": -p.k_drain * y.level}


class Basin(Module):
    """A basin that tanks drain into, and a full one beside it."""

    level = State("level", "1", initial=0)
    full = State("filled share of a basin that only fills", "1", initial=1)
    k_fill = Parameter("filling", "1/d")
    drained = Reads("inflow", "1/d", total=True)

    @emits("1")
    def height(self, y, p, s):
        """Level with what stands in the other."""
        return y.level + y.full

    def rates(self, y, p, s):
        """Inflow; logistic filling."""
        return {"level": s.drained, "full": p.k_fill * y.full * (1 - y.full)}


WATER = assemble(Tank("one"), Tank("two"), Basin("basin"))


def test_a_state_that_nothing_touches_and_that_rests_is_its_number() -> None:
    part = compose(WATER, ["one.level"], ["height"])
    assert isinstance(part, Composition)
    assert list(part.states) == ["one.level", "basin.level"]
    assert part.resting == {"two.level": 0, "basin.full": 1}
    values = {"one.k_drain": 2.0, "two.k_drain": 3.0, "basin.k_fill": 1.0}
    assert part.rates([4.0, 1.0], values) == [-8.0, 8.0]
    assert part.signal("height", [4.0, 1.0], values) == 2.0


def test_what_is_touched_moves_and_takes_with_it_what_it_reaches() -> None:
    assert list(compose(WATER, ["two.level", "basin.full"], ["height"]).states) == [
        "two.level",
        "basin.level",
        "basin.full",
    ]


def test_what_nothing_reads_is_left_out_although_it_moves() -> None:
    part = compose(WATER, ["one.level"], ["drained"])
    assert isinstance(part, Composition)
    assert list(part.states) == ["one.level"] and part.unread == ("basin.level",)


def test_a_value_that_is_zero_in_every_run_cuts_off_what_hangs_on_it() -> None:
    part = compose(WATER, ["one.level"], ["height"], zeros=["one.k_drain"])
    assert list(part.states) == ["one.level"]
    assert part.rates([4.0], {"one.k_drain": 0.0, "two.k_drain": 3.0, "basin.k_fill": 1.0}) == [0]


def test_a_system_of_which_all_is_needed_is_itself() -> None:
    assert compose(WATER, [*WATER.states], ["height"]) is WATER


def test_parts_of_one_system_are_told_apart() -> None:
    a, b = compose(WATER, ["one.level"], ["height"]), compose(WATER, ["two.level"], ["height"])
    assert len({WATER.fingerprint, a.fingerprint, b.fingerprint}) == 3
    assert len({WATER.identity, a.identity, b.identity}) == 3


@pytest.mark.parametrize(
    ("touched", "gone", "kept"),
    [
        ([], {"product", "tract", "marrow", "alloimmunity", "microbes", "drug", "efferocytosis"}, {"markers"}),
        (["drug.central"], {"product", "tract", "marrow"}, {"drug"}),
        (["microbes.engrafted"], {"product", "tract", "drug"}, {"microbes"}),
        (["marrow.capacity"], {"product", "tract", "drug"}, {"marrow"}),
        (["tract.sepsis"], {"product", "marrow", "drug", "microbes"}, {"tract"}),
    ],
)
def test_of_the_mechanism_only_the_modules_that_are_reached_are_left(touched, gone, kept) -> None:
    whole = ibd_system()
    part = compose(whole, [*GUT, *touched], ["cdai", "pdai", "markers.crp", "infection_hazard"])
    left = {name.partition(".")[0] for name in part.states}
    assert not left & gone and left >= {"innate", "tcells", "barrier", *kept}


@pytest.mark.parametrize("product", ["allogeneic-msc", "hsc", "treg", "car-t"])
def test_the_rates_that_are_left_are_those_of_the_whole(product: str) -> None:
    whole = ibd_system()
    values = numbers(profile_values(whole, "ibd-core", product, "vedolizumab"))
    zeros = [name for name, number in values.items() if number == 0 and name.startswith(("product.", "drug."))]
    part = compose(whole, [*GUT, "product.blood", "product.lung"], ["cdai", "markers.crp", "infection_hazard"], zeros)
    assert isinstance(part, Composition)
    random = np.random.default_rng(1)
    for _ in range(20):
        y = {name: random.uniform(0.1, 0.9) * (1e8 if s.unit == "cell" else 1) for name, s in part.states.items()}
        all_ = {name: y.get(name, part.resting.get(name, 0.3)) for name in whole.states}
        rates = dict(zip(whole.states, whole.rates(list(all_.values()), values), strict=True))
        assert part.rates(list(y.values()), values) == pytest.approx([rates[name] for name in part.states], rel=1e-12)
        assert [rates[name] for name in part.resting] == [0] * len(part.resting)
        for signal in ("cdai", "infection_hazard", "il6"):
            assert part.signal(signal, list(y.values()), values) == pytest.approx(
                whole.signal(signal, list(all_.values()), values), rel=1e-12
            )
