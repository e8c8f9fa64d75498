"""Vision models of all kinds, which do what they are told in plain words.

The first sentence of a prompt is the providers' own where they give one (docs.deepinfra.com and
docs.devupai.com: Vision & OCR). What follows it asks for the text and nothing else, since such models
like to add remarks, and to make up text for an empty page.
"""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.json_reading import read_json, read_receipt
from vlm_core.ocr.dialects.plain import read_text
from vlm_core.ocr.refusals import NO_TEXT_WORD

_FAITHFULLY = (
    "Write every word and number exactly as it stands, in the order in which a person reads the page. "
    "Do not translate, correct, summarise or explain, and add nothing that cannot be seen. "
    "What cannot be read is [illegible]."
)
_ALONE = f"Answer with the text alone. If there is no text at all, answer {NO_TEXT_WORD}."
_TABLES = "Write tables as Markdown tables, or as HTML where cells are joined, and formulas as LaTeX."
_NULLS = "Take values exactly as they are printed; what is not there is null. Answer with the JSON alone."


def read(answer: ModelAnswer) -> Reading:
    """An answer of a general model.

    Example:
        >>> read(ModelAnswer('{"total": 9}', "json", 100, 50)).data
        {'total': 9}
    """
    return _READERS.get(answer.task, read_text)(answer)


_READERS = {"json": read_json, "receipt": read_receipt}

GENERAL = Dialect(
    name="general",
    prompts={
        # DeepInfra, DevUp: "basic extraction".
        "text": f"Extract all text from this image. {_FAITHFULLY} Use no Markdown. {_ALONE}",
        # DeepInfra, DevUp: "OCR example".
        "layout": "Extract all text from this document. "
        "Preserve the structure and layout as much as possible. "
        f"Keep columns and indents in place with blanks. {_FAITHFULLY} Use no Markdown. {_ALONE}",
        "markdown": f"Convert this page to Markdown. {_FAITHFULLY} Mark headings, lists and emphasis as they "
        f"are on the page. {_TABLES} {_ALONE}",
        # DevUp: "Common OCR prompts".
        "table": f"Convert this image to a markdown table. {_FAITHFULLY} Leave no row and no column out; "
        f"where cells are joined, write an HTML table. {_ALONE}",
        # DeepInfra: "structured extraction".
        "json": "Extract all text and return it as structured JSON with field names and values. " + _NULLS,
        # DeepInfra: "handwriting recognition".
        "handwriting": f"Transcribe the handwritten text in this image. {_FAITHFULLY} Keep its line breaks. "
        f"{_ALONE}",
        # DeepInfra: "targeted extraction".
        "receipt": "List all line items, quantities, and prices from this receipt. Give JSON with "
        "merchant, date, currency, items (each with description, quantity, unit_price, total), subtotal, tax "
        "and total. Amounts are numbers. " + _NULLS,
        "describe": "Describe this image in detail. Say first what it is, then what can be seen in it, and "
        "quote the text that it shows. Say nothing that cannot be seen.",
    },
    read=read,
    asks_for_json=True,
    input_tokens=6000,
)
