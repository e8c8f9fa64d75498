"""Why an answer ended, in one vocabulary. Servers have some twenty words for four reasons."""

from __future__ import annotations

_WORDS = {
    "stop": ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"),
    "length": ("length", "max_tokens"),
    "tool_calls": ("tool_calls", "tool_use", "function_call"),
    "content_filter": (
        ("content_filter", "content_filtered", "sensitive", "safety", "recitation", "refusal")
    ),
    "error": ("error", "network_error"),
}
_REASONS = {word: reason for reason, words in _WORDS.items() for word in words}


def finish_reason(word: str, *, has_tool_calls: bool = False) -> str:
    """What a server's word for the end means.

    Args:
        word: as the server wrote it; an unknown one is kept.
        has_tool_calls: some servers say stop where the model calls tools.

    Returns:
        stop, length, tool_calls, content_filter, error, or the word itself.

    Example:
        >>> finish_reason("MAX_TOKENS"), finish_reason("eos"), finish_reason("abort")
        ('length', 'stop', 'abort')
    """
    reason = _REASONS.get(word.lower(), word)
    return "tool_calls" if reason == "stop" and has_tool_calls else reason
