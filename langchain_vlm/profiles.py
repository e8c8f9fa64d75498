"""What LangChain wants to know of a model, from the catalog's rows."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.language_models.model_profile import ModelProfile

__all__ = ["profile_of"]


def profile_of(endpoint: Any) -> ModelProfile:
    """A model's profile, with what is known of it and nothing else.

    Pictures behind URLs, PDFs and pictures from tools are always taken: they are fetched, turned into
    pages and moved where the provider does not do it. `structured_output` is there only where the
    provider is known for it, for agents rely on it.

    Args:
        endpoint: of a client.

    Example:
        >>> from vlm_core import VLMClient
        >>> client = VLMClient("some-vlm", base_url="http://127.0.0.1:8000/v1")
        >>> profile_of(client.endpoint)["pdf_inputs"], profile_of(client.endpoint).get("max_input_tokens")
        (True, None)
    """
    from vlm_core import Quirk

    row, formats, tools = endpoint.profile, endpoint.response_formats, endpoint.tools
    can_force = Quirk.TOOL_CHOICE_AUTO_OR_NONE not in endpoint.quirks
    known = {
        "name": endpoint.model,
        "max_input_tokens": row.context_tokens,
        "max_output_tokens": row.max_output_tokens,
        "text_inputs": True,
        "text_outputs": True,
        **dict.fromkeys(_PICTURES, row.vision is not False),
        "tool_calling": tools,
        "tool_choice": None if tools is None else tools and can_force,
        "structured_output": None if formats is None else "json_schema" in formats,
        "reasoning_output": row.thinking,
    }
    return cast("ModelProfile", {name: value for name, value in known.items() if value is not None})


_PICTURES = ("image_inputs", "image_url_inputs", "pdf_inputs", "image_tool_message", "pdf_tool_message")
