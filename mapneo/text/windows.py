"""Windows of a fixed number of units, and the few places of a text that stand for all of them.

Units are characters, or words with the white space behind them, so that equal windows are always
equal bytes. Of the windows of N units, each names one *anchor*: of its stretches of k units the one
with the smallest hash, the last of equals (winnowing: Schleimer, Wilkerson, Aiken 2003). The anchor
depends on the window's content alone, so windows that are equal have equal anchors at equal places.
Neighbouring windows mostly share theirs: two in `N - k + 2` places are anchors.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mapneo.text.hashing import GOLDEN, append64, mix64
from mapneo.text.kernel import kernel
from mapneo.text.unicode import HAN, SPACE

_BASES = (GOLDEN, np.uint64(0xD6E8FEB86659FD93))
_SCRAMBLE = np.uint64(0xBF58476D1CE4E5B9)


class WindowSetting(NamedTuple):
    """How texts are cut into windows.

    Attributes:
        units: units of a window, N.
        anchor_units: units of the stretches that are anchors, k.
        by_words: units are words; otherwise characters.
    """

    units: int
    anchor_units: int
    by_words: bool


def window_setting(units: int, *, by_words: bool) -> WindowSetting:
    """Anchors of half a window: rarely shared by chance, and one in a quarter of a window."""
    return WindowSetting(units, max(1, units // 2), by_words)


class Prefixes(NamedTuple):
    """Units of one text, ready to be hashed in any stretch.

    Attributes:
        places: int32, shape (units + 1,); where each unit begins, in bytes of the text.
        hashes: uint64, shape (lanes, units + 1); hashes of all beginnings.
        size: number of units.
    """

    places: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    size: int


@kernel
def powers_up_to(units: int) -> npt.NDArray[np.uint64]:
    """uint64, shape (2, units + 1): each lane's base to the power of each length."""
    powers = np.ones((2, units + 1), dtype=np.uint64)
    for lane in range(2):
        for exponent in range(units):
            powers[lane, exponent + 1] = powers[lane, exponent] * _BASES[lane]
    return powers


@kernel
def hash_prefixes(
    code_points: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint16],
    by_words: bool,
    hashes: npt.NDArray[np.uint64],
) -> Prefixes:
    """Hash all beginnings of a text: polynomials modulo 2^64 over scrambled units.

    Args:
        code_points: of the text.
        places: their offsets in bytes, one more than code points; with words, overwritten by
            those of words.
        flags: `CharTables.flags`.
        by_words: as in WindowSetting.
        hashes: scratch, shape (lanes, code points + 1 or more).
    """
    hashes[:, 0] = np.uint64(0)
    size = 0
    position = 0
    while position < code_points.size:
        begin = position
        value = np.uint64(code_points[position]) + np.uint64(1)
        position += 1
        if by_words:
            inside = flags[code_points[begin]] & (HAN | SPACE) == 0
            while position < code_points.size:
                flag = flags[code_points[position]]
                if not flag & SPACE and (not inside or flag & HAN):
                    break
                inside = inside and not flag & SPACE
                value = append64(value, np.uint64(code_points[position]))
                position += 1
            value = mix64(value)
        value *= _SCRAMBLE
        value ^= value >> np.uint64(29)
        for lane in range(hashes.shape[0]):
            hashes[lane, size + 1] = hashes[lane, size] * _BASES[lane] + value
        places[size] = places[begin]
        size += 1
    places[size] = places[code_points.size]
    return Prefixes(places, hashes, size)


@kernel
def window_hash(
    text: Prefixes, powers: npt.NDArray[np.uint64], lane: int, begin: int, end: int
) -> np.uint64:
    """Hash of the units from `begin` to before `end`; equal stretches of any texts have equal ones.

    `powers` holds those of all lengths up to `end - begin`.
    """
    power = powers[lane, end - begin]
    return mix64(text.hashes[lane, end] - text.hashes[lane, begin] * power)


@kernel
def find_anchors(
    text: Prefixes,
    setting: WindowSetting,
    powers: npt.NDArray[np.uint64],
    values: npt.NDArray[np.uint64],
    anchors: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int32],
) -> int:
    """Find the anchors of a text's windows, in ascending order.

    Args:
        text: with at least one lane.
        setting: windows.
        powers: up to `setting.anchor_units`.
        values: scratch with room for the text's units.
        anchors: gets the unit that each anchor begins at.
        firsts: gets the first window of each anchor; those from there to before the next
            anchor's first are all that name it. As many entries as windows may be needed, and
            one more: the last is the number of windows.

    Returns:
        The number of anchors; 0 if the text is shorter than a window.
    """
    width = setting.units - setting.anchor_units + 1
    found, best = 0, -1
    last_place = text.size - setting.anchor_units if text.size >= setting.units else -1
    hashes = text.hashes[0]
    power = powers[0, setting.anchor_units]
    for place in range(last_place + 1):
        value = mix64(hashes[place + setting.anchor_units] - hashes[place] * power)
        values[place] = value
        if best < 0 or value <= values[best]:
            best = place
        elif best <= place - width:
            best += 1
            for later in range(best + 1, place + 1):
                if values[later] <= values[best]:
                    best = later
        if place >= width - 1 and (found == 0 or anchors[found - 1] != best):
            anchors[found] = best
            firsts[found] = place - width + 1
            found += 1
    firsts[found] = max(0, text.size - setting.units + 1)
    return found


@kernel
def anchor_key(value: np.uint64) -> np.uint64:
    """Key of an anchor, never 0. Anchors have small hashes; their keys are spread evenly again."""
    return mix64(value + GOLDEN) | np.uint64(1)
