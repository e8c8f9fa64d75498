"""What an adapter to a framework needs of the core, and a user of it does not.

`langchain_vlm` and `llamaindex_vlm` are written over `vlm_core`'s public names and these. The types are in
`integration.pyi`, which `python tests/unit/test_public_names.py` writes.
"""

from vlm_core.lazy import load_on_first_use

# By the module in which each is defined. Loaded when they are first used: a loader needs no client.
_HOMES = {
    "adapter_models": (
        "AsksClient",
        "FieldCache",
        "hides_extra_headers",
        "provider_from_json",
        "provider_to_json",
        "revealed",
        "routes_from_json",
        "routes_to_json",
        "settings_among",
        "timeout_seconds",
    ),
    "assistant.data_checks": ("Check", "data_checks"),
    "assistant.message_proof": ("proved_by_messages",),
    "assistant.untrusted": ("one_line",),
    "client_settings": ("ClientSettings",),
    "completion": (
        "REASONING_DETAILS",
        "REASONING_TEXTS",
        "answer_facts",
        "answer_logprobs",
        "reasoning_of",
        "tool_call_fields",
    ),
    "documents": (
        "EmptyPages",
        "Mode",
        "OnFailed",
        "PageOptions",
        "Passage",
        "PassageOptions",
        "ReaderOptions",
        "apassages",
        "apassages_of_each",
        "check_mode",
        "checked_min_score",
        "passages",
        "passages_of_each",
        "reader_with",
        "source_from",
        "stable_id",
    ),
    "flow.estimate": ("text_tokens",),
    "flow.validation": ("call_seconds",),
    "images.data_uris": ("data_uri",),
    "images.files": ("base64_as_uri", "file_part", "text_in"),
    "images.page_images": ("document_again", "page_again", "page_encoded", "page_told_by"),
    "images.pictures_in_text": ("holds_picture",),
    "images.sniff": ("SUFFIXES", "sniff"),
    "images.sources": ("Source", "expand"),
    "lazy": ("load_on_first_use",),
    "ocr.callable_client": ("framework_client",),
    "ocr.engine": ("engine_name",),
    "option_names": ("check_names", "names_of", "strict_options", "validation_problems"),
    "secret": ("as_secret", "as_secrets"),
    "structure.chunks": ("ChunkOptions", "checked_chunk_options"),
    "structure.loaded": ("LoadedText", "rechunked"),
    "threads": ("on_own_thread",),
    "types": ("Verify",),
    "warning": ("warn_caller",),
    "wire.options": ("check_options",),
    "wire.structured": ("strict_schema",),
}

__getattr__ = load_on_first_use("vlm_core", _HOMES)
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
