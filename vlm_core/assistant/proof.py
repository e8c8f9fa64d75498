"""Extracted data with its proof: the pages are read by this machine, and each value is looked up in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from vlm_core.assistant.data_checks import DataCheck
from vlm_core.errors import MissingExtraError
from vlm_core.types import ExtractedField, ExtractionResult, Finding, PageImage, PageResult, Verify

if TYPE_CHECKING:
    from vlm_core.ocr.printed_page import PrintedPage

BY_TEXT_LAYER = "pdf"


def check_engine(pages: Iterable[PageImage]) -> None:
    """Refuse what could not be proved, before a model is paid.

    Raises:
        MissingExtraError: a page does not bring its text, and the local engine is not installed.
    """
    if all(page.text_layer is not None for page in pages) or find_spec("rapidocr") is not None:
        return
    raise MissingExtraError(
        "verify needs the local OCR engine",
        hint="Install it with: pip install 'vlm-adapters[local]', or verify=False.",
    )


def printed_pages(pages: Sequence[PageImage]) -> list[PrintedPage]:
    """Pages as they are read for a proof: a born-digital one by its own text, others by the local engine.

    Args:
        pages: that were shown to a model.

    Raises:
        MissingExtraError: the local engine is not installed.
        EngineError: it failed.
    """
    from vlm_core.evidence.layer_print import print_of_layer
    from vlm_core.ocr.local import LocalEngine

    engine = LocalEngine()
    for_pictures = engine if find_spec("rapidocr") is not None else None
    return [
        engine.read_closely(page)
        if page.text_layer is None
        else print_of_layer(page.text_layer, page, for_pictures)
        for page in pages
    ]


def printed_results(results: Iterable[PageResult]) -> list[PrintedPage]:
    """Pages that an engine has read, as a proof takes them: only what it wrote is known.

    Args:
        results: with lines and boxes.
    """
    from vlm_core.ocr.printed_line import lines_of_text
    from vlm_core.ocr.printed_page import PrintedPage

    return [
        PrintedPage(result, lines_of_text(result.lines, max(result.width, 1), max(result.height, 1)))
        for result in results
    ]


def proved(
    plain: Any,
    data: Any,
    schema: Mapping[str, Any] | None,
    printed: Sequence[PrintedPage],
    *,
    checks: Sequence[DataCheck] = (),
    verify: Verify = True,
    **facts: Any,
) -> ExtractionResult:
    """Data with the place of each value, and what is to be looked at.

    Args:
        plain: the data as JSON values.
        data: as the caller gets it.
        schema: the JSON schema that it fits, or None.
        printed: the pages to look in; with none, nothing is looked up.
        checks: of the data.
        verify: "strict" has notes about numbers looked at, too.
        facts: other fields of the result.
    """
    from vlm_core.evidence.tree import prove

    proof = prove(plain, schema, printed, strict=verify == "strict")
    failures = [failure for check in checks if (failure := check.failure(plain, data)) is not None]
    doubted = {failure.path for failure in failures if failure.severity == "review"}
    return ExtractionResult(
        data=data,
        fields=_marked(proof.fields, doubted),
        findings=(*proof.findings, *failures),
        checked_by=_checked_by(printed),
        **facts,
    )


def _marked(tree: Any, doubted: set[str | None]) -> Any:
    """The fields, those to be looked at of which a check failed."""
    if isinstance(tree, dict):
        return {name: _marked(part, doubted) for name, part in tree.items()}
    if isinstance(tree, list):
        return [_marked(part, doubted) for part in tree]
    if isinstance(tree, ExtractedField) and tree.path in doubted:
        return tree.model_copy(update={"needs_review": True})
    return tree


def _checked_by(pages: Sequence[PrintedPage]) -> str:
    names = (f"{page.result.engine or BY_TEXT_LAYER} {page.result.model or ''}".strip() for page in pages)
    return ", ".join(dict.fromkeys(names))


def in_words(finding: Finding) -> str:
    """A finding about a value as a line for a reader.

    Example:
        >>> in_words(Finding(kind="number_changed", text="9.08", expected="9.00", path="/total"))
        '/total: 9.08 was given, and the page says 9.00'
    """
    said = {
        "not_on_page": f"{finding.text} was given, and it is not on the page",
        "check_failed": f"{finding.text} does not fit {finding.expected}"
        if finding.expected
        else finding.text,
        "unverified": f"{finding.text} was given, and another amount may be meant: {finding.expected}"
        if finding.expected
        else f"{finding.text} was given, and what it is cannot be told from the page",
    }
    told = said.get(finding.kind, f"{finding.text} was given, and the page says {finding.expected}")
    return f"{finding.path or 'the data'}: {told}"
