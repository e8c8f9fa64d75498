"""The claims of a response with the nodes that bear them."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE, AsyncStreamingResponse, StreamingResponse
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import QueryBundle

from vlm_core import CitedAnswer, ConfigError, cite
from vlm_core.integration import on_own_thread

__all__ = ["CitationPostprocessor"]

_Response = TypeVar("_Response")


class CitationPostprocessor:
    """Puts the claims of a response into its metadata, each with source, page and boxes.

    LlamaIndex's node postprocessors run before there is an answer, and it has none for responses. So this
    is called with a response, or put over a query engine.

    Args:
        key: of the metadata, under which the `CitedAnswer` is.

    Example:
        >>> from llama_index.core.base.response.schema import Response
        >>> from llama_index.core.schema import NodeWithScore, TextNode
        >>> menu = TextNode(text="TEA 2.00", metadata={"file_path": "menu.png", "page_label": "1"})
        >>> response = CitationPostprocessor()(Response("Tea is 2.00.", [NodeWithScore(node=menu)]))
        >>> response.metadata["citations"].claims[0].citations[0].source
        'menu.png'
    """

    def __init__(self, key: str = "citations") -> None:
        self.key = key

    def __call__(self, response: _Response) -> _Response:
        """A response with its claims.

        Args:
            response: of a query engine or a chat engine. One that streams is read to its end.

        Raises:
            ConfigError: it is not a response with source nodes.
        """
        return self.postprocess_response(response)

    def postprocess_response(self, response: _Response) -> _Response:
        """As a call."""
        whole: Any = response.get_response() if isinstance(response, StreamingResponse) else response
        cited = self._cited(whole)
        metadata = getattr(whole, "metadata", None)
        whole.metadata = {**(metadata or {}), self.key: cited}
        return cast("_Response", whole)

    async def apostprocess_response(self, response: _Response) -> _Response:
        """As `postprocess_response`, without blocking the event loop."""
        whole: Any = response
        if isinstance(response, AsyncStreamingResponse):
            whole = await response.get_response()
        return cast("_Response", await on_own_thread(self.postprocess_response, whole))

    def over(self, query_engine: BaseQueryEngine) -> BaseQueryEngine:
        """A query engine whose responses have their claims in their metadata.

        Args:
            query_engine: that answers.
        """
        return _CitingQueryEngine(query_engine, self)

    def _cited(self, response: Any) -> CitedAnswer:
        nodes = getattr(response, "source_nodes", None)
        if nodes is None:
            raise ConfigError(
                f"a {type(response).__name__} has no source nodes",
                hint="Give the response of a query engine.",
            )
        return cite(str(response), nodes)


class _CitingQueryEngine(BaseQueryEngine):
    """A query engine with a postprocessor of its responses."""

    def __init__(self, query_engine: BaseQueryEngine, postprocessor: CitationPostprocessor) -> None:
        super().__init__(callback_manager=query_engine.callback_manager)
        self._query_engine = query_engine
        self._postprocessor = postprocessor

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"query_engine": self._query_engine}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return self._postprocessor(self._query_engine.query(query_bundle))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        response = await self._query_engine.aquery(query_bundle)
        return await self._postprocessor.apostprocess_response(response)
