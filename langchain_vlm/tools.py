"""Tools with which an agent of LangChain reads images and asks about them.

What the model is given is text, within marks where it is a document's. Findings, with pages and boxes,
are in the artifact, which no model sees. What cannot be done is told to the model, which may ask otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from pydantic import ConfigDict, ValidationError

from langchain_vlm.engines import as_client, as_engine
from vlm_core import (
    IMAGE_TOOLS,
    AssistantResult,
    ConfigError,
    Engine,
    ForeignClient,
    ImageAssistant,
    ImageTool,
    Journal,
    PagePicture,
    Route,
    VLMClient,
    VLMError,
)
from vlm_core.integration import strict_options

__all__ = ["AssistantOptions", "AssistantTool", "ImageToolkit", "image_tools"]

LLMLike: TypeAlias = "str | Route | VLMClient | ForeignClient | BaseChatModel | None"
ToolOutput: TypeAlias = tuple[str | list[dict[str, Any]], dict[str, Any]]
"""What the model is given, and the artifact."""


class AssistantOptions(TypedDict, total=False):
    """Options of `vlm_core.ImageAssistant`, whose page says what each does."""

    root_dir: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
    allow_urls: bool
    allow_private_urls: bool
    max_pages: int
    max_images: int
    max_bytes: int
    max_chars: int
    password: str | None
    journal: str | os.PathLike[str] | Journal | None
    max_concurrency: int
    request_options: Mapping[str, Any] | None
    cite_boxes: bool | None
    search_seconds: float
    show_pages: bool


@strict_options(*AssistantOptions.__annotations__)
def image_tools(
    engine: Engine | BaseChatModel = "local",
    llm: LLMLike = None,
    *,
    assistant: ImageAssistant | None = None,
    **options: Unpack[AssistantOptions],
) -> list[BaseTool]:
    """Tools for an agent: list and search documents, read and ask about them, find a text, extract values.

    The model names files under `root_dir`, and URLs where `allow_urls` is True. `extract` is there where
    a vision model is. All of them share what was read, so that asking again is quick.

    Args:
        engine: what reads: "local", a vision model as "provider:model" or VLMClient, any chat model of
            LangChain that takes images, or an OCR engine of your own.
        llm: the vision model that answers questions: a route, a VLMClient or a chat model such as ChatVLM.
            None takes the engine's own, if it has one that answers questions; where there is none,
            questions are answered with the text that was read.
        assistant: one of your own in place of all others.
        options: those of `vlm_core.ImageAssistant`: root_dir, by default the current folder, allow_urls,
            max_pages, max_images, password and so on.

    Raises:
        ConfigError: an argument cannot be used.

    Example:
        >>> [tool.name for tool in image_tools(root_dir="/")]
        ['read_image', 'ask_image', 'find_text', 'list_pages', 'list_documents', 'search_documents']
    """
    return ImageToolkit(engine, llm, assistant=assistant, **options).get_tools()


class ImageToolkit(BaseToolkit):
    """The tools of `image_tools`, and the `assistant` that they share.

    Arguments and errors are those of `image_tools`. An agent's tools may be used by any number of threads
    and event loops. `toolkit.assistant.close()` forgets the documents.

    Example:
        >>> ImageToolkit(root_dir="/").assistant.has_llm
        False
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    assistant: ImageAssistant

    @strict_options(*AssistantOptions.__annotations__)
    def __init__(
        self,
        engine: Engine | BaseChatModel = "local",
        llm: LLMLike = None,
        *,
        assistant: ImageAssistant | None = None,
        **options: Unpack[AssistantOptions],
    ) -> None:
        if assistant is not None and (options or engine != "local" or llm is not None):
            raise ConfigError("assistant= has all that it needs", hint="Give it alone, or leave it out.")
        model = as_client(llm) if isinstance(llm, BaseChatModel) else llm
        given = assistant or ImageAssistant(as_engine(engine), model, **options)
        super().__init__(assistant=given)  # type: ignore[call-arg]

    def get_tools(self) -> list[BaseTool]:
        """The tools that the assistant can serve."""
        return [_made(tool, self.assistant) for tool in self.assistant.tools]


class AssistantTool(BaseTool):
    """A tool of an assistant, as `image_tools` makes them.

    Called by an agent, it gives a ToolMessage with a text as its content, and as its artifact
    `AssistantResult.to_dict()`: plain JSON with `citations` (source, page, boxes) and `images`, never a
    picture.
    `show_page` alone has a picture in its content.
    """

    assistant: ImageAssistant
    function: str
    """Which one of the assistant's it is, however it is named to the model."""
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: bool | str | Callable[[ToolException], Any] | None = True
    handle_validation_error: bool | str | Callable[[Exception], str] | None = None

    def _run(self, *first: object, **arguments: object) -> ToolOutput:
        with _errors_for_the_model():
            return _output(self._tool.run(self.assistant, self._named(first, arguments)))

    async def _arun(self, *first: object, **arguments: object) -> ToolOutput:
        with _errors_for_the_model():
            return _output(await self._tool.arun(self.assistant, self._named(first, arguments)))

    @property
    def _tool(self) -> ImageTool:
        # Not held, for it cannot be pickled.
        return _tool_called(self.function)

    def _named(self, first: Sequence[object], arguments: dict[str, object]) -> dict[str, object]:
        """The arguments; a tool that was called with one string has it as its first."""
        return {**dict(zip(self._tool.arguments.model_fields, first, strict=False)), **arguments}


def _output(finding: AssistantResult) -> ToolOutput:
    """A text; or a text and a picture as content blocks, where there is one to be looked at."""
    if not isinstance(finding, PagePicture):
        return finding.text, finding.to_dict()
    url = finding.picture.data_uri.decode("ascii")
    text = {"type": "text", "text": finding.text}
    return [text, {"type": "image_url", "image_url": {"url": url}}], finding.to_dict()


def _made(tool: ImageTool, assistant: ImageAssistant) -> AssistantTool:
    return AssistantTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.arguments,
        assistant=assistant,
        function=tool.name,
        handle_validation_error=partial(_wrong_arguments, tool.name),
    )


@contextmanager
def _errors_for_the_model() -> Iterator[None]:
    """What went wrong as what LangChain tells the model, with what to do about it."""
    try:
        yield
    except VLMError as error:
        raise ToolException(str(error)) from error


def _wrong_arguments(function: str, error: Exception) -> str:
    """What is wrong with the arguments that a model wrote."""
    return str(_tool_called(function).wrong_arguments(cast("ValidationError", error)))


def _tool_called(function: str) -> ImageTool:
    return next(tool for tool in IMAGE_TOOLS if tool.name == function)
