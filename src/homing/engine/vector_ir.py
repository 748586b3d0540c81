"""LLVM text for straight-line arithmetic on vectors: one patient in each of 8 lanes.

Every lane executes the same instructions, so a patient's numbers do not depend on the lane. Nothing assumes finite
numbers: a NaN stays a NaN and ends as a rejected step.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from homing.engine.arithmetic import LIBRARY, TINY

LANES = 8
VECTOR = f"<{LANES} x double>"
INTEGERS = f"<{LANES} x i64>"
MASK = f"<{LANES} x i1>"
BYTES = 8 * LANES

# ln 2 in two parts, and the polynomials of log: FreeBSD msun e_log.c (Sun Microsystems, 1993, permissive licence).
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LOG_EVEN = (1.531383769920937332e-01, 2.222219843214978396e-01, 3.999999999940941908e-01)
LOG_ODD = (1.479819860510658591e-01, 1.818357216161805012e-01, 2.857142874366239149e-01, 6.666666666666735130e-01)
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
#: Adding it rounds a double to an integer and leaves that integer in the low bits.
ROUNDER, ROUNDER_BITS = 6755399441055744.0, 0x4338000000000000
#: exp of more than this is reported as infinite, of less than its negative as zero.
EXP_LIMIT = 708.0
EXP_TERMS = 13


def literal(x: float) -> str:
    """A double as LLVM writes it exactly."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def splat(x: float) -> str:
    """A vector constant."""
    return "<" + ", ".join([f"double {literal(x)}"] * LANES) + ">"


def integer_splat(x: int) -> str:
    """A vector constant of integers."""
    return "<" + ", ".join([f"i64 {x}"] * LANES) + ">"


class VectorFunction:
    """One LLVM function under construction. Arguments are pointers; values are SSA names or vector constants."""

    def __init__(self, name: str, arguments: Sequence[str], *, internal: bool = False) -> None:
        self.name, self.arguments, self.internal = name, tuple(arguments), internal
        self.lines: list[str] = []
        self._count = 0

    def text(self) -> str:
        """The function's definition."""
        linkage = "internal " if self.internal else ""
        inputs = ", ".join(f"ptr noalias %{a}" for a in self.arguments)
        return f"define {linkage}void @{self.name}({inputs}) #0 {{\n" + "\n".join(self.lines) + "\n  ret void\n}\n"

    def line(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append("  " + text)

    def let(self, text: str) -> str:
        """An instruction with a result; returns its name."""
        self._count += 1
        self.line(f"%v{self._count} = {text}")
        return f"%v{self._count}"

    # --- memory
    def pointer(self, base: str, offset: int) -> str:
        """The address so many bytes behind a base pointer."""
        return self.let(f"getelementptr inbounds i8, ptr %{base}, i64 {offset}")

    def load(self, base: str, slot: int) -> str:
        """The vector in a slot."""
        return self.let(f"load {VECTOR}, ptr {self.pointer(base, slot * BYTES)}, align {BYTES}")

    def store(self, base: str, slot: int, value: str) -> None:
        """Put a vector into a slot."""
        self.line(f"store {VECTOR} {value}, ptr {self.pointer(base, slot * BYTES)}, align {BYTES}")

    def load_scalar(self, base: str, position: int) -> str:
        """One double, the same in every lane."""
        x = self.let(f"load double, ptr {self.pointer(base, position * 8)}, align 8")
        one = self.let(f"insertelement {VECTOR} poison, double {x}, i64 0")
        return self.let(f"shufflevector {VECTOR} {one}, {VECTOR} poison, <{LANES} x i32> zeroinitializer")

    def call(self, name: str, arguments: Sequence[str]) -> None:
        """Call a function of the module."""
        self.line(f"call void @{name}({', '.join('ptr ' + a for a in arguments)})")

    # --- arithmetic
    def _float(self, name: str, a: str, b: str) -> str:
        return self.let(f"{name} nsz arcp contract {VECTOR} {a}, {b}")

    def add(self, a: str, b: str) -> str:
        """a + b."""
        return self._float("fadd", a, b)

    def subtract(self, a: str, b: str) -> str:
        """a - b."""
        return self._float("fsub", a, b)

    def multiply(self, a: str, b: str) -> str:
        """a * b."""
        return self._float("fmul", a, b)

    def reciprocal(self, a: str) -> str:
        """1 / a."""
        return self._float("fdiv", splat(1.0), a)

    def negate(self, a: str) -> str:
        """-a."""
        return self.let(f"fneg nsz {VECTOR} {a}")

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """a*b + c, rounded once where the CPU can."""
        return self.add(self.multiply(a, b), c)

    def polynomial(self, x: str, coefficients: Sequence[float]) -> str:
        """Horner's rule, highest power first."""
        total = splat(coefficients[0])
        for c in coefficients[1:]:
            total = self.multiply_add(total, x, splat(c))
        return total

    def absolute(self, a: str) -> str:
        """The absolute value."""
        return self.let(f"call {VECTOR} @llvm.fabs.v{LANES}f64({VECTOR} {a})")

    def where(self, test: str, a: str, b: str, yes: str, no: str) -> str:
        """`yes` where the comparison of a with b holds, else `no`. Tests: olt, oge, uge, ..., as LLVM names them."""
        mask = self.let(f"fcmp {test} {VECTOR} {a}, {b}")
        return self.let(f"select {MASK} {mask}, {VECTOR} {yes}, {VECTOR} {no}")

    def maximum(self, a: str, b: str) -> str:
        """The larger; a NaN in `a` stays."""
        return self.where("uge", a, b, a, b)

    def minimum(self, a: str, b: str) -> str:
        """The smaller; a NaN in `a` stays."""
        return self.where("ule", a, b, a, b)

    def choose(self, a: str, b: str, yes: str, no: str) -> str:
        """`yes` where a >= b, else `no`."""
        return self.where("oge", a, b, yes, no)

    def sqrt(self, a: str) -> str:
        """The root; a negative argument counts as zero (a state may undershoot by its tolerance)."""
        return self.root(self.maximum(a, splat(0.0)))

    def root(self, a: str) -> str:
        """The root; NaN below zero."""
        return self.let(f"call {VECTOR} @llvm.sqrt.v{LANES}f64({VECTOR} {a})")

    def floor(self, a: str) -> str:
        """The largest whole number that is not larger."""
        return self.let(f"call {VECTOR} @llvm.floor.v{LANES}f64({VECTOR} {a})")

    def library(self, name: str, a: str) -> str:
        """A function of the platform's mathematical library, lane by lane."""
        total = "poison"
        for lane in range(LANES):
            x = self.let(f"extractelement {VECTOR} {a}, i64 {lane}")
            value = self.let(f"call double @{name}(double {x})")
            total = self.let(f"insertelement {VECTOR} {total}, double {value}, i64 {lane}")
        return total

    # --- bits
    def _integer(self, name: str, a: str, b: str) -> str:
        return self.let(f"{name} {INTEGERS} {a}, {b}")

    def _bits(self, a: str) -> str:
        return self.let(f"bitcast {VECTOR} {a} to {INTEGERS}")

    def _from_bits(self, a: str) -> str:
        return self.let(f"bitcast {INTEGERS} {a} to {VECTOR}")

    # --- functions
    def positive_log(self, x: str) -> str:
        """log of normal positive numbers: x = 2^k (1+f), 1+f in sqrt(1/2)..sqrt(2), by a series in f/(2+f)."""
        shifted = self._integer("sub", self._bits(x), integer_splat(SQRT_HALF_BITS))
        k = self._integer("ashr", shifted, integer_splat(52))
        mantissa = self._integer("sub", self._bits(x), self._integer("shl", k, integer_splat(52)))
        f = self.subtract(self._from_bits(mantissa), splat(1.0))
        s = self.multiply(f, self.reciprocal(self.add(f, splat(2.0))))
        z = self.multiply(s, s)
        w = self.multiply(z, z)
        odd = self.multiply(z, self.polynomial(w, LOG_ODD))
        series = self.add(self.multiply(w, self.polynomial(w, LOG_EVEN)), odd)
        half_square = self.multiply(splat(0.5), self.multiply(f, f))
        exponent = self.let(f"sitofp {INTEGERS} {k} to {VECTOR}")
        low = self.multiply_add(s, self.add(half_square, series), self.multiply(exponent, splat(LN2_LOW)))
        return self.subtract(
            self.multiply(exponent, splat(LN2_HIGH)), self.subtract(self.subtract(half_square, low), f)
        )

    def log(self, x: str) -> str:
        """log with its limits: -inf at zero, NaN below, +inf and NaN kept."""
        inside = self.positive_log(self.maximum(x, splat(TINY)))
        below = self.where("oeq", x, splat(0.0), splat(float("-inf")), splat(float("nan")))
        bounded = self.where("olt", x, splat(TINY), below, inside)
        return self.where("olt", x, splat(float("inf")), bounded, self._float("fmul", x, splat(float("inf"))))

    def exp(self, x: str) -> str:
        """exp(x) = 2^k exp(r) with r within half of ln 2, exp(r) by its Taylor series."""
        scaled = self.let(f"fmul {VECTOR} {x}, {splat(1.4426950408889634)}")
        rounded = self.let(f"fadd {VECTOR} {scaled}, {splat(ROUNDER)}")
        k = self._integer("sub", self._bits(rounded), integer_splat(ROUNDER_BITS))
        whole = self.let(f"fsub {VECTOR} {rounded}, {splat(ROUNDER)}")
        r = self.subtract(self.subtract(x, self.multiply(whole, splat(LN2_HIGH))), self.multiply(whole, splat(LN2_LOW)))
        factorial, terms = 1.0, [1.0]
        for n in range(1, EXP_TERMS):
            factorial *= n
            terms.append(1.0 / factorial)
        series = self.polynomial(r, terms[::-1])
        power_of_two = self._integer("shl", self._integer("add", k, integer_splat(1023)), integer_splat(52))
        value = self.multiply(series, self._from_bits(power_of_two))
        bounded = self.where("ogt", x, splat(EXP_LIMIT), splat(float("inf")), value)
        return self.where("olt", x, splat(-EXP_LIMIT), splat(0.0), bounded)

    def power(self, base: str, exponent: str, log_base: str) -> str:
        """base**exponent with `log_base` = positive_log of the base kept above TINY; a base below that is zero."""
        value = self.exp(self.multiply(exponent, log_base))
        negative = self.where("olt", exponent, splat(0.0), splat(float("inf")), splat(1.0))
        of_zero = self.where("ogt", exponent, splat(0.0), splat(0.0), negative)
        kept = self.where("uno", base, base, base, value)
        return self.where("olt", base, splat(TINY), of_zero, kept)

    def signed_power(self, base: str, exponent: str) -> str:
        """base**exponent where a negative base has whole powers only, and NaN else."""
        size = self.absolute(base)
        value = self.power(size, exponent, self.positive_log(self.maximum(size, splat(TINY))))
        half = self.multiply(exponent, splat(0.5))
        odd = self.where("une", self.floor(half), half, self.negate(value), value)
        whole = self.where("oeq", self.floor(exponent), exponent, odd, splat(float("nan")))
        return self.where("olt", base, splat(0.0), whole, value)


#: What the functions above need from outside.
DECLARATIONS = "".join(
    [f"declare {VECTOR} @llvm.{f}.v{LANES}f64({VECTOR})\n" for f in ("fabs", "sqrt", "floor")]
    + [f"declare double @{name}(double)\n" for name in LIBRARY]
)
