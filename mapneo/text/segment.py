r"""Chinese words: a text cut as `jieba.cut(text)` cuts it (0.42.1, HMM on), token for token.

A text falls into blocks of characters that words are made of (ideographs, ASCII letters, digits
and `+#&._%-`) and the rest, of which each character is a token (`\r\n` is one). A block is cut
along the most probable path through the words in it; where that path takes single characters one
by one, `mapneo.text.unknown` may join them.

The output doubles as scratch: tokens written never outrun the characters read, so until a token's
end is written, `ends[position]` holds what is known about the character there:

    bits 24-27  choices, then the state, of the hidden Markov model
    bits 16-23  length of the word that begins here on the most probable path
    bits  0-15  code of the character
"""

import numpy as np
import numpy.typing as npt

from mapneo.text.dictionary import MAX_WORD_CHARS, Dictionary, jieba_dictionary
from mapneo.text.kernel import kernel
from mapneo.text.trie import BASE_SHIFT, CODE_SHIFT, MAX_CODE, MAX_WEIGHT
from mapneo.text.unknown import CODE_BITS, cut_unknown

_LENGTH_SHIFT = 16
_LENGTH_BITS = 0xFF
# Scores of the next MAX_WORD_CHARS positions are enough: a ring of a power of two above it.
_RING = 2 * MAX_WORD_CHARS
_CARRIAGE_RETURN, _LINE_FEED = 13, 10


def cut(text: str) -> list[str]:
    """The words, signs and white space of a text, in order; joined they are the text.

    Equal to `list(jieba.cut(text))`.

    Raises:
        InputError: the package jieba is not installed.
    """
    data = text.encode("utf-32-le", "surrogatepass")
    code_points = np.frombuffer(data, dtype="<i4").astype(np.int32)
    ends = np.empty(code_points.size, dtype=np.int32)
    count = segment_words(code_points, jieba_dictionary(), ends)
    stops = ends[:count].tolist()
    return [text[start:end] for start, end in zip([0, *stops], stops, strict=False)]


@kernel
def segment_words(
    code_points: npt.NDArray[np.int32], dictionary: Dictionary, ends: npt.NDArray[np.int32]
) -> int:
    """Cut a text into tokens. Time is linear in its length; nothing grows with it but `ends`.

    Args:
        code_points: int32, the text; values from 0 to 0x10FFFF.
        dictionary: words and model.
        ends: int32, at least as long as the text. On return, `ends[i]` is where token i ends and
            token i + 1 begins; what lies behind the last token is undefined.

    Returns:
        The number of tokens.
    """
    scores = np.empty(_RING, dtype=np.float64)
    total = code_points.size
    count = position = 0
    while position < total:
        stop = position
        while stop < total and code_points[stop] < dictionary.alphabet.size:
            code = dictionary.alphabet[code_points[stop]]
            if code == 0:
                break
            ends[stop] = code
            stop += 1
        if stop > position:
            _find_words(position, stop, dictionary, ends, scores)
            count = _write_words(code_points, position, stop, dictionary, ends, count)
            position = stop
            continue
        is_return = code_points[position] == _CARRIAGE_RETURN
        position += 1
        if is_return and position < total and code_points[position] == _LINE_FEED:
            position += 1
        ends[count] = position
        count += 1
    return count


@kernel
def _find_words(
    start: int,
    end: int,
    dictionary: Dictionary,
    packed: npt.NDArray[np.int32],
    scores: npt.NDArray[np.float64],
) -> None:
    """Length of the best word at each position of a block, from right to left.

    The sum of log probabilities runs from the block's end, and of equal sums the longer word
    wins, as in jieba: the order of additions decides ties.
    """
    trie, weights = dictionary.trie, dictionary.log_probabilities
    scores[end % _RING] = 0.0
    for position in range(end - 1, start - 1, -1):
        best, best_length = -np.inf, 0
        base = np.int64(0)
        reached = position
        while reached < end:
            code = packed[reached] & CODE_BITS
            node = trie[base + code]
            if (node >> CODE_SHIFT) & MAX_CODE != code:
                break
            reached += 1
            weight = node & MAX_WEIGHT
            if weight != 0:
                score = weights[weight] + scores[reached % _RING]
                if score >= best:
                    best, best_length = score, reached - position
            base = node >> BASE_SHIFT
            if base == 0:
                break
        if best_length == 0:
            best, best_length = weights[0] + scores[(position + 1) % _RING], 1
        scores[position % _RING] = best
        packed[position] |= np.int32(best_length) << _LENGTH_SHIFT


@kernel
def _write_words(
    code_points: npt.NDArray[np.int32],
    start: int,
    end: int,
    dictionary: Dictionary,
    ends: npt.NDArray[np.int32],
    count: int,
) -> int:
    """Write a block's tokens from the lengths that `_find_words` left. Returns tokens so far.

    Characters that the best path takes one by one are joined if together they are no known word.
    """
    position = start
    while position < end:
        alone, length = position, 1
        while position < end:
            length = (ends[position] >> _LENGTH_SHIFT) & _LENGTH_BITS
            if length > 1:
                break
            position += 1
        if position > alone + 1 and not _is_word(alone, position, dictionary.trie, ends):
            count = cut_unknown(code_points, alone, position, dictionary, ends, count)
        else:
            for char in range(alone, position):
                ends[count] = char + 1
                count += 1
        if length > 1:
            position += length
            ends[count] = position
            count += 1
    return count


@kernel
def _is_word(
    start: int, end: int, trie: npt.NDArray[np.int64], packed: npt.NDArray[np.int32]
) -> bool:
    if end - start > MAX_WORD_CHARS:
        return False
    base, weight = np.int64(0), np.int64(0)
    for position in range(start, end):
        code = packed[position] & CODE_BITS
        node = trie[base + code]
        has_no_children = base == 0 and position > start
        if has_no_children or (node >> CODE_SHIFT) & MAX_CODE != code:
            return False
        base, weight = node >> BASE_SHIFT, node & MAX_WEIGHT
    return bool(weight != 0)
