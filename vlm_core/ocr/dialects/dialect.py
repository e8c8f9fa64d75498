"""The shape of a dialect: what one family of models is asked, and what its answer is read as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.ocr.dialects.json_answers import check_schema
from vlm_core.ocr.dialects.wrapping import unwrapped
from vlm_core.ocr.refusals import says_no_text
from vlm_core.types import TextLine

TASKS = ("text", "layout", "markdown", "table", "json", "handwriting", "receipt", "describe")
"""All that a page can be read for."""
JSON_TASKS = frozenset({"json", "receipt"})
_NOT_THE_PAGES_TEXT = JSON_TASKS | {"describe"}
# Of an answer, however little room the context seems to leave.
_LEAST_TOKENS = 256


class _Place(Enum):
    IMAGE = "image"

    def __repr__(self) -> str:
        return "IMAGE"


IMAGE: Final = _Place.IMAGE
"""Where the picture stands in the content of a question."""
Content: TypeAlias = tuple[str | _Place, ...]
Words: TypeAlias = str | Callable[[Any], str]
"""What stands beside the picture; made from the schema where the model was trained so."""


@dataclass(frozen=True)
class Reading:
    """What an answer says about a page.

    Example:
        >>> Reading("TOTAL 9.00").lines
        ()
    """

    text: str
    lines: tuple[TextLine, ...] = ()
    """Blocks of text where they stand, their boxes as fractions of the page that was sent."""
    tables: tuple[str, ...] = ()
    """Those in the text, as HTML."""
    language: str | None = None
    rotation: int | None = None
    """Degrees clockwise by which the page must be turned to stand upright: 0 if it does, None if the
    model does not say."""
    data: Any = None
    """Plain values, where JSON was asked for."""
    problem: str = ""
    """Why this is not a reading; empty where it is one."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A question about a page."""

    content: Content
    """In the order that the model was trained on."""
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the request, as a client's chat takes them."""
    max_side: int | None = None
    """Pixels to which the page's longer side is shrunk before it is fitted to a provider."""


@dataclass(frozen=True)
class ModelAnswer:
    """What a model answered, freed of what stood around it, and what it was asked."""

    text: str
    task: str
    width: int
    """Pixels of the picture as it was sent."""
    height: int
    schema: Any = None


@dataclass(frozen=True)
class Dialect:
    """How one family of models is asked, and understood. All of it is data, but for `read`.

    Example:
        >>> shout = Dialect("shout", {"text": "READ!"}, read=lambda answer: Reading(answer.text))
        >>> shout.ask("text").content
        (IMAGE, 'READ!')
        >>> shout.parse("```\\nTOTAL\\n```", "text", width=100, height=50).text
        'TOTAL'
    """

    name: str
    prompts: Mapping[str, Words]
    """For each task the words beside the picture; "" where the picture stands alone."""
    read: Callable[[ModelAnswer], Reading]
    version: int = 1
    """Raised when what is asked or how it is understood changes: paid answers are kept by it."""
    image_first: bool = True
    system: str | None = None
    temperatures: tuple[float, ...] = (0.0, 0.1, 0.3, 0.6)
    """One for each attempt; the last one stays."""
    options: Mapping[str, Any] = field(default_factory=dict)
    options_again: Mapping[str, Any] = field(default_factory=dict)
    """From the second attempt on."""
    asks_for_json: bool = False
    """Whether response_format goes out where JSON is wanted."""
    max_tokens: int = 8192
    input_tokens: int = 3000
    """What picture and prompt take of the context, at most."""
    max_side: int | None = None
    end_tokens: tuple[str, ...] = ()
    """Tokens of the family that may be left at the end of an answer."""
    boxes_in_pixels: bool = False
    """Whether its boxes are in pixels of the picture as it was sent."""

    @property
    def tasks(self) -> frozenset[str]:
        """What the family was trained for."""
        return frozenset(self.prompts)

    def ask(
        self,
        task: str,
        *,
        attempt: int = 0,
        prompt: str | None = None,
        schema: object = None,
        context_tokens: int | None = None,
    ) -> Prompt:
        """The question for a task.

        Args:
            task: one of TASKS.
            attempt: from 0; the higher, the further from the same answer again.
            prompt: in place of the trained words.
            schema: of the JSON wanted, for the task json: a JSON schema or a pydantic model's class.
            context_tokens: of the model, where they are known.

        Raises:
            ConfigError: the family cannot do the task, or the schema is not valid.
        """
        self._check(task, prompt, schema)
        words = self._words(task, schema) if prompt is None else prompt
        parts: Content = (IMAGE, words) if self.image_first else (words, IMAGE)
        return Prompt(
            content=tuple(part for part in parts if part),
            system=self.system,
            options=self._options(task, attempt, schema, context_tokens),
            max_side=self.max_side,
        )

    def parse(
        self,
        text: str,
        task: str,
        *,
        width: int,
        height: int,
        schema: object = None,
        finish_reason: str | None = None,
    ) -> Reading:
        """What an answer says; a bad one has a `problem`, and never raises.

        Args:
            text: as the model wrote it.
            task: what it was asked for.
            width: pixels of the picture as it was sent.
            height: likewise.
            schema: as it was asked for.
            finish_reason: why the answer ended; "length" where it was cut.
        """
        bare = unwrapped(text, self.end_tokens, was_cut=finish_reason == "length")
        reading = self.read(ModelAnswer(bare.text, task, width, height, schema))
        warnings = (*bare.warnings, *reading.warnings)
        if task not in _NOT_THE_PAGES_TEXT and says_no_text(reading.text):
            said = (*warnings, "the model says that there is no text")
            return replace(reading, text="", lines=(), warnings=said)
        return replace(reading, problem=reading.problem or bare.problem, warnings=warnings)

    def _check(self, task: str, prompt: str | None, schema: object) -> None:
        if task not in TASKS:
            raise unknown_name("task", task, TASKS)
        if task not in self.tasks and (prompt is None or task in JSON_TASKS):
            known = ", ".join(name for name in TASKS if name in self.tasks)
            raise ConfigError(
                f"task={task!r} is nothing that {self.name} models were trained for",
                hint=f"They know {known}. A general vision model knows all tasks.",
            )
        if schema is not None and task != "json":
            raise ConfigError(f"A schema means nothing for task={task!r}", hint='It belongs to task="json".')
        check_schema(schema)

    def _words(self, task: str, schema: object) -> str:
        words = self.prompts[task]
        return words if isinstance(words, str) else words(schema)

    def _options(self, task: str, attempt: int, schema: object, context_tokens: int | None) -> dict[str, Any]:
        step = min(max(attempt, 0), len(self.temperatures) - 1)
        found = {"temperature": self.temperatures[step], "max_tokens": self._room(context_tokens)}
        found |= {**self.options, **(self.options_again if attempt > 0 else {})}
        if self.asks_for_json and task in JSON_TASKS:
            found["response_format"] = _response_format(task, schema)
        return found

    def _room(self, context_tokens: int | None) -> int:
        if context_tokens is None:
            return self.max_tokens
        return min(self.max_tokens, max(_LEAST_TOKENS, context_tokens - self.input_tokens))


def _response_format(task: str, schema: object) -> Any:
    if task == "receipt":
        from vlm_core.ocr.dialects.receipt import Receipt

        return Receipt
    return {"type": "json_object"} if schema is None else schema


def unknown_name(what: str, name: str, known: tuple[str, ...]) -> ConfigError:
    near = get_close_matches(name, known, n=1)
    question = f"Did you mean {near[0]}? " if near else ""
    return ConfigError(f"There is no {what} {name!r}", hint=f"{question}Known are {', '.join(known)}.")
