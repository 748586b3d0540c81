"""Homing: design, simulate and judge living-cell therapies of inflammatory bowel disease.

For research and development, not for treating a patient.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public names and where they live; a name is imported when it is first used, so `import homing` stays light.
_PUBLIC = {
    "read_study": "homing.study.resolve",
    "run": "homing.study.run",
    "publish": "homing.report.publish",
    "compare": "homing.report.publish_comparison",
    "Study": "homing.study.plan",
    "load_store": "homing.evidence.store",
    "pool": "homing.synthesis.pool",
    "ibd_system": "homing.biology.ibd",
    "compile_system": "homing.engine",
    "to_sbml": "homing.formats.sbml_export",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'homing' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
