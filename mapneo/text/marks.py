"""Sets of marks that published filters look for, as data."""

# Code points with Unicode's property Sentence_Terminal (PropList.txt).
_TERMINAL_RANGES = (
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 "
    "166E 1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F "
    "1B7D-1B7E 1C3B-1C3C 1C7E-1C7F 203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF "
    "A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 AA5D-AA5F AAF0-AAF1 ABEB FE52 "
    "FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 "
    "1144B-1144C 115C2-115C3 115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 "
    "11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 16A6E-16A6F 16AF5 16B37-16B38 16B44 "
    "16E98 1BC9F 1DA88 "
)

WIDE_MARKS = "«´»–—’“”„…∶━►、。〈〉《》「」【】！％（），．１：；？～"
"""Marks beyond ASCII that CCNet's list of punctuation has, its slip "１" for "！" included."""


def terminal_marks() -> frozenset[str]:
    """Characters that end a sentence in any script, as FineWeb's line rule takes them."""
    marks: set[str] = set()
    for entry in _TERMINAL_RANGES.split():
        first, _, last = entry.partition("-")
        marks.update(map(chr, range(int(first, 16), int(last or first, 16) + 1)))
    return frozenset(marks)


def symbol_marks() -> frozenset[str]:
    """What a token may consist of and still not count as a word in Gopher's rules.

    ASCII marks, WIDE_MARKS, the control characters but tab and newline, and the terminal marks:
    the set of datatrove 0.10.1, which took CCNet's.
    """
    ascii_marks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    controls = {chr(c) for c in (*range(9), *range(11, 32), *range(127, 160))}
    return terminal_marks() | set(ascii_marks) | set(WIDE_MARKS) | controls
