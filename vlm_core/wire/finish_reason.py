"""Why an answer ended, in one vocabulary. Servers have some twenty words for four reasons."""

from __future__ import annotations

_WORDS = {
    "stop": ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"),
    "length": (
        *("length", "max_length", "model_length", "max_tokens", "max_new_tokens", "max_output_tokens"),
        *("max_completion_tokens", "token_limit", "length_limit"),
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    "content_filter": (
        *("content_filter", "content_filtered", "sensitive", "safety", "recitation", "refusal"),
        *("prohibited_content", "blocklist", "spii"),
    ),
    "error": ("error", "network_error", "malformed_function_call"),
}


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.lower()))


_REASONS = {_letters(word): reason for reason, words in _WORDS.items() for word in words}
"""Without case, dashes and underscores, in which servers differ."""


def finish_reason(word: str, *, has_tool_calls: bool = False) -> str:
    """What a server's word for the end means.

    Args:
        word: as the server wrote it; an unknown one is kept.
        has_tool_calls: some servers say stop where the model calls tools.

    Returns:
        stop, length, tool_calls, content_filter, error, or the word itself.

    Example:
        >>> finish_reason("MAX_TOKENS"), finish_reason("content-filter"), finish_reason("abort")
        ('length', 'content_filter', 'abort')
    """
    reason = _REASONS.get(_letters(word), word)
    return "tool_calls" if reason == "stop" and has_tool_calls else reason
