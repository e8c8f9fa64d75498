"""From a box to its text, with a recogniser that plays back what it is given."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vlm_core.ocr.recognition import STEP, Infer, read_box, read_line

CHARACTERS = ["", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ1.,", " "]
SPACE = len(CHARACTERS) - 1


def network(text: str, *, space: dict[int, float] | None = None, certain: float = 0.98) -> Infer:
    """A recogniser that gives a character each fourth step, and `space` before some of them."""

    def infer(line: NDArray[np.float32]) -> NDArray[np.float32]:
        steps = line.shape[3] // STEP
        probabilities = np.full((max(steps, 4 * len(text) + 2), len(CHARACTERS)), 1e-4, np.float32)
        probabilities[:, 0] = 0.9
        for place, letter in enumerate(text):
            probabilities[4 * place, CHARACTERS.index(letter)] = certain
            if place in (space or {}):
                probabilities[4 * place - 2, SPACE] = (space or {})[place]
        return probabilities

    return infer


def inked(*letters: int, width: int = 400) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A line 48 pixels high with letters of ink 28 pixels wide from each of the columns, and its box."""
    image = np.full((48, width, 3), 255, np.uint8)
    for x in letters:
        image[14:34, x : x + 28] = 0
    box = np.array([[0, 0], [width, 0], [width, 48], [0, 48]], np.float32)
    return image, box


EVEN = inked(*range(0, 400, 32))


def test_text_and_score_are_those_of_the_network() -> None:
    reading = read_box(*EVEN, network("TOTAL"), CHARACTERS)
    assert reading.text == "TOTAL"
    assert reading.score == pytest.approx(0.98)


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        pytest.param(0.4, "TAX INVOICE", id="a-likely-one-is-put-back"),
        pytest.param(0.2, "TAXINVOICE", id="an-unlikely-one-without-a-gap-is-not"),
        pytest.param(0.01, "TAXINVOICE", id="none-is-none"),
    ],
)
def test_a_swallowed_space_is_known_by_its_probability(probability: float, text: str) -> None:
    assert read_box(*EVEN, network("TAXINVOICE", space={3: probability}), CHARACTERS).text == text


def test_a_possible_space_is_believed_where_the_ink_has_a_gap() -> None:
    image, box = inked(*range(0, 400, 32))
    image[:, 72:104] = 255
    assert read_box(image, box, network("TAXINVOICE", space={3: 0.2}), CHARACTERS).text == "TAX INVOICE"


@pytest.mark.parametrize("text", ["111.11", "111,11", "END. OF"])
@pytest.mark.parametrize("probability", [0.2, 0.4], ids=["unlikely", "likely"])
def test_no_space_stands_before_a_point_or_a_comma(text: str, probability: float) -> None:
    image, box = inked(*range(0, 400, 32))
    image[:, 72:104] = 255
    assert read_box(image, box, network(text, space={3: probability}), CHARACTERS).text == text


def test_light_print_on_a_dark_ground_has_gaps_too() -> None:
    image, box = inked(*range(0, 400, 32))
    image[:, 72:104] = 255
    assert read_box(255 - image, box, network("TAXINVOICE", space={3: 0.2}), CHARACTERS).text == "TAX INVOICE"


def test_a_space_that_the_network_gives_is_not_doubled() -> None:
    assert read_box(*EVEN, network("TAX INVOICE"), CHARACTERS).text == "TAX INVOICE"


def test_nothing_recognised_is_no_text_and_no_score() -> None:
    reading = read_box(*EVEN, network(""), CHARACTERS)
    assert (reading.text, reading.score) == ("", 0.0)


def test_a_sure_line_is_read_once_and_a_doubtful_one_twice() -> None:
    calls: list[int] = []

    def counting(infer: Infer) -> Infer:
        return lambda line: (calls.append(1), infer(line))[1]

    read_box(*EVEN, counting(network("SURE")), CHARACTERS)
    assert len(calls) == 1
    read_box(*EVEN, counting(network("DOUBT", certain=0.45)), CHARACTERS)
    assert len(calls) == 3


def test_a_hair_across_a_page_is_squeezed_before_it_is_read() -> None:
    widths: list[int] = []

    def infer(line: NDArray[np.float32]) -> NDArray[np.float32]:
        widths.append(line.shape[3])
        return network("AB")(line)

    read_line(np.full((4, 3000, 3), 255, np.uint8), infer, CHARACTERS)
    assert widths == [9600]


def test_a_tall_box_is_tried_lying_on_either_side_and_upright() -> None:
    shapes: list[tuple[int, ...]] = []

    def infer(line: NDArray[np.float32]) -> NDArray[np.float32]:
        shapes.append(line.shape)
        return network("A")(line)

    image = np.full((60, 30, 3), 255, np.uint8)
    read_box(image, np.array([[0, 0], [30, 0], [30, 60], [0, 60]], np.float32), infer, CHARACTERS)
    assert len(shapes) == 3
    assert len(set(shapes)) == 2
