"""Numbers as a clinician reads them, before any word is put beside them.

Everything here is language-free text: signs, separators, decimals. `words.py` adds units and intervals.
"""

from __future__ import annotations

import math

MINUS = "−"
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def fixed(x: float, decimals: int, *, signed: bool = False) -> str:
    """A number with so many decimals, a true minus sign, and commas from 10,000 on (so that years stay years).

    Example:
        >>> fixed(-1234.5, 1), fixed(412000, 0), fixed(2.38, 1, signed=True)
        ('−1234.5', '412,000', '+2.4')
    """
    size = f"{abs(x):.{decimals}f}"
    if abs(x) >= 9_999.5:
        size = f"{abs(x):,.{decimals}f}"
    is_zero = float(size.replace(",", "")) == 0.0
    if x < 0 and not is_zero:
        return MINUS + size
    return f"+{size}" if signed and not is_zero else size


def significant(x: float, digits: int = 3) -> str:
    """A number to so many significant digits, without trailing zeros and never short of its whole part.

    Example:
        >>> significant(0.012345), significant(1999.0), significant(1234.56), significant(24.0)
        ('0.0123', '1999', '1235', '24')
    """
    if x == 0:
        return "0"
    if not 1e-4 <= abs(x) < 1e9:
        return scientific(x, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(x))))
    text = fixed(x, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def scientific(x: float, digits: int = 2) -> str:
    """A number as 1.2 × 10⁸; a power of ten alone as 10⁸.

    Example:
        >>> scientific(1.2e8), scientific(1e-6), scientific(-2e-5)
        ('1.2 × 10⁸', '10⁻⁶', '−2 × 10⁻⁵')
    """
    if x == 0:
        return "0"
    mantissa, _, power = f"{abs(x):.{digits - 1}e}".partition("e")
    ten = "10" + superscript(int(power))
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return (MINUS if x < 0 else "") + (ten if mantissa == "1" else f"{mantissa} × {ten}")


def superscript(power: int) -> str:
    """An exponent in raised digits, as text rather than as markup."""
    return str(power).translate(_SUPERSCRIPT)


def percent_decimals(*proportions: float) -> int:
    """Decimals for percentages printed together: one, or more where one would hide a small non-zero value."""
    sizes = [abs(100 * p) for p in proportions if math.isfinite(p) and p != 0]
    if not sizes or max(sizes) >= 1:
        return 1
    return min(4, 1 - math.floor(math.log10(max(sizes))))
