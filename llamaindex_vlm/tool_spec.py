"""Tools with which an agent of LlamaIndex looks at images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from os import PathLike
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import ContentBlock, ImageBlock, TextBlock
from llama_index.core.llms import LLM
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import BaseModel

from llamaindex_vlm.engines import as_engine
from vlm_core import (
    IMAGE_TOOLS,
    AssistantResult,
    ConfigError,
    Engine,
    ImageAssistant,
    ImageTool,
    PagePicture,
    Route,
    VLMClient,
)
from vlm_core.integration import check_names, names_of, strict_options

Roots: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]
_TOOLS = {tool.name: tool for tool in IMAGE_TOOLS}


class VLMToolSpec(BaseToolSpec):
    """Lets an agent read images and documents, ask about them, and find where something stands in them.

    A tool gives the agent text, with the words of a document marked as untrusted; `raw_output` has the
    whole finding as a dict, with pages and boxes. An agent names files under `root_dir`, and reaches
    nothing else. What goes wrong it gets as a text that says what to do, and goes on.

    Args:
        engine: what reads: "local", a route, a `VLMClient`, an `OCREngine`, or an LLM that takes images.
        llm: the vision model that answers questions: a route, a `VLMClient`, a `VLM` or another LLM that
            takes images. None takes the engine's where that answers questions; else only text is read, and
            there is no tool `extract`.
        root_dir: the folder, or folders, under which files may be read; by default the current one.
        allow_urls: whether pictures are also fetched from public web addresses.
        assistant: an `ImageAssistant` to use in place of all these.
        options: max_pages, max_images, max_bytes, max_chars, password, journal, max_concurrency,
            request_options, cite_boxes, search_seconds, show_pages and allow_private_urls, as
            `ImageAssistant` has them.

    Raises:
        ConfigError: an argument cannot be used.

    Example:
        >>> import tempfile, pathlib
        >>> folder = tempfile.TemporaryDirectory()
        >>> _ = pathlib.Path(folder.name, "white.pgm").write_bytes(b"P5 40 40 255 " + bytes([255]) * 1600)
        >>> read_image, *others = VLMToolSpec(root_dir=folder.name).to_tool_list()
        >>> read_image(image="white.pgm").content
        'white.pgm, page 1 of 1: it is blank.'
        >>> [tool.metadata.name for tool in others]
        ['ask_image', 'find_text', 'list_pages', 'list_documents', 'search_documents']
        >>> folder.cleanup()
    """

    @strict_options(*names_of(ImageAssistant))
    def __init__(
        self,
        engine: Engine | LLM = "local",
        llm: str | Route | VLMClient | LLM | None = None,
        *,
        root_dir: Roots = ".",
        allow_urls: bool = False,
        assistant: ImageAssistant | None = None,
        **options: Any,
    ) -> None:
        settings = {"engine": engine, "llm": llm, "root_dir": root_dir, "allow_urls": allow_urls, **options}
        if assistant is None:
            model = as_engine(llm) if isinstance(llm, LLM) else llm
            assistant = ImageAssistant(**{**settings, "engine": as_engine(engine), "llm": model})
        else:
            _check_alone(settings)
        self.assistant = assistant
        """What is behind the tools."""
        self.spec_functions = [(tool.name, f"a{tool.name}") for tool in self.assistant.tools]

    # --- the tools as LlamaIndex takes them ---------------------------------------------------------

    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The tools for an agent.

        Args:
            spec_functions: names, to take some of them only; a pair names a function and its async twin.
            func_to_metadata_mapping: other names, descriptions or schemas, by the names of functions.

        Raises:
            ConfigError: there is no function of a name.
        """
        names = [_names_in(spec) for spec in spec_functions or self.spec_functions]
        known = func_to_metadata_mapping or {}
        return [
            self._tool(_find(name), known.get(name) or known.get(twin) or _metadata(_find(name)))
            for name, twin in names
        ]

    def get_fn_schema_from_fn_name(
        self, fn_name: str, spec_functions: list[SPEC_FUNCTION_TYPE] | None = None
    ) -> type[BaseModel]:
        """The arguments of a function."""
        return _find(_names_in(fn_name)[0]).arguments

    def get_metadata_from_fn_name(
        self, fn_name: str, spec_functions: list[SPEC_FUNCTION_TYPE] | None = None
    ) -> ToolMetadata:
        """What a model is told of a function."""
        return _metadata(_find(_names_in(fn_name)[0]))

    def _tool(self, tool: ImageTool, metadata: ToolMetadata) -> FunctionTool:
        if tool.shows_picture:
            return self._showing_tool(tool, metadata)

        def run(**arguments: object) -> dict[str, Any]:
            return tool.run(self.assistant, arguments).to_dict()

        async def arun(**arguments: object) -> dict[str, Any]:
            return (await tool.arun(self.assistant, arguments)).to_dict()

        async def atext(finding: Mapping[str, Any]) -> str:
            return _text(finding)

        return FunctionTool(fn=run, async_fn=arun, metadata=metadata, callback=_text, async_callback=atext)

    def _showing_tool(self, tool: ImageTool, metadata: ToolMetadata) -> FunctionTool:
        """A tool that gives blocks, of which one is a picture."""

        def run(**arguments: object) -> list[ContentBlock]:
            return _blocks(tool.run(self.assistant, arguments))

        async def arun(**arguments: object) -> list[ContentBlock]:
            return _blocks(await tool.arun(self.assistant, arguments))

        return FunctionTool(fn=run, async_fn=arun, metadata=metadata)

    # --- the same for a program ---------------------------------------------------------------------

    def read_image(self, image: str, page: int | None = None) -> str:
        """Read the text of an image or of a document's pages."""
        return self.assistant.read_image(image, page).text

    async def aread_image(self, image: str, page: int | None = None) -> str:
        """As `read_image`, without blocking the event loop."""
        return (await self.assistant.aread_image(image, page)).text

    def ask_image(
        self, images: str | Sequence[str], question: str, pages: Sequence[int] | None = None
    ) -> str:
        """Ask about an image or document, or about several that are compared."""
        return self.assistant.ask_image(images, question, pages).text

    async def aask_image(
        self, images: str | Sequence[str], question: str, pages: Sequence[int] | None = None
    ) -> str:
        """As `ask_image`, without blocking the event loop."""
        return (await self.assistant.aask_image(images, question, pages)).text

    def extract(self, image: str, json_schema: Mapping[str, Any], page: int | None = None) -> str:
        """Get values from an image or document as a JSON schema has them."""
        return self.assistant.extract(image, json_schema, page).text

    async def aextract(self, image: str, json_schema: Mapping[str, Any], page: int | None = None) -> str:
        """As `extract`, without blocking the event loop."""
        return (await self.assistant.aextract(image, json_schema, page)).text

    def find_text(self, image: str, text: str) -> str:
        """Find every place where a text stands in an image or document."""
        return self.assistant.find_text(image, text).text

    async def afind_text(self, image: str, text: str) -> str:
        """As `find_text`, without blocking the event loop."""
        return (await self.assistant.afind_text(image, text)).text

    def list_pages(self, document: str) -> str:
        """List the pages of a document."""
        return self.assistant.list_pages(document).text

    async def alist_pages(self, document: str) -> str:
        """As `list_pages`, without blocking the event loop."""
        return (await self.assistant.alist_pages(document)).text

    def show_page(self, document: str, page: int = 1, max_side: int = 1024) -> list[ContentBlock]:
        """Show a page: a text and its picture."""
        return _blocks(self.assistant.show_page(document, page, max_side))

    async def ashow_page(self, document: str, page: int = 1, max_side: int = 1024) -> list[ContentBlock]:
        """As `show_page`, without blocking the event loop."""
        return _blocks(await self.assistant.ashow_page(document, page, max_side))

    def list_documents(self, pattern: str | None = None, start: int = 1) -> str:
        """List the documents that may be read, newest first."""
        return self.assistant.list_documents(pattern, start).text

    async def alist_documents(self, pattern: str | None = None, start: int = 1) -> str:
        """As `list_documents`, without blocking the event loop."""
        return (await self.assistant.alist_documents(pattern, start)).text

    def search_documents(self, query: str, pattern: str | None = None) -> str:
        """Find the pages of all documents that have most to do with some words."""
        return self.assistant.search_documents(query, pattern).text

    async def asearch_documents(self, query: str, pattern: str | None = None) -> str:
        """As `search_documents`, without blocking the event loop."""
        return (await self.assistant.asearch_documents(query, pattern)).text


def _check_alone(settings: Mapping[str, Any]) -> None:
    """Refuse settings beside an assistant, which has its own."""
    known = signature(VLMToolSpec).parameters
    others = [name for name, value in settings.items() if name not in known or value != known[name].default]
    if others:
        raise ConfigError(
            f"VLMToolSpec got an assistant and {', '.join(others)}", hint="Say these to the ImageAssistant."
        )


def _names_in(spec: SPEC_FUNCTION_TYPE) -> tuple[str, str]:
    """The name of a function and of its async twin; any of the two, or both, may be given."""
    name = spec if isinstance(spec, str) else spec[0]
    name = name[1:] if name not in _TOOLS and name[1:] in _TOOLS else name
    return name, f"a{name}"


def _find(name: str) -> ImageTool:
    check_names([name], list(_TOOLS))
    return _TOOLS[name]


def _metadata(tool: ImageTool) -> ToolMetadata:
    return ToolMetadata(tool.description, tool.name, tool.arguments)


def _blocks(finding: AssistantResult) -> list[ContentBlock]:
    assert isinstance(finding, PagePicture)
    picture = finding.picture
    image = ImageBlock(image=picture.data, image_mimetype=f"image/{picture.format}")
    return [TextBlock(text=finding.text), image]


def _text(finding: Mapping[str, Any]) -> str:
    return str(finding["text"])
