"""Answers of the olmOCR models: three forms, and what comes of them when they are broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]

FRONT = (
    "---\nprimary_language: en\nis_rotation_valid: True\nrotation_correction: 0\nis_table: False\n"
    "is_diagram: False\n---\n"
)


@pytest.mark.parametrize(
    ("answer", "text", "language", "rotation"),
    [
        pytest.param(FRONT + "# SHOP\n\nTOTAL", "# SHOP\n\nTOTAL", "en", 0, id="whole"),
        pytest.param(FRONT + "\n\nTOTAL\n", "TOTAL", "en", 0, id="blank-lines"),
        pytest.param(FRONT.replace("True", "true") + "a", "a", "en", 0, id="lower-case"),
        pytest.param(FRONT.replace("en\n", "null\n") + "a", "a", None, 0, id="no-language"),
        pytest.param(FRONT.replace("en\n", "'en'\n") + "a", "a", "en", 0, id="quoted"),
        pytest.param(FRONT.replace("en\n", "\n") + "a", "a", None, 0, id="nothing-behind-the-colon"),
        pytest.param(FRONT, "", "en", 0, id="no-text"),
        pytest.param(FRONT + "null", "", "en", 0, id="null-for-a-blank-page"),
        pytest.param(FRONT.replace("---\np", "---\nmood: good\np") + "a", "a", "en", 0, id="unknown-key"),
        pytest.param(FRONT.removesuffix("---\n") + "\nTOTAL", "TOTAL", "en", 0, id="no-end-of-front-matter"),
        pytest.param(
            FRONT.removesuffix("---\n") + "TOTAL 9.00", "TOTAL 9.00", "en", 0, id="no-end-and-no-line"
        ),
        pytest.param("```markdown\n" + FRONT + "a\n```", "a", "en", 0, id="fenced"),
        pytest.param(FRONT + "a\n---\nb", "a\n---\nb", "en", 0, id="rule-in-the-text"),
        pytest.param(FRONT + "a<|im_end|>", "a", "en", 0, id="end-token"),
        pytest.param("---\nis_rotation_valid: maybe\n---\na", "a", None, None, id="no-truth"),
        pytest.param("---\nprimary_language: en\n---\na", "a", "en", None, id="rotation-left-out"),
        pytest.param("TOTAL 9.00", "TOTAL 9.00", None, None, id="no-front-matter"),
        pytest.param("---\nSHOP\n---", "---\nSHOP\n---", None, None, id="rule-at-the-top-of-a-page"),
        pytest.param("---", "---", None, None, id="a-rule-alone"),
        pytest.param("", "", None, None, id="empty"),
        pytest.param(
            "---\nprimary_language: !!python/object/apply:os.system ['id']\n---\na",
            "a",
            None,
            None,
            id="evil-yaml",
        ),
        pytest.param(
            "---\nprimary_language: &a [*a, *a]\nis_table: *a\n---\na", "a", "&a [*a, *a]", None, id="alias"
        ),
        pytest.param(
            "---\nprimary_language: en\nprimary_language: fr\n---\na", "a", "en", None, id="the-first-of-two"
        ),
    ],
)
def test_the_front_matter_is_read_and_taken_off(
    parse: Parse, answer: str, text: str, language: str | None, rotation: int | None
) -> None:
    reading = parse("olmocr-2", answer)
    assert (reading.text, reading.language, reading.rotation) == (text, language, rotation)


@pytest.mark.parametrize(
    ("dialect", "said", "clockwise"),
    [
        pytest.param("olmocr-2", 90, 270, id="olmocr-2-counts-counter-clockwise"),
        pytest.param("olmocr-2", 270, 90, id="olmocr-2-the-other-way"),
        pytest.param("olmocr-0825", 90, 270, id="0825-counts-counter-clockwise"),
        pytest.param("olmocr", 90, 90, id="0725-counts-clockwise"),
        pytest.param("olmocr-0225", 270, 270, id="0225-counts-clockwise"),
        pytest.param("olmocr-2", 180, 180, id="upside-down"),
        pytest.param("olmocr-2", 45, 0, id="no-right-angle"),
        pytest.param("olmocr-2", 0, 0, id="wrong-but-by-nothing"),
    ],
)
def test_a_turn_is_given_clockwise(parse: Parse, dialect: str, said: int, clockwise: int) -> None:
    front = FRONT.replace("True", "False").replace("correction: 0", f"correction: {said}")
    assert parse(dialect, front + "a").rotation == clockwise


@pytest.mark.parametrize(
    ("answer", "text", "problem"),
    [
        pytest.param(
            '{"primary_language": "en", "is_rotation_valid": true, "rotation_correction": 0, '
            '"is_table": false, "is_diagram": false, "natural_text": "SHOP\\nTOTAL"}',
            "SHOP\nTOTAL",
            "",
            id="whole",
        ),
        pytest.param('{"primary_language": null, "natural_text": null}', "", "", id="blank-page"),
        pytest.param(
            '{"primary_language": "en", "natural_text": "SHOP\\nTO', "SHOP\nTO", "does not end", id="cut"
        ),
        pytest.param('{"primary_language": "en", "natu', "", "does not end", id="cut-before-the-text"),
        pytest.param('{"natural_text": 7}', "", "", id="no-string"),
        pytest.param(r'{"natural_text": "\(\alpha\)"}', r"\(\alpha\)", "", id="bare-latex"),
    ],
)
def test_the_first_model_answers_in_json(parse: Parse, answer: str, text: str, problem: str) -> None:
    reading = parse("olmocr-0225", answer)
    assert reading.text == text
    assert (problem in reading.problem) if problem else not reading.problem


def test_a_front_matter_that_is_missing_is_said(parse: Parse) -> None:
    assert "front matter" in parse("olmocr-2", "TOTAL").warnings[0]
    assert parse("olmocr-2", FRONT + "TOTAL").warnings == ()


def test_tables_are_found(parse: Parse) -> None:
    table = "<table><tr><td>Tea</td></tr></table>"
    assert parse("olmocr-2", FRONT + f"Prices\n\n{table}").tables == (table,)
