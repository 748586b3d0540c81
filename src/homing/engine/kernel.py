"""Compile a kernel to machine code and keep it on disk.

No compiler has to be installed: LLVM comes with llvmlite. The cache is a convenience and never a source of errors: a
file that is missing, damaged or can't be written means compiling again.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing.engine.kernel_code import kernel_code
from homing.engine.kernel_plan import FUNCTIONS, KernelPlan, plan_kernel
from homing.engine.symbolic import Equations, trace
from homing.ground import cache
from homing.ground.cache import cache_folder, key_of
from homing.mechanism import System


@dataclass(frozen=True)
class Kernel:
    """Machine code in memory. `addresses` of the functions in the order of FUNCTIONS; `library` keeps them alive."""

    addresses: tuple[int, ...]
    library: Any
    from_cache: bool


def load_kernel(equations: Equations) -> tuple[KernelPlan, Kernel]:
    """The kernel of some equations, from the cache where possible."""
    plan = plan_kernel(equations)
    text = kernel_code(plan)
    return plan, _kernel(key_of(text), lambda: text)


def load_system(
    system: System, outputs: tuple[str, ...], varying: tuple[str, ...], infused: tuple[str, ...]
) -> tuple[KernelPlan, Kernel]:
    """The kernel of a System. Where its equations are Homing's own, the plan comes from the cache as well, without a
    look at the equations: it depends on Homing's source files and on these names alone."""
    if not system.modules or not all(type(m).__module__.startswith("homing.") for m in system.modules):
        return load_kernel(trace(system, outputs, varying, infused))
    modules = [(type(m).__module__, type(m).__qualname__, m.name) for m in system.modules]
    file = (
        cache_folder()
        / "plans"
        / f"{key_of(_source_digest(), modules, *system.identity, outputs, varying, infused)}.plan"
    )
    kept = cache.read(file)
    if kept is not None:
        plan, text_key = pickle.loads(kept)
        return plan, _kernel(text_key, lambda: kernel_code(plan))
    plan = plan_kernel(trace(system, outputs, varying, infused))
    text = kernel_code(plan)
    cache.write(file, pickle.dumps((plan, key_of(text))))
    return plan, _kernel(key_of(text), lambda: text)


def _kernel(text_key: str, text: Callable[[], str]) -> Kernel:
    """The machine code of LLVM text with this key; the text is asked for only when it must be compiled."""
    file = _cache_file(text_key)
    code = cache.read(file)
    if code is not None:
        return _link(code, from_cache=True)
    code = compile_code(text())
    cache.write(file, code)
    return _link(code, from_cache=False)


@functools.cache
def _source_digest() -> str:
    """A hash of all source files that equations and their code come from, and of the Python and SymPy that trace."""
    from importlib.metadata import version

    return key_of(cache.code_digest("biology", "mechanism", "engine", "ground"), version("sympy"))


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


def _cache_file(text_key: str) -> Path:
    """The file of a kernel, named after all that its machine code depends on: the LLVM text, LLVM and the CPU."""
    import llvmlite
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    triple = llvm.get_process_triple()
    parts = (text_key, llvmlite.__version__, llvm.llvm_version_info, triple, llvm.get_host_cpu_name(), features)
    return cache_folder() / "kernels" / f"{key_of(*parts)}.o"
