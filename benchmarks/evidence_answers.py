"""Answers as vision models give them, made of true lines: in four layouts, with errors of fourteen kinds."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Box = tuple[float, float, float, float]
LAYOUTS = ("rows", "table", "sentence", "columns")
BAD, INVENTED, BLOCK_LEFT_OUT = 0.12, 0.6, 0.3
"""The rates: of lines with an error, of pages with an invented line, of pages that lack a block of lines."""


class TrueLine(NamedTuple):
    text: str
    box: Box


class Part(NamedTuple):
    """A line of an answer: where it is, which true line it stands for, and what is wrong with it."""

    start: int
    end: int
    line: int | None
    error: str | None


class Answer(NamedTuple):
    text: str
    parts: list[Part]
    left_out: set[int]


# --- errors -------------------------------------------------------------------------------------------

AMOUNT = re.compile(r"\d+[.,]\d\d(?!\d)")
DATE = re.compile(r"(\d{1,2})([/\-. ])(\d{1,2}|[A-Za-z]{3})\2(\d{2,4})")
LOOK_ALIKE = dict(zip("3817560942", "8371658497", strict=True))
ITEMS = re.findall(
    r"\w+",
    """TOTAL ITEM SERVICE CHARGE DISCOUNT MEMBER PRICE TAX ROUNDING CASH CHANGE THANK YOU PLEASE COME AGAIN
GOODS SOLD ARE NOT RETURNABLE INVOICE NUMBER CASHIER TABLE ORDER COUNTER BRANCH MANAGER TEL FAX GST REG JALAN
TAMAN KUALA LUMPUR SELANGOR MALAYSIA RICE CHICKEN TEA COFFEE WATER PAPER BAG STEEL BOLT PLASTIC BATTERY""",
)
NAMES = re.findall(r"\w+", "LIM TAN WONG LEE ONG CHAN AHMAD SITI KUMAR RAJ FATIMAH MOHD AZMAN YAP GOH")
LETTERS = "ABCDEFGHIJKLMNOPRSTUVWY"
Dice = random.Random


def digits_in(text: str) -> list[int]:
    return [place for place, letter in enumerate(text) if letter.isdigit() and letter.isascii()]


def other_digit(text: str, dice: Dice) -> str | None:
    if not (places := digits_in(text)):
        return None
    place = dice.choice(places)
    return text[:place] + dice.choice("0123456789".replace(text[place], "")) + text[place + 1 :]


def look_alike_digit(text: str, dice: Dice) -> str | None:
    if not (places := digits_in(text)):
        return None
    place = dice.choice(places)
    return text[:place] + LOOK_ALIKE[text[place]] + text[place + 1 :]


def transposed(text: str, dice: Dice) -> str | None:
    digits = set(digits_in(text))
    pairs = [
        (place, place + step)
        for place in digits
        for step in (1, 2)
        if place + step in digits and text[place] != text[place + step]
        if step == 1 or text[place + 1] in ".,"
    ]
    if not pairs:
        return None
    one, other = dice.choice(sorted(pairs))
    letters = list(text)
    letters[one], letters[other] = letters[other], letters[one]
    return "".join(letters)


def lost_point(text: str, dice: Dice) -> str | None:
    if (amount := AMOUNT.search(text)) is None:
        return None
    return text[: amount.start()] + re.sub("[.,]", "", amount[0]) + text[amount.end() :]


def added_digit(text: str, dice: Dice) -> str | None:
    if not (places := digits_in(text)):
        return None
    place = dice.choice(places)
    return text[:place] + dice.choice("0123456789") + text[place:]


def lost_digit(text: str, dice: Dice) -> str | None:
    digits = set(digits_in(text))
    places = sorted(place for place in digits if place + 1 in digits or place - 1 in digits)
    if not places:
        return None
    place = dice.choice(places)
    return text[:place] + text[place + 1 :]


def other_date(text: str, dice: Dice) -> str | None:
    if (date := DATE.search(text)) is None:
        return None
    day, separator, month, year = date.groups()
    way = dice.randrange(3)
    if way == 0:
        day = f"{dice.choice([other for other in range(1, 29) if other != int(day)]):02d}"
    elif way == 1 and month.isdigit() and day != month:
        day, month = month, day
    else:
        year = year[:-1] + str((int(year[-1]) + dice.randrange(1, 9)) % 10)
    return text[: date.start()] + separator.join((day, month, year)) + text[date.end() :]


def other_letter(text: str, dice: Dice) -> str | None:
    places = [place for place, letter in enumerate(text) if letter.isalpha() and letter.isascii()]
    if len(places) < 4:
        return None
    place = dice.choice(places)
    return text[:place] + dice.choice(LETTERS.replace(text[place].upper(), "")) + text[place + 1 :]


def misspelled(text: str, dice: Dice) -> str | None:
    if not (words := re.findall(r"[A-Za-z]{4,}", text)):
        return None
    word = dice.choice(words)
    place = dice.randrange(1, len(word) - 1)
    wrong = dice.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )
    return None if wrong == word else text.replace(word, wrong, 1)


def other_name(text: str, dice: Dice) -> str | None:
    if not (words := re.findall(r"[A-Za-z]{4,}", text)):
        return None
    word = dice.choice(words)
    return text.replace(word, dice.choice([name for name in NAMES + ITEMS if name != word.upper()]), 1)


def paraphrased(text: str, dice: Dice) -> str | None:
    if len(re.findall(r"[A-Za-z]{2,}", text)) < 3:
        return None
    return " ".join(dice.choice(ITEMS) if word.isalpha() else word for word in text.split())


NUMBERS: dict[str, Callable[[str, Dice], str | None]] = {
    "other digit": other_digit,
    "look-alike digit": look_alike_digit,
    "digits transposed": transposed,
    "point lost": lost_point,
    "digit added": added_digit,
    "digit lost": lost_digit,
    "other date": other_date,
}
WORDS: dict[str, Callable[[str, Dice], str | None]] = {
    "other letter": other_letter,
    "misspelled": misspelled,
    "other name": other_name,
    "paraphrased": paraphrased,
}
LEFT_OUT, REPEATED, MADE_UP = "left out", "repeated", "made up"
ERRORS = {**NUMBERS, **WORDS}
KINDS = (*ERRORS, LEFT_OUT, REPEATED)
SENTENCES: tuple[Callable[[Dice], str], ...] = (
    lambda dice: " ".join(dice.choice(ITEMS) for _ in range(3)),
    lambda dice: f"{dice.choice(ITEMS)} {dice.choice(ITEMS)} {amount(dice)}",
    lambda dice: f"TOTAL RM {amount(dice)}",
    lambda dice: f"TAX (6%) {dice.randrange(1, 30)}.{dice.randrange(100):02d}",
    lambda dice: f"TEL: 0{dice.randrange(3, 9)}-{dice.randrange(1000, 9999)} {dice.randrange(1000, 9999)}",
    lambda dice: "Thank you for shopping with us and please come again soon.",
    lambda dice: f"The total amount due is RM {amount(dice)} including all taxes.",
    lambda dice: f"NO. {dice.randrange(2, 99)}, JALAN {dice.choice(NAMES)}, TAMAN {dice.choice(NAMES)}",
)


def amount(dice: Dice) -> str:
    return f"{dice.randrange(1, 300)}.{dice.randrange(100):02d}"


# --- layouts --------------------------------------------------------------------------------------------


def rows_of(lines: Sequence[TrueLine]) -> list[list[int]]:
    """Lines side by side together, from the top and from the left."""
    rows: list[list[int]] = []
    for number in sorted(range(len(lines)), key=lambda number: middle(lines[number].box)):
        box = lines[number].box
        if rows:
            first = lines[rows[-1][0]].box
            near = abs(middle(box) - middle(first)) < 0.4 * min(box[3] - box[1], first[3] - first[1])
            clear = all(
                min(lines[other].box[2], box[2]) - max(lines[other].box[0], box[0]) < 5 for other in rows[-1]
            )
            if near and clear:
                rows[-1].append(number)
                continue
        rows.append([number])
    return [sorted(row, key=lambda number: lines[number].box[0]) for row in rows]


def middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def by_columns(rows: list[list[int]], dice: Dice) -> list[list[int]]:
    """Labels first, then what stands beside them; in every second page a block stands elsewhere."""
    ordered: list[list[int]] = []
    run: list[list[int]] = []
    for row in [*rows, []]:
        if len(row) >= 2:
            run.append(row)
            continue
        ordered += [[row[0]] for row in run] + [row[1:] for row in run] if len(run) >= 2 else run
        ordered += [row] if row else []
        run = []
    if len(ordered) > 6 and dice.random() < 0.5:
        start = dice.randrange(len(ordered) - 4)
        end = start + dice.randrange(3, 5)
        block, rest = ordered[start:end], ordered[:start] + ordered[end:]
        place = dice.randrange(len(rest) + 1)
        ordered = rest[:place] + block + rest[place:]
    return ordered


@dataclass
class Writer:
    """Writes an answer down, and where each line of it is."""

    lines: Sequence[TrueLine]
    layout: str
    dice: Dice
    text: str = ""
    parts: list[Part] = field(default_factory=list)
    left_out: set[int] = field(default_factory=set)
    in_table: bool = False

    def __post_init__(self) -> None:
        self.case = self.dice.choice((str, str, str, str.title, str.lower))

    def put(self, text: str, line: int | None, error: str | None) -> None:
        start = len(self.text)
        self.text += self.case(text)
        self.parts.append(Part(start, len(self.text), line, error))

    def row(self, row: Sequence[int], rate: float, *, is_first: bool) -> None:
        cells = [cell for number in row if (cell := self.cell(number, rate)) is not None]
        if not cells:
            return
        as_row = self.layout == "table" and len(cells) > 1
        self.table_row(cells) if as_row else self.line(cells, is_first=is_first)
        self.in_table = as_row
        if any(error == REPEATED for *_, error in cells) and self.text.endswith("\n"):
            for place, (text, number, _) in enumerate(cells):
                self.text += " " if place else ""
                self.put(text, number, REPEATED)
            self.text += "\n"
        if self.dice.random() < 0.1 and self.text.endswith("\n"):
            self.text += "\n"

    def cell(self, number: int, rate: float) -> tuple[str, int, str | None] | None:
        text = self.lines[number].text
        if self.dice.random() >= rate:
            return text, number, None
        for _ in range(6):
            error = self.dice.choice(KINDS)
            if error == LEFT_OUT:
                self.left_out.add(number)
                return None
            if error == REPEATED:
                return text, number, error
            wrong = ERRORS[error](text, self.dice)
            if wrong is not None and wrong != text:
                return wrong, number, error
        return text, number, None

    def table_row(self, cells: Sequence[tuple[str, int, str | None]]) -> None:
        self.text += "|"
        for text, number, error in cells:
            self.text += " "
            self.put(text, number, None if error == REPEATED else error)
            self.text += " |"
        self.text += "\n" if self.in_table else "\n|" + "---|" * len(cells) + "\n"

    def line(self, cells: Sequence[tuple[str, int, str | None]], *, is_first: bool) -> None:
        bold = "**" if self.layout in ("rows", "table") and self.dice.random() < 0.08 else ""
        self.text += ("# " if is_first and self.layout in ("table", "sentence") else "") + bold
        for place, (text, number, error) in enumerate(cells):
            self.text += self.dice.choice((" ", "  ", "\t")) if place else ""
            self.put(text, number, None if error == REPEATED else error)
        runs_on = self.layout == "sentence" and len(cells) == 1 and self.dice.random() < 0.5
        self.text += bold + (" " if runs_on else "\n")


def answer_of(lines: Sequence[TrueLine], seed: int, layout: str, *, with_errors: bool) -> Answer:
    """What a model might write of a page.

    Args:
        lines: that are printed on it.
        seed: of all that is chosen.
        layout: one of LAYOUTS.
        with_errors: whether lines are changed, left out, repeated and made up, at the rates above.
    """
    dice = Dice(seed)
    writer = Writer(lines, layout, dice)
    rows = rows_of(lines)
    if layout == "columns":
        rows = by_columns(rows, dice)
    if with_errors and len(rows) > 8 and dice.random() < BLOCK_LEFT_OUT:
        start = dice.randrange(1, len(rows) - 5)
        end = start + dice.randrange(3, 6)
        writer.left_out.update(number for row in rows[start:end] for number in row)
        rows = rows[:start] + rows[end:]
    made_up = dice.randrange(len(rows) + 1) if with_errors and dice.random() < INVENTED else None
    for place, row in enumerate(rows):
        if place == made_up:
            writer.put(dice.choice(SENTENCES)(dice), None, MADE_UP)
            writer.text += "\n"
        writer.row(row, BAD if with_errors else 0.0, is_first=place == 0)
    return Answer(writer.text, writer.parts, writer.left_out)


def shuffled_blocks(lines: Iterable[str], seed: int, size: int = 8) -> list[str]:
    """Lines in blocks of so many, the blocks in another order."""
    held = list(lines)
    blocks = [held[start : start + size] for start in range(0, len(held), size)]
    Dice(seed).shuffle(blocks)
    return [line for block in blocks for line in block]
