"""Tex: a piece of LaTeX that takes arithmetic, so that equations written for numbers print themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

SUM, PRODUCT, ATOM = 1, 2, 3


@dataclass(frozen=True)
class Tex:
    """A piece of LaTeX that takes arithmetic. `level` says how tightly it binds; `terms` are those of a sum."""

    text: str
    level: int = ATOM
    terms: tuple[tuple[str, str], ...] = ()
    over: tuple[Tex, Tex] | None = None

    def __add__(self, other: Any) -> Tex:
        return _sum(signed(self), signed(tex(other)))

    def __radd__(self, other: Any) -> Tex:
        return tex(other) + self

    def __sub__(self, other: Any) -> Tex:
        return _sum(signed(self), (("-", tex(other).inside(PRODUCT)),))

    def __rsub__(self, other: Any) -> Tex:
        return tex(other) - self

    def __neg__(self) -> Tex:
        return _sum((("-", self.inside(PRODUCT)),))

    def __mul__(self, other: Any) -> Tex:
        if len(self.terms) == 1:  # -k * x is -(k * x)
            return _sum(((self.terms[0][0], rf"{self.terms[0][1]} \cdot {tex(other).inside(PRODUCT)}"),))
        return Tex(rf"{self.inside(PRODUCT)} \cdot {tex(other).inside(PRODUCT)}", PRODUCT)

    def __rmul__(self, other: Any) -> Tex:
        return tex(other) * self

    def __truediv__(self, other: Any) -> Tex:
        top, bottom = self, tex(other)
        if self.over is not None:
            top, bottom = self.over[0], self.over[1] * bottom
        return Tex(rf"\frac{{{top.text}}}{{{bottom.text}}}", PRODUCT, over=(top, bottom))

    def __rtruediv__(self, other: Any) -> Tex:
        return tex(other) / self

    def __pow__(self, other: Any) -> Tex:
        base = self.inside(ATOM)
        return Tex(rf"{{{base}}}^{{{tex(other).text}}}")

    def __rpow__(self, other: Any) -> Tex:
        return tex(other) ** self

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **more: Any) -> Any:
        """`at_least` and `at_most` come here."""
        name = {np.maximum: r"\max", np.minimum: r"\min"}.get(ufunc)
        if name is None or method != "__call__":
            return NotImplemented
        return Tex(rf"{name}\left({', '.join(tex(a).text for a in args)}\right)")

    def inside(self, level: int) -> str:
        """The text, in brackets where it binds less tightly than its surroundings."""
        return self.text if self.level >= level else rf"\left({self.text}\right)"


def tex(x: Any) -> Tex:
    """A number or piece as a piece."""
    return x if isinstance(x, Tex) else Tex(f"{x:g}")


def signed(x: Tex) -> tuple[tuple[str, str], ...]:
    """The terms of a piece with their signs; one where it is no sum."""
    return x.terms or (("+", x.text),)


def _sum(*parts: tuple[tuple[str, str], ...]) -> Tex:
    terms = tuple(term for part in parts for term in part)
    return Tex(joined(terms), SUM, terms)


def joined(terms: tuple[tuple[str, str], ...], *, first: bool = True) -> str:
    """Terms as a sum; a leading plus is left out where they come first."""
    text = " ".join(f"{sign} {body}" for sign, body in terms)
    return text.removeprefix("+ ") if first else text


def word(name: str) -> str:
    """A name as upright words: 'antigen_load' is antigen load."""
    return rf"\mathrm{{{spaced(name)}}}"


def spaced(name: str) -> str:
    """The words of a name with LaTeX's spaces."""
    return name.strip("_").replace("_", r"\ ")


def width(text: str) -> int:
    """Characters that a reader sees, about; of a fraction the longer part."""
    while (at := text.find(r"\frac{")) >= 0:
        top, after = _braced(text, at + 5)
        bottom, end = _braced(text, after)
        text = text[:at] + max(top, bottom, key=width) + text[end:]
    text = re.sub(r"\\(cdot|left|right|mathrm|qquad)|[{}^_]", "", text).replace(r"\ ", "~")
    return len(re.sub(r"\\[a-z]+", "x", text).replace(" ", "")) + 2 * len(re.findall(r" [-+=] ", text))


def factors(text: str) -> list[str]:
    """The factors of a product, as far as no bracket holds them together."""
    found, depth, start = [], 0, 0
    for match in re.finditer(r"\\left|\\right|\\cdot|[{}]", text):
        depth += {"{": 1, "}": -1, r"\left": 1, r"\right": -1}.get(match[0], 0)
        if match[0] == r"\cdot" and depth == 0:
            found.append(text[start : match.start()].strip())
            start = match.end()
    return [*found, text[start:].strip()]


def _braced(text: str, at: int) -> tuple[str, int]:
    """What stands in the braces that open at a position, and the position after them."""
    depth = 0
    for end in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[at + 1 : end], end + 1
    return text[at + 1 :], len(text)
