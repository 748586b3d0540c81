"""Small systems with known answers, for the engine's tests."""

from __future__ import annotations

import sympy

from homing.mechanism import Module, Parameter, State, at_least, at_most, emits


class Drug(Module):
    """Absorption and one compartment; time in whatever unit the rates have."""

    depot = State("amount at the site of absorption", "mg")
    central = State("amount in the body", "mg")
    k_absorb = Parameter("absorption", "1/d")
    k_leave = Parameter("elimination", "1/d")
    volume = Parameter("volume", "L")

    @emits("mg/L")
    def concentration(self, y, p, s):
        """Amount over volume."""
        return y.central / p.volume

    def rates(self, y, p, s):
        absorbed = p.k_absorb * y.depot
        return {"depot": -absorbed, "central": absorbed - p.k_leave * y.central}


DRUG = {"drug.k_absorb": 1.0, "drug.k_leave": 0.1, "drug.volume": 10.0}


class Growth(Module):
    """Logistic growth to a carrying capacity."""

    size = State("size", "1", initial=0.1)
    k_grow = Parameter("growth", "1/d")
    most = Parameter("carrying capacity", "1")

    def rates(self, y, p, s):
        return {"size": p.k_grow * y.size * (1 - y.size / p.most)}


class Robertson(Module):
    """The stiff kinetics of H. H. Robertson (1966)."""

    a = State("a", "1", initial=1.0, absolute=1e-12)
    b = State("b", "1", absolute=1e-14)
    c = State("c", "1", absolute=1e-12)
    slow = Parameter("slow", "1/s")
    fast = Parameter("fast", "1/s")
    middle = Parameter("middle", "1/s")

    def rates(self, y, p, s):
        first, second, third = p.slow * y.a, p.middle * y.b * y.c, p.fast * y.b**2
        return {"a": second - first, "b": first - second - third, "c": third}


ROBERTSON = {"robertson.slow": 0.04, "robertson.middle": 1e4, "robertson.fast": 3e7}


class BlowUp(Module):
    """y' = k y^2 is infinite at 1/(k y(0))."""

    y = State("y", "1", initial=1.0)
    k = Parameter("k", "1/d")

    def rates(self, y, p, s):
        return {"y": p.k * y.y**2}


class Bounded(Module):
    """Rates with corners: filling up to a limit, emptying down to a floor."""

    up = State("up", "1")
    down = State("down", "1", initial=3.0)
    limit = Parameter("limit", "1")
    floor = Parameter("floor", "1")

    @emits("1")
    def spread(self, y, p, s):
        """Distance of the two, never negative."""
        return at_least(y.down - y.up, 0)

    def rates(self, y, p, s):
        return {"up": at_most(p.limit - y.up, 1), "down": -at_least(y.down - p.floor, 0)}


class Functions(Module):
    """A state that rests, and every function the engine knows, of it and of a parameter."""

    x = State("x", "1", low=-1e9)
    n = Parameter("n", "1", low=-10.0)

    @emits("1")
    def exponential(self, y, p, s):
        """exp."""
        return sympy.exp(y.x) if hasattr(y.x, "free_symbols") else 0

    @emits("1")
    def logarithm(self, y, p, s):
        """log."""
        return sympy.log(y.x) if hasattr(y.x, "free_symbols") else 0

    @emits("1")
    def root(self, y, p, s):
        """sqrt."""
        return y.x ** sympy.Rational(1, 2)

    @emits("1")
    def whole(self, y, p, s):
        """Fifth power."""
        return y.x**5

    @emits("1")
    def inverse_half(self, y, p, s):
        """To the power -5/2."""
        return y.x ** sympy.Rational(-5, 2)

    @emits("1")
    def odd(self, y, p, s):
        """To the power 1.7."""
        return y.x**1.7

    @emits("1")
    def steep(self, y, p, s):
        """To the power n."""
        return y.x**p.n

    @emits("1")
    def larger(self, y, p, s):
        """Of x and 2."""
        return at_least(y.x, 2)

    @emits("1")
    def smaller(self, y, p, s):
        """Of x and n."""
        return at_most(y.x, p.n)

    def rates(self, y, p, s):
        return {"x": 0 * y.x}


class Sink(Module):
    """A pool that is emptied at a constant rate, whatever is left, and a count of what left."""

    pool = State("pool", "1", initial=1.0)
    gone = State("gone", "1", tally=True)
    rate = Parameter("rate", "1/d")

    def rates(self, y, p, s):
        return {"pool": -p.rate, "gone": p.rate}
