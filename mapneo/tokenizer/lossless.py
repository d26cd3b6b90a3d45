"""A reversible treatment of U+2581, the one character that SentencePiece can't give back.

SentencePiece writes a space as U+2581 (▁) and reads every U+2581 as a space, so a literal one
comes back as a space. All text goes through `escape` before encoding and through `restore`
after decoding, in training, encoding, generation and every export:

- U+2581 becomes the escape character followed by `_`;
- the escape character, U+F2581 of the private plane 15, is doubled.

All other text, which is practically all text, is passed through untouched.
"""

import re

from mapneo.core.errors import DataError

SPACE_MARK = "\u2581"
ESCAPE = "\U000f2581"

_ESCAPED_MARK = ESCAPE + "_"
_ESCAPED_ESCAPE = ESCAPE + ESCAPE
_SEQUENCE = re.compile(f"{ESCAPE}[{ESCAPE}_]")


def escape(text: str) -> str:
    """Text without U+2581, from which `restore` gives back `text`."""
    if ESCAPE in text:
        text = text.replace(ESCAPE, _ESCAPED_ESCAPE)
    if SPACE_MARK in text:
        text = text.replace(SPACE_MARK, _ESCAPED_MARK)
    return text


def restore(text: str) -> str:
    """The inverse of `escape`; an escape character that starts no sequence is left as it is."""
    if ESCAPE not in text:
        return text
    return _SEQUENCE.sub(lambda found: ESCAPE if found[0] == _ESCAPED_ESCAPE else SPACE_MARK, text)


def require_unicode(text: str) -> None:
    """Refuse a string that has no UTF-8 form.

    Raises:
        DataError: the text holds half of a surrogate pair; its position is named.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"character {error.start} of the text is a lone surrogate "
            f"(U+{ord(text[error.start]):04X}), which no UTF-8 text can hold: "
            "decode the source with errors='replace' or leave the document out"
        ) from error
