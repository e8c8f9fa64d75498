"""Tools, and the choice among them, as the client takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.utils.function_calling import convert_to_openai_tool

from vlm_core import ConfigError
from vlm_core.integration import strict_schema

__all__ = ["as_choice", "as_tools"]

_SAME = {
    True: "required",
    False: "none",
    "any": "required",
    "required": "required",
    "auto": "auto",
    "none": "none",
}


def as_tools(tools: Sequence[object], strict: bool | None = None) -> list[dict[str, Any]]:
    """Tools in OpenAI's shape.

    Args:
        tools: LangChain's tools, functions, pydantic classes, TypedDicts, and dicts in the shapes of
            OpenAI and Anthropic.
        strict: whether the model must keep to the schema exactly; None leaves it unsaid.

    Raises:
        ConfigError: one is not a tool.

    Example:
        >>> def look(page: int) -> str:
        ...     "Look at a page."
        >>> as_tools([look])[0]["function"]["name"]
        'look'
    """
    return [_as_tool(tool, number, strict) for number, tool in enumerate(tools)]


def _as_tool(tool: object, number: int, strict: bool | None) -> dict[str, Any]:
    described = _described(tool, number, strict)
    # A dict holds the mark for prompt caching itself, one of LangChain's tools in its `extras`.
    marks = tool if isinstance(tool, Mapping) else getattr(tool, "extras", None)
    mark = marks.get("cache_control") if isinstance(marks, Mapping) else None
    return described if mark is None else {"cache_control": mark, **described}


def _described(tool: object, number: int, strict: bool | None) -> dict[str, Any]:
    if strict is None and isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        return tool  # as OpenAI has it; converting would drop keys that only the provider knows
    try:
        described = convert_to_openai_tool(cast("Any", tool))
    except (TypeError, ValueError) as error:
        problem = str(error)[:200]
    else:
        return described if strict is None else _with_strictness(described, strict)
    raise ConfigError(
        f"tools[{number}] is not a tool: {problem}",
        hint="Give a function with a docstring, a tool or a schema.",
    )


def _with_strictness(tool: dict[str, Any], strict: bool) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    name, parameters = str(function.get("name")), function.get("parameters")
    if function.get("strict", strict) != strict:
        raise ConfigError(f"strict={strict}, and the tool {name} says otherwise", hint="Give one of them.")
    closed = {"parameters": strict_schema(parameters, name)} if strict and parameters else {}
    return {**tool, "function": {**function, **closed, "strict": strict}}


def as_choice(choice: object, tools: Sequence[Mapping[str, Any]]) -> str | dict[str, Any] | None:
    """A choice of tools in OpenAI's shape; None where nothing is chosen, or there is nothing to choose.

    Args:
        choice: "auto", "none", "any" or "required", True, a tool's name, or a dict of OpenAI's or
            Anthropic's.
        tools: as `as_tools` gives them.

    Raises:
        ConfigError: no tool has this name.

    Example:
        >>> as_choice("any", as_tools([{"name": "look", "input_schema": {"type": "object"}}]))
        'required'
    """
    if choice is None or not tools:
        return None
    if isinstance(choice, Mapping):
        choice = _name(choice) or choice.get("type")
    if isinstance(choice, (bool, str)) and choice in _SAME:
        return _SAME[choice]
    names = [name for tool in tools if (name := _name(tool))]
    if choice not in names:
        raise ConfigError(
            f"tool_choice is not a tool: {str(choice)[:80]!r}",
            hint=f"It is any, auto, none, or one of {', '.join(names)}.",
        )
    return {"type": "function", "function": {"name": choice}}


def _name(tool: Mapping[str, Any]) -> str | None:
    """The name of a tool, or of the one that a choice means, in OpenAI's shape or Anthropic's."""
    function = tool.get("function")
    return function.get("name") if isinstance(function, Mapping) else tool.get("name")
