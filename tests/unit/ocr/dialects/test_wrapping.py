"""What stands around a page's text is taken off, and never a word of the page."""

from __future__ import annotations

import pytest

from vlm_core.ocr.dialects.wrapping import unwrapped

FENCED_TWICE = "```python\na = 1\n```\n\ntext\n\n```python\nb = 2\n```"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("TOTAL 9.00", "TOTAL 9.00", id="bare"),
        pytest.param(
            "\n\n  two blanks first\nsecond\n\n", "  two blanks first\nsecond", id="layout-keeps-blanks"
        ),
        pytest.param("a\r\nb", "a\nb", id="windows-line-ends"),
        pytest.param("```markdown\n# SHOP\n```", "# SHOP", id="markdown-fence"),
        pytest.param("```\nSHOP\n```\n", "SHOP", id="fence-without-language"),
        pytest.param("~~~md\nSHOP\n~~~", "SHOP", id="tilde-fence"),
        pytest.param(
            "````markdown\n```\ncode\n```\n````", "````markdown\n```\ncode\n```\n````", id="longer-fence"
        ),
        pytest.param(
            "```markdown\n# A\n```python\nx\n```\nend\n```", "# A\n```python\nx\n```\nend", id="nested"
        ),
        pytest.param(FENCED_TWICE, FENCED_TWICE, id="begins-and-ends-with-code"),
        pytest.param("```python\nprint()\n```", "```python\nprint()\n```", id="a-page-of-code"),
        pytest.param("```markdown\n# cut", "# cut", id="fence-that-was-cut"),
        pytest.param("```\ncut", "```\ncut", id="rule-of-backticks-may-be-the-page's"),
        pytest.param("text\n```markdown\nx\n```", "text\n```markdown\nx\n```", id="fence-in-the-text"),
        pytest.param("<think>hm</think>\n\nTOTAL", "TOTAL", id="thought"),
        pytest.param("<thinking>hm</thinking>TOTAL", "TOTAL", id="thinking"),
        pytest.param("It is a receipt.\n</think>\n\nTOTAL", "TOTAL", id="lone-end-of-thought"),
        pytest.param("hm</think><answer>TOTAL</answer>", "TOTAL", id="thought-then-answer"),
        pytest.param("Use </think> to end it.", "Use </think> to end it.", id="page-about-tags"),
        pytest.param("```\n</think>\n```", "</think>", id="tag-in-a-fence"),
        pytest.param(
            "Write <think>\nso\n</think>\n", "Write <think>\nso\n</think>", id="page-with-both-tags"
        ),
        pytest.param("<answer>TOTAL</answer>", "TOTAL", id="answer"),
        pytest.param("<answer>\n```markdown\n# A\n```\n</answer>", "# A", id="answer-in-a-fence"),
        pytest.param("<answer>TOTAL", "TOTAL", id="answer-without-end"),
        pytest.param("The <answer>42</answer>", "The <answer>42</answer>", id="answer-in-the-text"),
        pytest.param("Here is the extracted text from the image:\n\nTOTAL", "TOTAL", id="remark"),
        pytest.param("Sure! Here is the text:\n```\nTOTAL\n```", "TOTAL", id="remark-and-fence"),
        pytest.param(
            "Below is a table of prices:\nTea 2", "Below is a table of prices:\nTea 2", id="page-says-below"
        ),
        pytest.param("Here is the extracted text:", "Here is the extracted text:", id="remark-alone"),
        pytest.param("", "", id="nothing"),
        pytest.param(" \n \n", "", id="blanks"),
    ],
)
def test_the_wrapping_is_taken_off(text: str, expected: str) -> None:
    assert unwrapped(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("SHOP<|im_end|>", "SHOP", id="one"),
        pytest.param("SHOP<|im_end|>\n<|endoftext|><|im_end|>", "SHOP", id="several"),
        pytest.param("a <|im_end|> b", "a <|im_end|> b", id="in-the-text"),
    ],
)
def test_end_tokens_are_taken_off_the_end(text: str, expected: str) -> None:
    assert unwrapped(text, ("<|im_end|>", "<|endoftext|>")).text == expected


def test_end_tokens_of_no_known_family_stay() -> None:
    assert unwrapped("SHOP<|im_end|>").text == "SHOP<|im_end|>"


def test_an_answer_that_is_all_thought_has_a_problem() -> None:
    bare = unwrapped("<think>It looks like a receipt")
    assert (bare.text, bare.problem) == ("", "the model thought and gave no answer")


def test_a_thought_that_was_cut_is_no_fault_of_its_own() -> None:
    assert unwrapped("<think>It looks like", was_cut=True).problem == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("Here is the extracted text:\nTOTAL", "remark", id="remark"),
        pytest.param("<answer>TOTAL", "no end tag", id="open-answer"),
        pytest.param("It is a receipt.\n</think>\n\nTOTAL", "before </think>", id="thought-without-a-start"),
    ],
)
def test_what_is_left_out_or_missing_is_said(text: str, words: str) -> None:
    (warning,) = unwrapped(text).warnings
    assert words in warning


@pytest.mark.parametrize("text", ["TOTAL", "<think>hm</think>TOTAL", "```\nTOTAL\n```"], ids=str)
def test_what_is_as_it_should_be_is_not_talked_about(text: str) -> None:
    assert unwrapped(text).warnings == ()
