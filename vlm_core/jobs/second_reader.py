"""A second model that is asked about the findings of a job: within its budget, and at the cost of no page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import cached_property

from vlm_core.errors import (
    AuthenticationFailed,
    ConfigError,
    MissingExtraError,
    ModelNotFound,
    QuotaExhausted,
    VLMError,
)
from vlm_core.jobs.budget import JobBudget
from vlm_core.jobs.ordered import CancellableReader
from vlm_core.ocr.engine import OCREngine
from vlm_core.types import Finding, PageImage, PageResult, Usage, total_usage
from vlm_core.types.usage import sum_known

# What is wrong with one question is wrong with all.
_NO_ACCESS = (AuthenticationFailed, ConfigError, ModelNotFound, QuotaExhausted)


@dataclass(frozen=True)
class SecondModel:
    """Who is asked, and about which findings."""

    engine: OCREngine
    is_strict: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The routes that may answer, or the engine with its model."""
        endpoints = getattr(self.engine, "endpoints", ())
        routes = tuple(endpoint.route for endpoint in endpoints)
        return routes or (" ".join(filter(None, (self.engine.name, self.engine.model))),)

    def name_of(self, reading: PageResult) -> str:
        """Which of them gave an answer."""
        route = f"{reading.provider}:{reading.model}"
        return route if route in self.names else self.names[0]

    def disputed(self, result: PageResult) -> list[int]:
        """The findings of a page that are yet to be asked about, by their place."""
        from vlm_core.evidence.second_opinion import disputed

        return disputed(result, self.names, is_strict=self.is_strict)


@dataclass
class Opinions:
    """What came of the questions about one page."""

    findings: list[Finding]
    usage: Usage | None = None
    cost_usd: float | None = None
    answered: int = 0
    left: str = ""
    """Why some were not asked about, or not answered."""

    def added_to(self, result: PageResult) -> PageResult:
        """A result with its findings as they are now."""
        return result.model_copy(update={"findings": tuple(self.findings)})

    def told_on(self, result: PageResult) -> PageResult:
        """A result with them, with what they took, and a warning where some are left."""
        told = {
            "usage": total_usage((result.usage, self.usage)),
            "cost_usd": sum_known((result.cost_usd, self.cost_usd)),
            "warnings": (*result.warnings, *filter(None, [self.left])),
        }
        return self.added_to(result).model_copy(update=told)


@dataclass
class SecondReader:
    """Asks the second model, for all pages of one job.

    Args:
        model: who is asked.
        reader: of the job.
        budget: of the job, in which these questions count.
    """

    model: SecondModel
    reader: CancellableReader
    budget: JobBudget
    _end: str = field(default="", init=False)
    """Why none can be asked any more."""

    def opinions(self, result: PageResult, page: PageImage) -> Opinions:
        """What the second model says of a page's findings. What fails leaves them as they were.

        Args:
            result: that was checked.
            page: that it is of.

        Raises:
            MissingExtraError: what reads is not installed.
        """
        opinions = Opinions(list(result.findings))
        if not (due := self.model.disputed(result)):
            return opinions
        from vlm_core.evidence.second_opinion import with_opinion
        from vlm_core.images.enlarged import enlarged_parts

        boxes = [box for number in due if (box := result.findings[number].bbox) is not None]
        parts = enlarged_parts(page, boxes, result.rotation)
        for place, number in enumerate(due):
            answer = self._answer(parts)
            if isinstance(answer, str):
                opinions.left = self._left(len(due) - place, answer)
                break
            name = self.model.name_of(answer)
            opinions.findings[number] = with_opinion(result.findings[number], answer, name)
            opinions.usage = total_usage((opinions.usage, answer.usage))
            opinions.cost_usd = sum_known((opinions.cost_usd, answer.cost_usd))
            opinions.answered += 1
        return opinions

    def _left(self, count: int, why: str) -> str:
        findings = f"{count} finding{'s' * (count > 1)}"
        return f"{findings} got no second opinion of {self.model.names[0]}: {why}"

    def _answer(self, parts: Iterator[PageImage]) -> PageResult | str:
        """What the model reads in the next part, or why it is not asked or gave no answer."""
        if self._end or self.budget.is_spent:
            return self._end or "the budget is spent"
        try:
            answer = self.reader.read_page(next(parts), self.model.engine)
        except MissingExtraError:
            raise
        except CancelledError:
            return "the job was broken off"
        except VLMError as error:
            if isinstance(error, _NO_ACCESS):
                self._end = error.message
            return error.message
        except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
            return str(error)
        if self.budget.budget_usd is not None and answer.cost_usd is None and answer.usage is not None:
            # Told of the pages' own model, this would end the job.
            self._end = "what it costs is not known, so that no budget can be kept"
        else:
            self.budget.spend(answer)
        return answer
