"""What a page's question looks like for each model, and how its answer is understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.completion import Completion, Estimate
from vlm_core.errors import ConfigError
from vlm_core.flow.call import ChatCall, PerRoute
from vlm_core.flow.estimate import estimate, text_tokens
from vlm_core.flow.message_images import read_messages
from vlm_core.ocr.answer_checks import AnswerCheck, check, page_is_blank
from vlm_core.ocr.dialects.dialect import IMAGE, Dialect, Reading
from vlm_core.ocr.dialects.registry import find_dialect
from vlm_core.ocr.loops import LOOPED, LoopGuard
from vlm_core.types import PageImage, Usage
from vlm_core.wire.options import check_options

# Request options that are the picture's.
_OF_THE_IMAGE = ("detail", "max_side")
_ESTIMATED = "the answer was broken off before its usage came: its tokens and cost are an estimate"
_NO_IMAGE_TOKENS = ", without the image's tokens, which are not known"


@dataclass(frozen=True)
class PagePrompt:
    """A page to be asked about."""

    page: PageImage
    attempt: int = 0
    """From 0; each is asked in another way."""


@dataclass(frozen=True)
class PagePrompter:
    """One task for all pages of a job, put to any of some routes.

    Args:
        endpoints: the routes that may be asked.
        task: what the text is to look like.
        prompt: words of the user's own in place of a task's.
        schema: of the JSON that is wanted: a JSON schema or a pydantic model.
        options: of the requests, as temperature, max_tokens, extra_body, and `detail` and `max_side` of
            the picture. They count before a dialect's own.

    Raises:
        ConfigError: a model was not trained for the task, or an option cannot be sent.
    """

    endpoints: Sequence[Endpoint]
    task: str = "markdown"
    prompt: str | None = None
    schema: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options({name: self.options[name] for name in self.options if name not in _OF_THE_IMAGE})
        for endpoint in self.endpoints:
            self._ask(endpoint, 0)

    def question(self, asked: PagePrompt) -> PerRoute:
        """A question about a page, in the words of each model; a streamed answer to it ends with a loop."""
        return PerRoute(lambda endpoint: self._request(endpoint, asked), fallback_first=True, watch=LoopGuard)

    def counted(self, page: PageImage, completion: Completion) -> Completion:
        """An answer with its usage, which is an estimate where the answer was broken off before that came."""
        usage = completion.usage
        if completion.finish_reason != LOOPED or None not in (usage.input_tokens, usage.output_tokens):
            return completion
        asked = self.estimate(self._endpoint_of(completion), page)
        estimated = {
            "input_tokens": (asked.text_tokens or 0) + (asked.image_tokens or 0),
            "output_tokens": text_tokens(completion.text) + text_tokens(completion.reasoning),
            "image_tokens": asked.image_tokens,
        }
        known = usage.model_dump(exclude_none=True)
        return replace(
            completion,
            usage=Usage(**{**estimated, **known}),
            warnings=(*completion.warnings, _ESTIMATED + ("" if asked.image_tokens else _NO_IMAGE_TOKENS)),
        )

    def parse(self, page: PageImage, completion: Completion) -> Reading:
        """An answer as a reading of the page."""
        endpoint = self._endpoint_of(completion)
        width, height = self._sent_size(page, endpoint)
        return self._dialect(endpoint).parse(
            completion.text,
            self.task,
            width=width,
            height=height,
            schema=self.schema,
            # An answer that was broken off has no end, as one that was cut has none.
            finish_reason="length" if completion.finish_reason == LOOPED else completion.finish_reason,
        )

    def check(self, page: PageImage, reading: Reading, completion: Completion) -> AnswerCheck:
        """Whether an answer is a reading of the page."""
        return check(
            reading,
            answer=completion.text,
            reasoning=completion.reasoning,
            finish_reason=completion.finish_reason,
            refusal=completion.refusal,
            prompt_texts=self._words(self._endpoint_of(completion)),
            page_is_blank=lambda: page_is_blank(page),
            task=self.task,
        )

    def identity(self, endpoint: Endpoint) -> dict[str, Any]:
        """All that changes a page's answer, as plain values."""
        dialect = self._dialect(endpoint)
        return {
            "route": endpoint.route,
            "base_url": endpoint.base_url,
            "dialect": dialect.name,
            "dialect_version": dialect.version,
            "task": self.task,
            "prompt": self.prompt,
            "schema": _plain_schema(self.schema),
            "options": dict(self.options),
        }

    @cached_property
    def max_side(self) -> int | None:
        """Pixels of the longer side that any route looks at, at most; None where one has no limit."""
        sides = [self._max_side(endpoint) for endpoint in self.endpoints]
        return max(side for side in sides if side is not None) if None not in sides else None

    def _max_side(self, endpoint: Endpoint) -> int | None:
        asked = self._ask(endpoint, 0).max_side
        sides = (asked, self.options.get("max_side"), endpoint.limits.max_side)
        return min((side for side in sides if side), default=None)

    def estimate(self, endpoint: Endpoint, page: PageImage) -> Estimate:
        """What a page takes on a route, asked for once."""
        messages, options = self._request(endpoint, PagePrompt(page))
        return estimate(ChatCall(read_messages(messages), options, endpoint))

    def cost_usd(self, completions: Iterable[Completion]) -> float | None:
        """What answers cost: as the provider said, else by the catalog's price; None where unknown."""
        costs = [self._cost(completion) for completion in completions]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    def _cost(self, completion: Completion) -> float | None:
        usage, price = completion.usage, self._endpoint_of(completion).profile.price
        if usage.cost_usd is not None or price is None:
            return usage.cost_usd
        return price.cost_usd(usage.input_tokens, usage.output_tokens)

    @cached_property
    def _by_route(self) -> dict[str, Endpoint]:
        return {endpoint.route: endpoint for endpoint in reversed(self.endpoints)}

    def _endpoint_of(self, completion: Completion) -> Endpoint:
        return self._by_route.get(completion.route, self.endpoints[0])

    def _dialect(self, endpoint: Endpoint) -> Dialect:
        return find_dialect(endpoint.profile.ocr_dialect)

    def _ask(self, endpoint: Endpoint, attempt: int) -> Any:
        return self._dialect(endpoint).ask(
            self.task,
            attempt=attempt,
            prompt=self.prompt,
            schema=self.schema,
            context_tokens=endpoint.profile.context_tokens,
        )

    def _request(self, endpoint: Endpoint, asked: PagePrompt) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        ask = self._ask(endpoint, asked.attempt)
        sides = [side for side in (ask.max_side, self.options.get("max_side")) if side is not None]
        image: dict[str, Any] = {"type": "image", "image": asked.page}
        image |= {"max_side": min(sides)} if sides else {}
        image |= {"detail": self.options["detail"]} if self.options.get("detail") else {}
        content = [image if part is IMAGE else {"type": "text", "text": part} for part in ask.content]
        system = [{"role": "system", "content": ask.system}] if ask.system else []
        return [*system, {"role": "user", "content": content}], self._options(ask)

    def _options(self, ask: Any) -> dict[str, Any]:
        own = {name: value for name, value in self.options.items() if name not in _OF_THE_IMAGE}
        extra = {**ask.options.get("extra_body", {}), **own.get("extra_body", {})}
        return {**ask.options, **own, **({"extra_body": extra} if extra else {})}

    def _words(self, endpoint: Endpoint) -> tuple[str, ...]:
        ask = self._ask(endpoint, 0)
        return tuple(part for part in (ask.system, *ask.content) if part and part is not IMAGE)

    def _sent_size(self, page: PageImage, endpoint: Endpoint) -> tuple[int, int]:
        """The pixels that the model saw; counted anew only where boxes are in them."""
        if not self._dialect(endpoint).boxes_in_pixels:
            return page.width, page.height
        from vlm_core.images.encode import fit

        limits = endpoint.limits.model_copy(update={"max_side": self._max_side(endpoint)})
        sent = fit(page, limits, endpoint.profile)
        return sent.width, sent.height


def _plain_schema(schema: object) -> Any:
    """A schema as plain values."""
    schema_of = getattr(schema, "model_json_schema", None)
    if callable(schema_of):
        return schema_of()
    if schema is None or isinstance(schema, Mapping):
        return schema
    raise ConfigError(
        f"schema is of type {type(schema).__name__}", hint="Give a JSON schema, or a pydantic model's class."
    )
