"""Characters that JSON cut in two: a server may write one emoji as two escapes, even in two chunks."""

from __future__ import annotations


class SurrogateJoiner:
    """Joins the halves of characters beyond U+FFFF; a half without its other becomes U+FFFD.

    Example:
        >>> joiner = SurrogateJoiner()
        >>> [joiner.feed(piece) for piece in ("a\\ud83d", "\\ude00b", "\\ude00c")]
        ['a', '😀b', '\ufffdc']
    """

    def __init__(self) -> None:
        self.kept = ""

    def feed(self, piece: str) -> str:
        """What is whole now."""
        seen = self.kept + piece
        self.kept = seen[-1] if "\ud800" <= seen[-1:] <= "\udbff" else ""
        return joined(seen[:-1] if self.kept else seen)

    def end(self) -> str:
        """What stands for a half that was left over."""
        kept, self.kept = self.kept, ""
        return joined(kept)


def joined(text: str) -> str:
    """A text that UTF-8 can hold.

    Example:
        >>> joined("\\ud83d\\ude00 \\ud83d")
        '😀 \ufffd'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
