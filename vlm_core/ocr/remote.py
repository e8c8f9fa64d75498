"""A vision model as an OCR engine: any route, with fallbacks, and at last the embedded engine."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import aclosing, closing
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Estimate
from vlm_core.errors import AuthenticationFailed, ConfigError, InputError, VLMError
from vlm_core.ocr.callable_client import ForeignClient
from vlm_core.ocr.engine import OCREngine
from vlm_core.ocr.page_reading import READINGS, PageAnswer, error_of, read_page
from vlm_core.ocr.page_warnings import page_warnings
from vlm_core.ocr.prompts import PagePrompt, PagePrompter
from vlm_core.types import PageImage, PageResult, PageState, total_usage

NAME = "vlm"
# States in which another engine is better than none.
_NOT_READ = frozenset({PageState.FAILED, PageState.REFUSED})
# Errors that another engine would only hide.
_STOPS_THE_JOB = (AuthenticationFailed, ConfigError, InputError)


class RemoteEngine:
    """Reads pages by asking a vision model.

    Args:
        client: the client to ask; its fallbacks are asked where the first route cannot answer.
        task: text, layout, markdown, table, json, handwriting, receipt or describe.
        prompt: words of your own in place of the task's.
        schema: of the JSON that is wanted: a JSON schema or a pydantic model.
        options: of the requests: temperature, max_tokens, extra_body ..., `detail`, and `max_side` in pixels.
        last_resort: reads pages that no route could read.
        readings: how often a page may be asked for, each time otherwise, where the answers are bad.

    Raises:
        ConfigError: a model was not trained for the task, or an option cannot be sent.

    Example:
        >>> from vlm_core.testing import ScriptedServer
        >>> with ScriptedServer() as server:
        ...     server.say("TOTAL 9.00")
        ...     client = VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)
        ...     grey = PageImage(pixels=bytes([90, 120, 9]) * 900, width=30, height=30)
        ...     RemoteEngine(client).read_page(grey).text
        'TOTAL 9.00'
    """

    name = NAME

    def __init__(
        self,
        client: VLMClient | ForeignClient,
        task: str = "markdown",
        *,
        prompt: str | None = None,
        schema: Any = None,
        options: Mapping[str, Any] | None = None,
        last_resort: OCREngine | None = None,
        readings: int = READINGS,
    ) -> None:
        self.client = client
        self.model: str | None = client.endpoint.model
        self.last_resort = last_resort
        self._readings = readings
        self._asker = PagePrompter(client.endpoints, task, prompt, schema, dict(options or {}))

    @property
    def max_side(self) -> int | None:
        """Pixels of the longer side of what is sent, where all routes have a limit."""
        return self._asker.max_side

    @property
    def _ends_loops(self) -> bool:
        return all(endpoint.provider.bills_abandoned is False for endpoint in self.endpoints)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The routes, the fallbacks behind the first."""
        return self.client.endpoints

    def estimate(self, endpoint: Endpoint, page: PageImage) -> Estimate:
        """What a page takes on a route; nothing is sent."""
        return self._asker.estimate(endpoint, page)

    @property
    def identities(self) -> tuple[dict[str, Any], ...]:
        """For each route all that changes a page's answer, the first one's first."""
        return tuple(self._asker.identity(endpoint) for endpoint in self._asker.endpoints)

    def identity_of(self, result: PageResult) -> dict[str, Any] | None:
        """That of the route which gave a result; None where another engine did."""
        routes = {endpoint.route: endpoint for endpoint in self._asker.endpoints}
        endpoint = routes.get(f"{result.provider}:{result.model}")
        return self._asker.identity(endpoint) if endpoint and result.engine == NAME else None

    def read_page(self, page: PageImage) -> PageResult:
        """Read one page.

        Raises:
            VLMError: no route gave any answer, and there is no last resort.
        """
        steps = self._steps(page)
        step: PagePrompt | PageResult = next(steps)
        while isinstance(step, PagePrompt):
            step = _advanced(steps, self._ask(step))
        return step

    async def aread_page(self, page: PageImage) -> PageResult:
        """As `read_page`, on an event loop; what takes a processor is done on a thread."""
        import asyncio

        steps = self._steps(page)
        step: PagePrompt | PageResult = next(steps)
        while isinstance(step, PagePrompt):
            step = await asyncio.to_thread(_advanced, steps, await self._aask(step))
        return step

    def _ask(self, question: PagePrompt) -> Completion | VLMError:
        try:
            if self._ends_loops and isinstance(self.client, VLMClient):
                with closing(self.client.stream(self._asker.question(question))) as steps:
                    return next(step for step in steps if isinstance(step, Completion))
            return self.client.chat(self._asker.question(question))
        except VLMError as error:
            return error

    async def _aask(self, question: PagePrompt) -> Completion | VLMError:
        try:
            if self._ends_loops and isinstance(self.client, VLMClient):
                async with aclosing(self.client.astream(self._asker.question(question))) as steps:
                    return await anext(step async for step in steps if isinstance(step, Completion))
            return await self.client.achat(self._asker.question(question))
        except VLMError as error:
            return error

    def _steps(self, page: PageImage) -> Generator[PagePrompt, Completion, PageResult]:
        began = time.perf_counter()
        try:
            answer = yield from read_page(page, self._asker, readings=self._readings)
        except VLMError as error:
            if self.last_resort is None or isinstance(error, _STOPS_THE_JOB):
                raise
            return _instead(self.last_resort, page, f"no route answered: {error.message}")
        result = self._result(page, answer, time.perf_counter() - began)
        if self.last_resort is None or result.state not in _NOT_READ:
            return result
        other = _instead(self.last_resort, page, f"{result.model} did not read it: {answer.verdict.reason}")
        return other.model_copy(
            update={"usage": result.usage, "cost_usd": result.cost_usd, "attempts": result.attempts}
        )

    def _result(self, page: PageImage, answer: PageAnswer, seconds: float) -> PageResult:
        reading, completion = answer.reading, answer.completion
        told = [warning for each in answer.completions for warning in each.warnings]
        warnings = [*answer.warnings, *reading.warnings, *told, *page_warnings(reading.text)]
        return PageResult.of(
            page,
            answer.verdict.state,
            text=reading.text,
            lines=reading.lines,
            # The page as it was sent: it may have been turned.
            width=answer.page.width,
            height=answer.page.height,
            rotation=answer.page.rotation,
            engine=NAME,
            provider=completion.provider or None,
            model=completion.model or None,
            usage=total_usage(one.usage for one in answer.completions),
            cost_usd=self._asker.cost_usd(answer.completions),
            attempts=answer.requests,
            seconds=seconds,
            language=reading.language,
            data=reading.data,
            raw=completion.text,
            warnings=tuple(dict.fromkeys(warnings)),
            error=error_of(answer, f"{page.source or 'the picture'}, page {page.page_number}"),
        )


def _advanced(
    steps: Generator[PagePrompt, Completion, PageResult], outcome: Completion | VLMError
) -> PagePrompt | PageResult:
    """What comes of an answer: another question, or the page."""
    try:
        return steps.throw(outcome) if isinstance(outcome, VLMError) else steps.send(outcome)
    except StopIteration as end:
        result: PageResult = end.value
        return result


def _instead(engine: OCREngine, page: PageImage, why: str) -> PageResult:
    """A page as another engine reads it, which says so."""
    result = engine.read_page(page)
    return result.model_copy(update={"warnings": (*result.warnings, f"read by {engine.name}, since {why}")})
