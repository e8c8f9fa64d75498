"""The vision model behind an assistant, and two ways to put its questions to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from vlm_core.assistant.questions import Steps
from vlm_core.completion import Completion
from vlm_core.errors import VLMError
from vlm_core.flow.call import PerRoute
from vlm_core.threads import on_own_thread

if TYPE_CHECKING:
    from vlm_core.client import VLMClient
    from vlm_core.ocr.callable_client import ForeignClient

Given = TypeVar("Given")


def model_of(
    llm: Any, engine: object, max_concurrency: int
) -> tuple[VLMClient | ForeignClient | None, tuple[VLMClient, ...]]:
    """What answers, and the clients among it that were made here.

    Args:
        llm: as the user said; None for the engine's own model.
        engine: what reads. A model that was trained to transcribe only answers no questions.
        max_concurrency: questions at once, of a client that is made here.

    Raises:
        ConfigError: the route cannot be used.

    Example:
        >>> model_of(None, None, 8)
        (None, ())
    """
    from vlm_core.client import VLMClient
    from vlm_core.ocr.callable_client import ForeignClient
    from vlm_core.ocr.remote import RemoteEngine

    if isinstance(llm, (VLMClient, ForeignClient)):
        return llm, ()
    if llm is not None:
        made = VLMClient(llm, max_concurrency=max_concurrency)
        return made, (made,)
    if isinstance(engine, RemoteEngine) and engine.client.endpoint.profile.ocr_dialect is None:
        return engine.client, ()
    return None, ()


def is_paid(engine: object) -> bool:
    """Whether an engine is a vision model, each page of which may cost money."""
    from vlm_core.ocr.remote import RemoteEngine

    return isinstance(engine, RemoteEngine)


def most_images(wanted: int, model: VLMClient | ForeignClient | None) -> int:
    """How many pictures one question may have, with all routes that it may go to.

    Example:
        >>> most_images(8, None)
        8
    """
    limits = [endpoint.limits.max_images for endpoint in model.endpoints] if model else []
    return min([wanted, *(limit for limit in limits if limit is not None)])


def ask_blocking(steps: Steps[Given], model: VLMClient | ForeignClient | None) -> Given:
    """Put the questions of a task to the model, on this thread."""
    step = _advanced(steps, None)
    while isinstance(step, PerRoute):
        assert model is not None
        step = _advanced(steps, _answer(model, step))
    return step


def _answer(model: VLMClient | ForeignClient, asked: PerRoute) -> Completion | VLMError:
    try:
        return model.chat(asked)
    except VLMError as error:
        return error


async def ask_on_loop(steps: Steps[Given], model: VLMClient | ForeignClient | None) -> Given:
    """As `ask_blocking`, on an event loop; pages are read on threads."""
    step = await on_own_thread(_advanced, steps, None)
    while isinstance(step, PerRoute):
        assert model is not None
        try:
            answer: Completion | VLMError = await model.achat(step)
        except VLMError as error:
            answer = error
        step = await on_own_thread(_advanced, steps, answer)
    return step


def _advanced(steps: Steps[Given], answer: Completion | VLMError | None) -> PerRoute | Given:
    """The next question, or what the task gives."""
    try:
        if isinstance(answer, VLMError):
            return steps.throw(answer)
        return next(steps) if answer is None else steps.send(answer)
    except StopIteration as end:
        given: Given = end.value
        return given
