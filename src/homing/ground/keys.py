"""Random numbers that depend on (seed, patient, purpose, draw) alone.

A patient's draws are the same whatever the size of the cohort, the order of patients or arms, and the number of
workers: the first 100 patients of 1,000 are the 100. The generator is Philox4x64-10 (Salmon, Moraes, Dror and Shaw,
"Parallel random numbers: as easy as 1, 2, 3", SC11, doi:10.1145/2063384.2063405), counter-based, computed here for
many patients at once; `tests/ground/test_keys.py` compares it with NumPy's own.
"""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from numpy.typing import ArrayLike, NDArray

U64 = np.uint64
LARGEST_SEED = 2**63 - 1
_MULTIPLY = (U64(0xD2E7470EE14C6C93), U64(0xCA5A826395121157))
_BUMP = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW32 = U64(0xFFFFFFFF)
_SHIFT32 = U64(32)
_WORD = 1 << 64


def _wide_product(a: np.uint64, b: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """High and low 64 bits of a*b, from 32-bit halves (NumPy has no 128-bit integer)."""
    a_low, a_high = a & _LOW32, a >> _SHIFT32
    b_low, b_high = b & _LOW32, b >> _SHIFT32
    low_low, high_low, low_high = a_low * b_low, a_high * b_low, a_low * b_high
    middle = (low_low >> _SHIFT32) + (high_low & _LOW32) + (low_high & _LOW32)
    high = a_high * b_high + (high_low >> _SHIFT32) + (low_high >> _SHIFT32) + (middle >> _SHIFT32)
    return high, a * b


def philox(key: tuple[int, int], counter: list[NDArray[np.uint64]]) -> list[NDArray[np.uint64]]:
    """Philox4x64-10: four 64-bit words for each counter. `counter`: four arrays of one shape."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    with np.errstate(over="ignore"):
        for _ in range(10):
            high0, low0 = _wide_product(_MULTIPLY[0], c0)
            high1, low1 = _wide_product(_MULTIPLY[1], c2)
            c0, c1, c2, c3 = high1 ^ c1 ^ U64(k0), low1, high0 ^ c3 ^ U64(k1), low0
            k0, k1 = (k0 + _BUMP[0]) % _WORD, (k1 + _BUMP[1]) % _WORD
    return [c0, c1, c2, c3]


def draw_seed() -> int:
    """A seed for a run that was given none; it is told and kept with the run."""
    return secrets.randbelow(LARGEST_SEED + 1)


def stream_key(seed: int, purpose: str) -> tuple[int, int]:
    """The two key words of one stream. A purpose is a sentence-like name, written once in the code."""
    digest = hashlib.blake2b(f"{seed}\x00{purpose}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def uniforms(seed: int, purpose: str, patients: ArrayLike, draws: int = 1, first: int = 0) -> NDArray[np.float64]:
    """Uniform numbers in the open interval (0, 1), shape (patient, draw).

    Arguments: `patients` the patient numbers (any order, any subset); `draws` how many each, from number `first` on.
    """
    ids = np.asarray(patients, dtype=np.uint64)[:, None]
    start, stop = first // 4, -(-(first + draws) // 4)
    blocks = np.arange(start, stop, dtype=np.uint64)[None, :]
    shape = (ids.shape[0], stop - start)
    zero = np.zeros(shape, dtype=np.uint64)
    words = philox(stream_key(seed, purpose), [np.broadcast_to(blocks, shape), np.broadcast_to(ids, shape), zero, zero])
    bits = np.stack(words, axis=-1).reshape(shape[0], -1)[:, first - 4 * start :][:, :draws]
    return ((bits >> U64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normals(seed: int, purpose: str, patients: ArrayLike, draws: int = 1, first: int = 0) -> NDArray[np.float64]:
    """Standard normal numbers, shape (patient, draw), by inversion (one uniform each, so streams never shift)."""
    from scipy.special import ndtri

    return ndtri(uniforms(seed, purpose, patients, draws, first))


def exponentials(seed: int, purpose: str, patients: ArrayLike, draws: int = 1, first: int = 0) -> NDArray[np.float64]:
    """Standard exponential numbers (mean 1), shape (patient, draw), by inversion."""
    return -np.log(uniforms(seed, purpose, patients, draws, first))
