"""Random small systems with random events: the fast engine gives what the slow, obvious one gives."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.engine import compile_system
from homing.engine.reference import reference_run
from homing.mechanism import Module, Parameter, State, assemble, at_least, at_most, emits
from homing.protocol.events import Events, Op

PATIENTS = 3


class Network(Module):
    """Three pools with saturable exchange, feedback and a corner."""

    one, two, three = State("one", "1", initial=1.0), State("two", "1", initial=0.5), State("three", "1")
    k_in, k_move = Parameter("inflow", "1/d"), Parameter("exchange", "1/d")
    half, steep, k_out = Parameter("half-maximum", "1"), Parameter("steepness", "1"), Parameter("outflow", "1/d")

    @emits("1")
    def moved(self, y, p, s):
        """Exchange between the first two pools."""
        base = at_least(y.one, 0)
        return p.k_move * base**p.steep / (p.half**p.steep + base**p.steep)

    @emits("1")
    def feedback(self, y, p, s):
        """What the third pool leaves of the inflow."""
        return at_most(p.k_in / (1 + y.three), 2)

    def rates(self, y, p, s):
        moved = self.moved(y, p, s)
        return {
            "one": self.feedback(y, p, s) - moved - p.k_out * y.one,
            "two": moved - 5 * p.k_out * y.two * y.three - p.k_out * y.two,
            "three": 30 * p.k_out * (y.two - y.three),
        }


SYSTEM = assemble(Network())
OUTPUTS = ("network.one", "network.two", "network.three", "moved", "feedback")
VARYING, INFUSED = ("network.k_in", "network.k_move", "network.half"), ("network.two",)

event = st.tuples(
    st.integers(0, PATIENTS - 1),
    st.sampled_from([0.0, 1.0, 2.5, 2.5000001, 6.0, 10.0, 12.0]),
    st.sampled_from(list(Op)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.floats(0.05, 1.5),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(event, max_size=10),
    st.lists(st.floats(0.1, 4.0), min_size=9, max_size=9),
    st.floats(1.0, 4.0),
    st.floats(0.05, 1.0),
    st.sampled_from(["left", "right"]),
)
def test_fast_and_slow_engine_agree(rows, varied, steep, k_out, side):
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    patient, time, op, target, source, value = columns
    events = Events.from_rows(PATIENTS, patient, time, op, target, value, source)
    values = np.reshape(varied, (3, PATIENTS))
    parameters = {"network.steep": steep, "network.k_out": k_out} | dict(zip(VARYING, values, strict=True))
    times = [0.0, 1.0, 2.5, 4.0, 10.0]
    fast = compile_system(SYSTEM, OUTPUTS, VARYING, INFUSED).run(
        None, parameters, events, times, side=side, rtol=1e-8, final=True
    )
    slow = reference_run(
        SYSTEM, None, parameters, events, times, outputs=OUTPUTS, varying=VARYING, infused=INFUSED, side=side
    )
    assert (fast.status == 0).all()
    assert np.allclose(fast.values, slow.values, rtol=3e-6, atol=3e-7)
    assert np.allclose(fast.final, slow.final, rtol=3e-6, atol=3e-7)
