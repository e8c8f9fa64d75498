"""Warnings that point at the line of the user's program, not at one of this package or of a framework."""

from __future__ import annotations

import sys
import warnings

# Packages that stand between the user's line and the warning.
_LIBRARIES = frozenset(
    {
        "vlm_core",
        "langchain_vlm",
        "llamaindex_vlm",
        "langchain",
        "langchain_classic",
        "langchain_community",
        "langchain_core",
        "langchain_text_splitters",
        "langgraph",
        "llama_index",
        "llama_index_instrumentation",
        "workflows",
        "asyncio",
        "concurrent",
        "contextlib",
        "functools",
        "nest_asyncio",
        "threading",
        "tqdm",
    }
)


def warn_caller(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn as `warnings.warn` does, at the innermost line outside of the frameworks.

    On a thread of a pool there is no such line; the warning then names none.

    Args:
        message: a text, or a warning.
        category: of a text.

    Example:
        >>> with warnings.catch_warnings(record=True, action="always") as caught:
        ...     warn_caller("No text on a.png page 1.")
        >>> caught[0].filename != __file__
        True
    """
    level, frame = 1, sys._getframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _LIBRARIES:
        frame, level = frame.f_back, level + 1  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level)
