"""Plain data as JSON can hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def finite(values: Any) -> Any:
    """The same with None for NaN and infinity, which JSON has no words for, through all that it holds.

    Example:
        >>> finite({"a": (1.0, float("nan"))})
        {'a': [1.0, None]}
    """
    if isinstance(values, float):
        return values if math.isfinite(values) else None
    if isinstance(values, Mapping):
        return {key: finite(value) for key, value in values.items()}
    return [finite(value) for value in values] if isinstance(values, list | tuple) else values
