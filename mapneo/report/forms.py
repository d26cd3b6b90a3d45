"""How a figure is written: counts, bytes, shares, seconds; always with its unit."""

import math
from enum import StrEnum


class Form(StrEnum):
    """The ways to write a figure."""

    COUNT = "count"
    COMPACT = "compact"
    BYTES = "bytes"
    SHARE = "share"
    SECONDS = "seconds"
    DECIMAL = "decimal"
    DIGITS = "digits"


NOTHING = "–"


def written(value: object, form: Form) -> str:
    """`value` in `form`; a dash for what is missing or not finite."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return _WRITERS[form](value)


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _compact(value: float) -> str:
    if abs(value) < 10_000:
        return _count(value)
    power = min(4, _thousands(value))
    return f"{_three_digits(value / 1000**power)} {' kMGT'[power]}"


def _bytes(value: float) -> str:
    power = min(4, _thousands(value))
    return f"{_three_digits(value / 1000**power)} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"


def _thousands(value: float) -> int:
    """How many times `value` can be divided by 1000 and stay at least 1."""
    return int(math.log10(max(1.0, abs(value))) // 3)


def _three_digits(value: float) -> str:
    """`value` (0 to 9999) with three significant digits, whole numbers without a point."""
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"


def _share(value: float) -> str:
    percent = 100 * value
    digits = 0 if percent in (0, 100) else 1 if 1 <= abs(percent) <= 99 else 2
    return f"{percent:.{digits}f} %"


def _seconds(value: float) -> str:
    if value < 10:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes == 0:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _digits(value: float) -> str:
    """Up to four significant digits, as bounds and signals are written."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


_WRITERS = {
    Form.COUNT: _count,
    Form.COMPACT: _compact,
    Form.BYTES: _bytes,
    Form.SHARE: _share,
    Form.SECONDS: _seconds,
    Form.DECIMAL: lambda value: f"{value:.3f}".replace("-", "−"),
    Form.DIGITS: _digits,
}
