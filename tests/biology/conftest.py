"""What the tests of the mechanism share: the assembled system, values of the catalogue, patients that are solved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from homing.biology.attractors import INFLAMED, start
from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.engine import CompiledSystem, compile_system
from homing.mechanism import System
from homing.protocol.events import Events, Op

Action = tuple[float, Op, str, float]


@pytest.fixture(scope="session")
def system() -> System:
    return ibd_system()


@pytest.fixture(scope="session")
def engine(system: System) -> CompiledSystem:
    return compile_system(system, outputs=[*system.states, "product_cells_alive", "infection_hazard"])


@pytest.fixture(scope="session")
def settled(system: System, engine: CompiledSystem) -> Callable[..., np.ndarray]:
    """The state that a start settles to with the reference disease and nothing given."""

    def settle(*changes: Mapping[str, float], **values: float) -> np.ndarray:
        parameters = numbers(profile_values(system, "ibd-core", "no-product", "no-drug")) | values
        run = engine.run(start(system, *changes), parameters, Events.none(1), [20_000], final=True, rtol=1e-8)
        assert run.status[0] == 0
        return run.final[0]

    return settle


@pytest.fixture(scope="session")
def solve(system: System, engine: CompiledSystem, settled: Callable[..., np.ndarray]) -> Callable[..., dict]:
    """Trajectories by name of a patient who is inflamed at the start, before the actions of each day."""

    def run(
        product: str,
        drug: str,
        actions: Sequence[Action],
        days: Sequence[float],
        changes: Mapping[str, float] = INFLAMED,
        **values: float,
    ) -> dict[str, np.ndarray]:
        parameters = numbers(profile_values(system, "ibd-core", product, drug)) | values
        plan = sorted(actions, key=lambda a: a[0])
        targets = [system.state_index(a[2]) for a in plan]
        columns = [[0] * len(plan), [a[0] for a in plan], [a[1] for a in plan], targets, [a[3] for a in plan]]
        out = engine.run(settled(changes), parameters, Events.from_rows(1, *columns), days, rtol=1e-8)
        assert out.status[0] == 0
        return dict(zip(out.outputs, out.values[0].T, strict=True))

    return run
