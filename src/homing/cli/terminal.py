"""What the terminal can show: every text is printed, whatever its encoding lacks."""

from __future__ import annotations

import codecs
import sys

_HANDLER = "homing-shown"
#: What stands for a sign that an encoding lacks: signs of numbers and units alone, so that words are never changed.
_INSTEAD = {"−": "-", "–": "-", "—": "-", "•": "*", "≤": "<=", "≥": ">=", "≈": "~", "×": "x", "…": "...", "’": "'"}
_INSTEAD |= {"¹": "1", "²": "2", "³": "3", "⁻": "-", "µ": "μ"}


def never_fail() -> None:
    """Let standard output and errors show something for every character, instead of ending the program.

    A sign that the encoding lacks is shown by a plainer one, or by its code, which JSON reads back. Typer writes UTF-8
    where ASCII is set, the encoding of a system without a locale; so do tables then.
    """
    codecs.register_error(_HANDLER, _shown)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a test's or a notebook's stream may have none
        if reconfigure is not None:
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            reconfigure(encoding="utf-8" if ascii_only else None, errors=_HANDLER)


def _shown(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_plainer(sign, error.encoding) for sign in lacking), error.end


def _plainer(sign: str, encoding: str) -> str:
    plain = _INSTEAD.get(sign, "")
    if plain and _has(encoding, plain):
        return plain
    code = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{code[i : i + 2].hex()}" for i in range(0, len(code), 2))


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
