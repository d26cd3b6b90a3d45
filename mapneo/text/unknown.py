"""Characters that the dictionary leaves alone, joined to words as jieba's `finalseg` does.

Ideographs go through a hidden Markov model: each begins a word (B), ends one (E), stands in the
middle (M) or stands alone (S); the likeliest path is found as by jieba, float by float, because
what it has never seen costs -3.14e100, beside which everything else is rounded away: ties are
common, and they go to the state whose letter comes later. Runs of letters and digits are words.

All kernels here work on `packed`, the scratch of `mapneo.text.segment`, and count tokens on.
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.dictionary import HAN_FIRST, Dictionary
from mapneo.text.kernel import kernel

CODE_BITS = 0xFFFF
_CHOICE_SHIFT = 24
# Which state led here, in the four bits from _CHOICE_SHIFT on: set if it is the later letter.
_B_FROM_S, _E_FROM_M, _M_FROM_M, _S_FROM_S = 1, 2, 4, 8
_BELOW_CHOICE = (1 << _CHOICE_SHIFT) - 1
_B, _E, _M, _S = 0, 1, 2, 3
_POINT, _PERCENT, _ZERO, _NINE = 0x2E, 0x25, 0x30, 0x39
_UPPER_A, _UPPER_Z, _LOWER_A = 0x41, 0x5A, 0x61


@kernel
def cut_unknown(
    code_points: npt.NDArray[np.int32],
    start: int,
    end: int,
    dictionary: Dictionary,
    packed: npt.NDArray[np.int32],
    count: int,
) -> int:
    """Cut `code_points[start:end]`, all of them in the alphabet. Returns tokens written so far."""
    position = start
    while position < end:
        is_han = code_points[position] >= HAN_FIRST
        stop = position + 1
        while stop < end and (code_points[stop] >= HAN_FIRST) == is_han:
            stop += 1
        if not is_han:
            count = _cut_latin(code_points, position, stop, packed, count)
        elif stop - position == 1:
            packed[count] = stop
            count += 1
        else:
            _find_path(position, stop, dictionary, packed)
            for char in range(position, stop):
                state = packed[char] >> _CHOICE_SHIFT
                if state in (_E, _S):
                    packed[count] = char + 1
                    count += 1
        position = stop
    return count


@kernel
def _find_path(start: int, end: int, dictionary: Dictionary, packed: npt.NDArray[np.int32]) -> None:
    """Viterbi; leaves each character's state in the bits from _CHOICE_SHIFT on."""
    moves = dictionary.transitions
    seen = dictionary.emissions[packed[start] & CODE_BITS]
    b, e = dictionary.start[_B] + seen[_B], dictionary.start[_E] + seen[_E]
    m, s = dictionary.start[_M] + seen[_M], dictionary.start[_S] + seen[_S]
    for position in range(start + 1, end):
        # Compared after the emission is added: what is rounded away by then makes a tie.
        seen = dictionary.emissions[packed[position] & CODE_BITS]
        b_from_e, b_from_s = e + moves[_E, _B] + seen[_B], s + moves[_S, _B] + seen[_B]
        e_from_b, e_from_m = b + moves[_B, _E] + seen[_E], m + moves[_M, _E] + seen[_E]
        m_from_b, m_from_m = b + moves[_B, _M] + seen[_M], m + moves[_M, _M] + seen[_M]
        s_from_e, s_from_s = e + moves[_E, _S] + seen[_S], s + moves[_S, _S] + seen[_S]
        choices = np.int32(0)
        choices |= (b_from_s >= b_from_e) * _B_FROM_S
        choices |= (e_from_m >= e_from_b) * _E_FROM_M
        choices |= (m_from_m >= m_from_b) * _M_FROM_M
        choices |= (s_from_s >= s_from_e) * _S_FROM_S
        b, e = max(b_from_s, b_from_e), max(e_from_m, e_from_b)
        m, s = max(m_from_m, m_from_b), max(s_from_s, s_from_e)
        packed[position] |= choices << _CHOICE_SHIFT
    state = _S if s >= e else _E
    for position in range(end - 1, start - 1, -1):
        choices = packed[position] >> _CHOICE_SHIFT
        packed[position] = (packed[position] & _BELOW_CHOICE) | (np.int32(state) << _CHOICE_SHIFT)
        if state == _B:
            state = _S if choices & _B_FROM_S else _E
        elif state == _E:
            state = _M if choices & _E_FROM_M else _B
        elif state == _M:
            state = _M if choices & _M_FROM_M else _B
        else:
            state = _S if choices & _S_FROM_S else _E


@kernel
def _cut_latin(
    code_points: npt.NDArray[np.int32],
    start: int,
    end: int,
    packed: npt.NDArray[np.int32],
    count: int,
) -> int:
    """Letters and digits, with a decimal part and a percent sign; runs of what lies between."""
    between = position = start
    while position < end:
        if not _is_alphanumeric(code_points[position]):
            position += 1
            continue
        if between < position:
            packed[count] = position
            count += 1
        while position < end and _is_alphanumeric(code_points[position]):
            position += 1
        if position + 1 < end and code_points[position] == _POINT:
            after = position + 1
            while after < end and _ZERO <= code_points[after] <= _NINE:
                after += 1
            if after > position + 1:
                position = after
        if position < end and code_points[position] == _PERCENT:
            position += 1
        packed[count] = position
        count += 1
        between = position
    if between < end:
        packed[count] = end
        count += 1
    return count


@kernel
def _is_alphanumeric(code_point: int) -> bool:
    """Whether a character of the alphabet's Latin part is a letter or a digit."""
    return (
        _ZERO <= code_point <= _NINE
        or _UPPER_A <= code_point <= _UPPER_Z
        or (code_point >= _LOWER_A)
    )
