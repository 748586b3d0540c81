"""The contract of a mechanism: what fits together runs, what doesn't is refused with the remedy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from homing.ground.errors import WiringError
from homing.mechanism import Module, Parameter, Reads, State, assemble, at_least, at_most, emits


class Cells(Module):
    """Cells that die."""

    tissue = State("living cells", "cell", initial=100)
    k_death = Parameter("death", "1/d")

    @emits("cell/d")
    def dying(self, y, p, s):
        """Cells dying per day."""
        return p.k_death * y.tissue

    def rates(self, y, p, s):
        return {"tissue": -p.k_death * y.tissue}


class Eaters(Module):
    """Phagocytes that count what they eat."""

    fed = State("cells eaten", "cell")
    dying = Reads("cells dying per day", "cell/d", total=True)

    def rates(self, y, p, s):
        return {"fed": s.dying}


class Single(Module):
    """Reads one writer only."""

    dying = Reads("cells dying per day", "cell/d")


def refuse(message: str, *modules: Module) -> None:
    with pytest.raises(WiringError, match=message):
        assemble(*modules)


def test_modules_in_any_order_give_the_same_rates() -> None:
    one, other = assemble(Cells(), Eaters()), assemble(Eaters(), Cells())
    rates = one.rates([100, 0], {"cells.k_death": 0.1})
    assert rates == [-10, 10]
    assert other.rates([0, 100], {"cells.k_death": 0.1}) == [10, -10]


def test_equations_run_alike_on_floats_arrays_and_symbols() -> None:
    system = assemble(Cells(), Eaters())
    on_arrays = system.rates(np.array([[100.0, 50.0], [0.0, 0.0]]), {"cells.k_death": np.array([0.1, 0.2])})
    assert np.array_equal(on_arrays, [[-10, -10], [10, 10]])
    states, parameters, rates = system.symbols()
    assert rates[1] == states[0] * parameters["cells.k_death"]


def test_two_instances_of_a_module_are_summed_by_a_reader_of_the_total() -> None:
    system = assemble(Cells("msc"), Cells("booster"), Eaters())
    values = {"msc.k_death": 0.1, "booster.k_death": 0.2}
    assert system.rates([100, 100, 0], values) == [-10, -20, 30]
    assert system.signal("dying", [100, 100, 0], values) == 30


def test_the_total_of_no_writer_is_nothing() -> None:
    assert assemble(Eaters()).rates([0], {}) == [0]


def test_mutual_reading_through_a_state_is_allowed() -> None:
    class Push(Module):
        level = State("level", "1", initial=2)
        pulled = Reads("pull", "1")

        @emits("1")
        def pushed(self, y, p, s):
            return y.level

        def rates(self, y, p, s):
            return {"level": -s.pulled}

    class Pull(Module):
        level = State("level", "1", initial=3)
        pushed = Reads("push", "1")

        @emits("1")
        def pulled(self, y, p, s):
            return y.level

        def rates(self, y, p, s):
            return {"level": s.pushed}

    assert assemble(Push(), Pull()).rates([2, 3], {}) == [-3, 2]


def test_misspelt_reading_is_refused_with_the_nearest_signal() -> None:
    class Misspelt(Module):
        dyin = Reads("cells dying", "cell/d")

    refuse("misspelt reads 'dyin' .*no module emits it. Did you mean 'dying'", Cells(), Misspelt())


def test_wrong_unit_is_refused() -> None:
    class Hourly(Module):
        dying = Reads("cells dying", "cell/h")

    refuse("hourly reads 'dying' in cell/h, cells emits it in cell/d", Cells(), Hourly())


def test_wrong_unit_is_refused_for_a_total_too() -> None:
    class Hourly(Module):
        dying = Reads("cells dying", "cell/h", total=True)

    refuse("hourly reads 'dying' in cell/h", Cells(), Hourly())


def test_one_reader_of_two_writers_is_refused() -> None:
    refuse(
        r"single reads 'dying', but msc and booster both emit it.*total=True", Cells("msc"), Cells("booster"), Single()
    )


def test_two_modules_of_one_name_are_refused() -> None:
    refuse("two modules are called 'cells'.*cells_2", Cells(), Cells())


def test_algebraic_loop_is_refused_with_its_path() -> None:
    class A(Module):
        b = Reads("b", "1")
        x = State("x", "1")

        @emits("1")
        def a(self, y, p, s):
            return s.b

        def rates(self, y, p, s):
            return {"x": s.b}

    class B(Module):
        a = Reads("a", "1")

        @emits("1")
        def b(self, y, p, s):
            return s.a

    refuse("algebraic loop b -> a -> b", A(), B())


def test_reading_without_declaring_is_refused() -> None:
    class Peeking(Module):
        x = State("x", "1")

        def rates(self, y, p, s):
            return {"x": s.dying}

    refuse("peeking reads 'dying' without declaring it", Cells(), Peeking())


def test_rates_that_miss_a_state_are_refused() -> None:
    class Forgetful(Module):
        x = State("x", "1")
        z = State("z", "1")

        def rates(self, y, p, s):
            return {"x": 1}

    refuse(r"forgetful.rates must return exactly its own states; check \['z'\]", Forgetful())


def test_rates_of_somebody_elses_state_are_refused() -> None:
    class Meddling(Module):
        x = State("x", "1")

        def rates(self, y, p, s):
            return {"x": 1, "tissue": 0}

    refuse(r"meddling.rates must return exactly its own states; check \['tissue'\]", Cells(), Meddling())


def test_missing_value_is_refused_by_name() -> None:
    with pytest.raises(WiringError, match=r"parameter 'cells.k_death' has no value"):
        assemble(Cells()).rates([1], {})


def test_unknown_state_or_signal_is_refused_with_the_nearest() -> None:
    system = assemble(Cells())
    with pytest.raises(WiringError, match=r"no state 'cells.tisue'. Did you mean 'cells.tissue'\?"):
        system.state_index("cells.tisue")
    with pytest.raises(WiringError, match=r"no module emits 'dyin'. Did you mean 'dying'\?"):
        system.signal("dyin", [1], {"cells.k_death": 1})


def test_fingerprint_follows_equations_and_names() -> None:
    class Faster(Cells):
        """Twice the rate under the same names."""

        tissue = State("living cells", "cell", initial=100)
        k_death = Parameter("death", "1/d")

        def rates(self, y, p, s):
            return {"tissue": -2 * p.k_death * y.tissue}

    assert assemble(Cells()).fingerprint == assemble(Cells()).fingerprint
    assert assemble(Cells()).fingerprint != assemble(Cells("other")).fingerprint
    assert assemble(Cells()).fingerprint != assemble(Faster("cells")).fingerprint


@pytest.mark.parametrize(("x", "largest", "smallest"), [(-1.0, 0.0, -1.0), (0.5, 0.5, 0.0), (0.0, 0.0, 0.0)])
def test_clips_are_the_same_on_numbers_arrays_and_symbols(x: float, largest: float, smallest: float) -> None:
    symbol = sympy.Symbol("x", real=True)
    assert at_least(x, 0) == largest and at_most(x, 0) == smallest
    assert at_least(np.array([x]), 0)[0] == largest and at_most(np.array([x]), 0)[0] == smallest
    assert float(at_least(symbol, 0).subs(symbol, x)) == largest
    assert float(at_most(symbol, 0).subs(symbol, x)) == smallest
