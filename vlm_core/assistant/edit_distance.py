"""How unlike two strings are, in letters to change: fast, for a column of the edit matrix is two numbers.

By Myers (1999), A fast bit-vector algorithm for approximate string matching based on dynamic programming.
"""

from __future__ import annotations

from collections.abc import Iterator


def distances(wanted: str, text: str, *, anchored: bool = False) -> Iterator[int]:
    """The edit distance between a string and the best piece of another that ends at each place of it.

    Args:
        wanted: looked for.
        text: looked in.
        anchored: whether a piece begins where the text does.

    Example:
        >>> list(distances("abc", "xabcx"))
        [3, 2, 1, 0, 1]
    """
    whole, last = (1 << len(wanted)) - 1, 1 << (len(wanted) - 1)
    masks: dict[str, int] = {}
    for place, letter in enumerate(wanted):
        masks[letter] = masks.get(letter, 0) | 1 << place
    plus, minus, distance = whole, 0, len(wanted)
    for letter in text:
        equal = masks.get(letter, 0)
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        up, down = minus | (whole & ~(diagonal | plus)), plus & diagonal
        distance += bool(up & last) - bool(down & last)
        up = (up << 1 | anchored) & whole
        down = (down << 1) & whole
        plus, minus = down | (whole & ~(diagonal | up)), up & diagonal
        yield distance
