"""What happens when a condition becomes true: the state-triggered events of a model, and what is only watched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Trigger:
    """A condition and what it sets off. Expressions are SymPy's, in the states and parameters of the system.

    `condition` counts as true from one half on; what is set off happens when it becomes true, `delay` (days) later.
    `assignments` maps states to their new values, which are those at the time of the trigger where `early`, else those
    at the time at which it happens; `sizes` are factors of new values, always those when it happens (the volume that
    turns a concentration into an amount). Of several at one time the highest `priority` comes first; equal ones draw
    lots. Where not `persistent`, a condition that is false again before then calls it off. `initially` is what the
    condition counts as before the start: a trigger that is true at the start fires there where this is False.
    """

    name: str
    condition: Any
    assignments: Mapping[str, Any]
    delay: Any = 0
    priority: Any = 0
    persistent: bool = True
    initially: bool = True
    early: bool = True
    sizes: Mapping[str, Any] = field(default_factory=dict)
