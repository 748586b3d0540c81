"""Compile a kernel to machine code and keep it on disk.

No compiler has to be installed: LLVM comes with llvmlite. The cache is a convenience and never a source of errors: a
file that is missing, damaged or can't be written means compiling again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing.engine.kernel_code import kernel_code
from homing.engine.kernel_plan import FUNCTIONS, KernelPlan, plan_kernel
from homing.engine.symbolic import Equations

_DIGEST = 16


@dataclass(frozen=True)
class Kernel:
    """Machine code in memory. `addresses` of the functions in the order of FUNCTIONS; `library` keeps them alive."""

    addresses: tuple[int, ...]
    library: Any
    from_cache: bool


def cache_folder() -> Path:
    """Where kernels are kept: $HOMING_CACHE, or the platform's place for caches."""
    chosen = os.environ.get("HOMING_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "homing"


def load_kernel(equations: Equations) -> tuple[KernelPlan, Kernel]:
    """The kernel of some equations, from the cache where possible."""
    plan = plan_kernel(equations)
    text = kernel_code(plan)
    file = _cache_file(text)
    code = _read(file)
    if code is not None:
        return plan, _link(code, from_cache=True)
    code = compile_code(text)
    _write(file, code)
    return plan, _link(code, from_cache=False)


def _machine() -> Any:
    """A description of this CPU for LLVM: a new one each time, since an engine takes it over and frees it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, codemodel="jitdefault"
    )


def compile_code(text: str) -> bytes:
    """LLVM text to an object file in memory. The code is straight and has no repeats, so few passes are of use."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(text)
    module.verify()
    machine = _machine()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _link(code: bytes, *, from_cache: bool) -> Kernel:
    import llvmlite.binding as llvm

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Kernel(tuple(engine.get_function_address(name) for name in FUNCTIONS), engine, from_cache)


def _cache_file(text: str) -> Path:
    """The file of a kernel, named after all that its machine code depends on: the LLVM text, LLVM and the CPU."""
    import llvmlite
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    parts = (text, llvmlite.__version__, llvm.llvm_version_info, _machine().triple, llvm.get_host_cpu_name(), features)
    key = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
    return cache_folder() / "kernels" / f"{key}.o"


def _read(file: Path) -> bytes | None:
    """The object code of a cache file, or None when there is none or its checksum is wrong."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    code, digest = content[:-_DIGEST], content[-_DIGEST:]
    return code if code and hashlib.blake2b(code, digest_size=_DIGEST).digest() == digest else None


def _write(file: Path, code: bytes) -> None:
    """Write to a temporary file and rename it, so that no reader meets half a file."""
    temporary = ""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(code + hashlib.blake2b(code, digest_size=_DIGEST).digest())
        os.replace(temporary, file)
    except OSError:  # no room, no permission: the run goes on without a cache
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
