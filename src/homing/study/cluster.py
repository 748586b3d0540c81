"""Parts of a run on several machines, through Dask: the same parts, the same bits, whoever simulates them.

A worker that dies costs the part it was at: Dask gives it to another. Dask's own tools start the workers, on one
machine (`local`), over ssh, or through SLURM and Kubernetes.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from homing import __version__
from homing.ground.errors import StudyError
from homing.patients.population import population
from homing.study.parts import Part, simulate_part
from homing.study.plan import Study
from homing.study.simulator import Simulator

if TYPE_CHECKING:
    from distributed import Client

_LOCAL = re.compile(r"^local(:(?P<workers>[1-9]\d*))?$")
_ADDRESS = re.compile(r"^(tcp|tls|ws|wss|ucx)://\S+$")
#: How long to wait for the scheduler and for a first worker, seconds.
PATIENCE = 60
#: How often a part may lose its worker before the run gives up.
MOST_LOSSES = 10


def parts_on_cluster(study: Study, parts: Sequence[range], cluster: str) -> Iterator[tuple[int, Part]]:
    """The parts of a study as they are finished, (number of the first patient, part), in any order.

    Arguments: `cluster` is a scheduler's address such as tcp://host:8786, or local or local:N for N processes here.
    Raises: StudyError where there is no such cluster, no worker, or one with another version of Homing.
    """
    from distributed import as_completed

    with connected(cluster) as client:
        shared = client.scatter(study, broadcast=True)
        futures = [client.submit(_part, shared, each.start, each.stop, pure=False) for each in parts]
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        finally:
            client.cancel(futures)


@contextlib.contextmanager
def connected(cluster: str) -> Iterator[Client]:
    """A client of a cluster that has at least one worker of this version. See `parts_on_cluster`."""
    try:
        import dask
        from distributed import Client
    except ImportError:
        raise StudyError("--cluster needs Dask. Install it with: pip install 'homing[cluster]'") from None
    local = _LOCAL.match(cluster)
    if not local and not _ADDRESS.match(cluster):
        raise StudyError(f"--cluster takes an address such as tcp://host:8786, or local:4, not '{cluster}'.")
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": MOST_LOSSES}))
        try:
            client = stack.enter_context(
                Client(n_workers=int(local["workers"] or 0) or None, threads_per_worker=1, dashboard_address=None)
                if local
                else Client(cluster, timeout=PATIENCE)
            )
            client.wait_for_workers(1, timeout=PATIENCE)
        except (OSError, TimeoutError) as e:
            raise StudyError(f"no cluster with workers answers at '{cluster}': {e}") from None
        versions: dict[str, Any] = client.run(_version)
        others = {address: found for address, found in versions.items() if found != __version__}
        if others:
            address, found = next(iter(others.items()))
            raise StudyError(
                f"the worker {address} has Homing {found} and this is {__version__}. Install the same version on all."
            )
        yield client


def _version() -> str:
    return __version__


def _part(study: Study, first: int, stop: int) -> tuple[int, Part]:
    return first, simulate_part(study, _simulator(study.population, study.seed), np.arange(first, stop))


@functools.lru_cache(maxsize=2)
def _simulator(name: str, seed: int) -> Simulator:
    """One simulator for all parts that a worker gets."""
    return Simulator(population(name), seed)
