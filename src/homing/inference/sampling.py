"""Sampling a model of numpyro with the No-U-Turn sampler (Hoffman and Gelman 2014, arXiv:1111.4246), chain after chain.

numpyro is an optional extra and imported here only. A chain depends on (seed, chain) alone: three chains are the first
three of four. A model is compiled once for all chains and, through `Sampler`, for all data of one shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from homing.ground.cache import key_of
from homing.ground.errors import HomingError, NumericsError, StudyError
from homing.inference.draws import Draws, read_arrays, write_arrays

#: Reports progress: called with the step done, of so many.
Progress = Callable[[int, int], None]
_BLOCK = 100
_COUNTS = ("divergences", "deepest", "acceptance")


@dataclass(frozen=True)
class Settings:
    """How to sample. `dense_mass` adapts a full mass matrix, for parameters that are strongly correlated."""

    warmup: int = 1000
    draws: int = 1000
    chains: int = 4
    target_accept: float = 0.9
    max_tree_depth: int = 10
    dense_mass: bool = False

    def __post_init__(self) -> None:
        if self.warmup < 1 or self.draws < 1 or self.chains < 1 or self.max_tree_depth < 1:
            raise StudyError("warm-up, draws, chains and the tree depth are whole numbers of at least 1.")
        if not 0 < self.target_accept < 1:
            raise StudyError(f"the acceptance to aim at is between 0 and 1, such as 0.9, not {self.target_accept:g}.")


def backend() -> SimpleNamespace:
    """jax, jax.numpy (`jnp`) and numpyro with 64-bit numbers. Raises: HomingError where they are not installed."""
    try:
        import jax
        import numpyro
    except ImportError:
        raise HomingError('sampling needs numpyro. Install it with: pip install "homing[calibrate]"') from None
    numpyro.enable_x64()
    return SimpleNamespace(jax=jax, jnp=jax.numpy, numpyro=numpyro)


def sample(
    model: Callable[..., Any],
    seed: int,
    *,
    warmup: int = 1000,
    draws: int = 1000,
    chains: int = 4,
    folder: Path | None = None,
    progress: Progress | None = None,
    model_args: tuple[Any, ...] = (),
    target_accept: float = 0.9,
    max_tree_depth: int = 10,
    dense_mass: bool = False,
    version: str = "",
) -> Draws:
    """Sample a model's posterior.

    Arguments: `model` a numpyro model, called with `model_args` (arrays or trees of arrays); `warmup` and `draws` of
    each of `chains`; `folder` keeps each finished chain, found again by a hash of seed, settings, data, model name and
    `version`, which names whatever else the model depends on, so a chain of anything else is left alone;
    `progress(step, done, total)` after each block.
    Raises: HomingError without numpyro, NumericsError where no start has a finite density.
    """
    settings = Settings(warmup, draws, chains, target_accept, max_tree_depth, dense_mass)
    return Sampler(model, settings, version).run(seed, model_args, folder, progress)


class Sampler:
    """A compiled model. `run` samples it for any data of the shapes that it has met, without compiling again."""

    def __init__(self, model: Callable[..., Any], settings: Settings | None = None, version: str = "") -> None:
        self.settings = settings or Settings()
        self._b = backend()
        self._model = model
        self._version = version
        self._compiled: dict[int, Callable[..., Any]] = {}
        self._start: Callable[..., Any] | None = None
        self._kernel: Any = None

    def run(
        self,
        seed: int,
        model_args: tuple[Any, ...] = (),
        folder: Path | None = None,
        progress: Progress | None = None,
    ) -> Draws:
        """All chains, one after another; see `sample`."""
        s = self.settings
        key = self._key(seed, model_args)
        steps = s.warmup + s.draws
        found: list[dict[str, Any]] = []
        for chain in range(s.chains):
            file = folder / f"chain-{chain}-{key}.npz" if folder else None
            kept = _kept(file, s.draws, found) if file else None
            if kept is None:
                told = _shifted(progress, chain * steps, s.chains * steps)
                kept = self._chain(seed, chain, model_args, told)
                if file:
                    write_arrays(file, {"seed": seed, "key": key}, kept)
            elif progress:
                progress((chain + 1) * steps, s.chains * steps)
            found.append(kept)
        values = {
            name.removeprefix("value "): np.stack([c[name] for c in found])
            for name in found[0]
            if name.startswith("value ")
        }
        divergences, deepest, acceptance = (np.array([c[name] for c in found]) for name in _COUNTS)
        return Draws(values, divergences, deepest, acceptance, seed, key)

    def _chain(self, seed: int, chain: int, args: tuple[Any, ...], told: Callable[[int], None]) -> dict[str, Any]:
        s, b = self.settings, self._b
        args = b.jax.tree_util.tree_map(b.jnp.asarray, args)
        state = self._begin(b.jax.random.fold_in(b.jax.random.PRNGKey(seed), chain), args)
        if not np.isfinite(float(state.potential_energy)):
            raise NumericsError("the model has no finite density at any start. Check its priors against the data.")
        done = 0
        for steps in _blocks(s.warmup):
            state, _ = self._block(steps)(state, args)
            done += steps
            told(done)
        parts = []
        for steps in _blocks(s.draws):
            state, part = self._block(steps)(state, args)
            parts.append(b.jax.device_get(part))
            done += steps
            told(done)
        values, diverging, lengths, acceptance = (
            {name: np.concatenate([p[0][name] for p in parts]) for name in parts[0][0]},
            *(np.concatenate([p[i] for p in parts]) for i in (1, 2, 3)),
        )
        return {
            **{f"value {name}": x for name, x in values.items()},
            "divergences": np.int64(diverging.sum()),
            "deepest": np.int64((lengths >= 2**s.max_tree_depth - 1).sum()),
            "acceptance": np.float64(acceptance.mean()),
        }

    def _begin(self, key: Any, args: tuple[Any, ...]) -> Any:
        """The first state. The first call also prepares the kernel with real numbers; later ones run compiled."""
        if self._start is None:
            self._kernel = self._nuts()
            other = self._nuts()
            try:
                self._kernel.init(key, self.settings.warmup, None, args, {})
            except RuntimeError as e:
                if "initial parameters" not in str(e):
                    raise
                raise NumericsError(
                    "the model has no finite density at any start. Check its priors against the data."
                ) from None
            self._start = self._b.jax.jit(lambda k, a: other.init(k, self.settings.warmup, None, a, {}))
        return self._start(key, args)

    def _nuts(self) -> Any:
        from numpyro.infer import NUTS

        s = self.settings
        return NUTS(
            self._model,
            target_accept_prob=s.target_accept,
            max_tree_depth=s.max_tree_depth,
            dense_mass=s.dense_mass,
        )

    def _block(self, steps: int) -> Callable[..., Any]:
        """The compiled function of so many steps: (state, args) -> (state, (values, diverging, steps, acceptance))."""
        if steps not in self._compiled:
            b, kernel = self._b, self._kernel

            def many(state: Any, args: tuple[Any, ...]) -> Any:
                def one(before: Any, _: Any) -> Any:
                    after = kernel.sample(before, args, {})
                    return after, (after.z, after.diverging, after.num_steps, after.accept_prob)

                state, (z, *rest) = b.jax.lax.scan(one, state, None, length=steps)
                return state, (b.jax.vmap(kernel.postprocess_fn(args, {}))(z), *rest)

            self._compiled[steps] = b.jax.jit(many)
        return self._compiled[steps]

    def _key(self, seed: int, args: tuple[Any, ...]) -> str:
        """A name for what a chain depends on; not the number of chains, so that more can be added."""
        s, b = self.settings, self._b
        leaves, tree = b.jax.tree_util.tree_flatten(args)
        data = [_digest(leaf) for leaf in leaves]
        name = (
            f"{getattr(self._model, '__module__', '')}.{getattr(self._model, '__qualname__', repr(type(self._model)))}"
        )
        settings = (s.warmup, s.draws, s.target_accept, s.max_tree_depth, s.dense_mass)
        return key_of(seed, settings, name, self._version, str(tree), data, b.numpyro.__version__, b.jax.__version__)


def _digest(leaf: Any) -> tuple[Any, ...]:
    array = np.asarray(leaf)
    return array.shape, str(array.dtype), hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()


def _blocks(steps: int) -> list[int]:
    """Steps in blocks of equal length, so that one compiled function does nearly all of them, and what is left over."""
    whole, rest = divmod(steps, _BLOCK)
    return [_BLOCK] * whole + ([rest] if rest else [])


def _kept(file: Path, draws: int, before: list[dict[str, Any]]) -> dict[str, Any] | None:
    """A finished chain, or None where it has to be drawn: there is none, or it is damaged, not whole, or holds other
    things than the chains `before` it."""
    if not file.exists():
        return None
    try:
        found = read_arrays(file)[1]
    except StudyError:
        return None
    shapes = {name: x.shape for name, x in found.items()}
    values = [shape for name, shape in shapes.items() if name.startswith("value ")]
    whole = bool(values) and all(shape[:1] == (draws,) for shape in values)
    whole = whole and all(shapes.get(name) == () for name in _COUNTS)
    alike = all(shapes == {name: np.shape(x) for name, x in other.items()} for other in before[:1])
    return found if whole and alike else None


def _shifted(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    return (lambda done: progress(before + done, total)) if progress else (lambda done: None)
