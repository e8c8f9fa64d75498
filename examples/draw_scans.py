"""Draw the scans in `examples/scans`: five documents of people and companies that do not exist.

They are drawn with Pillow and its own two fonts, from fixed seeds, so that the same files come out
on every run:

    python examples/draw_scans.py [FOLDER]
"""

from __future__ import annotations

import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable
from itertools import count
from math import cos, sin, tau
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

SCANS = Path(__file__).parent / "scans"
A4 = (1240, 1754)
"""Pixels at 150 to the inch."""

# Pillow's outline font has no accents. Here they are, as strokes in fractions of the font's size,
# from the middle of the letter's upper edge.
ACCENTS = {
    "\N{COMBINING ACUTE ACCENT}": [[(-0.03, -0.05), (0.08, -0.17)]],
    "\N{COMBINING GRAVE ACCENT}": [[(0.03, -0.05), (-0.08, -0.17)]],
    "\N{COMBINING CIRCUMFLEX ACCENT}": [[(-0.12, -0.05), (0, -0.16), (0.12, -0.05)]],
    "\N{COMBINING DIAERESIS}": [[(-0.12, -0.12), (-0.12, -0.06)], [(0.11, -0.12), (0.11, -0.06)]],
}

# --- printing ------------------------------------------------------------------------------------


def write(
    paper: Image.Image,
    x: int,
    y: int,
    text: str,
    size: int = 23,
    *,
    pitch: int = 34,
    align: str = "l",
    bold: int = 0,
) -> None:
    """Print lines, the first with its upper edge at y; x is their left end, middle or right end."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    pen = ImageDraw.Draw(paper)
    for top, line in zip(count(y, pitch), text.splitlines(), strict=False):
        letters = unicodedata.normalize("NFD", line)
        plain = "".join(letter for letter in letters if letter not in ACCENTS)
        left = x - font.getlength(plain) * {"l": 0, "m": 0.5, "r": 1}[align]
        pen.text((left, top), plain, 0, font, stroke_width=bold)
        put_accents(pen, left, top, letters, font)


def put_accents(
    pen: ImageDraw.ImageDraw, left: float, top: int, letters: str, font: ImageFont.FreeTypeFont
) -> None:
    """Draw the accents of a line that is printed already; each follows its letter."""
    printed = ""
    for letter in letters:
        if letter not in ACCENTS:
            printed += letter
            continue
        x = left + font.getlength(printed) - font.getlength(printed[-1]) / 2
        y = top + font.getbbox(printed[-1])[1]
        for stroke in ACCENTS[letter]:
            points = [(x + dx * font.size, y + dy * font.size) for dx, dy in stroke]
            pen.line(points, 0, max(2, round(font.size / 10)))


def tabulate(
    paper: Image.Image, y: int, table: str, columns: dict[int, str], size: int = 23, pitch: int = 44
) -> None:
    """Print a table whose cells are parted by bars; `columns` are the place and alignment of each."""
    cells = zip(*(row.split("|") for row in table.splitlines()), strict=True)
    for (x, align), column in zip(columns.items(), cells, strict=True):
        write(paper, x, y, "\n".join(column), size, pitch=pitch, align=align)


def type_out(paper: Image.Image, x: int, y: int, text: str, ink: int = 0, scale: int = 3) -> None:
    """Print lines as a till or a fax does, with Pillow's small bitmap font."""
    font = ImageFont.load_default_imagefont()
    for top, line in zip(count(y, 15 * scale), text.splitlines(), strict=False):
        dots = Image.new("L", (6 * len(line) + 6, 12))
        ImageDraw.Draw(dots).text((0, 0), line, 255, font)
        large = dots.resize((dots.width * scale, dots.height * scale), Image.Resampling.NEAREST)
        paper.paste(ink, (x, top), large.filter(ImageFilter.GaussianBlur(scale / 4)))


def rule(paper: Image.Image, x0: int, x1: int, *heights: int, width: int = 2) -> None:
    for y in heights:
        ImageDraw.Draw(paper).line((x0, y, x1, y), 0, width)


def sign(paper: Image.Image, x: int, y: int, seed: int) -> None:
    """Sign in a hurry: two large loops that run out into a ripple."""
    dice = Random(seed)  # noqa: S311  a picture, no secret
    wide, tall = dice.uniform(18, 34), [dice.uniform(0.6, 1) * 66 * 0.55**loop for loop in range(8)]
    points = []
    for step in range(8 * 24):
        turn, height = step / 24 * tau, tall[step // 24]
        points.append((x + 1.6 * step + wide * cos(turn), y - height * sin(turn) - 0.2 * step))
    ImageDraw.Draw(paper).line(points, 40, 3, joint="curve")


# --- wear ----------------------------------------------------------------------------------------


def noise(size: tuple[int, int], strength: float, seed: int) -> Image.Image:
    """Grey everywhere, give or take."""
    grains = Image.frombytes("L", size, Random(seed).randbytes(size[0] * size[1]))  # noqa: S311
    return grains.point([round(128 + (grain - 128) * strength) for grain in range(256)])


def grainy(picture: Image.Image, strength: float, seed: int) -> Image.Image:
    grains = noise(picture.size, strength, seed).convert(picture.mode)
    return ImageChops.add(picture, grains, offset=-128)


def uneven(picture: Image.Image, depth: float, cells: tuple[int, int], seed: int) -> Image.Image:
    """Let large patches of it be darker, as bad light or bad paper does."""
    patches = noise(cells, depth, seed).point(
        [min(255, value + 127 - round(60 * depth)) for value in range(256)]
    )
    shade = patches.resize(picture.size, Image.Resampling.BICUBIC).convert(picture.mode)
    return ImageChops.multiply(picture, shade)


def skewed(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)


def faxed(page: Image.Image, seed: int) -> Image.Image:
    """Black or white, with the specks of a telephone line."""
    dice = Random(seed)  # noqa: S311
    black = grainy(skewed(page, 0.4), 0.5, seed).point([0] * 140 + [255] * 116)
    pen = ImageDraw.Draw(black)
    for _ in range(300):
        x, y = dice.randrange(page.width), dice.randrange(page.height)
        pen.rectangle((x, y, x + dice.randrange(2), y + dice.randrange(2)), dice.choice((0, 0, 255)))
    return black.convert("1", dither=Image.Dither.NONE)


# --- the documents -------------------------------------------------------------------------------

ADDRESSEE = """\
Larkfield Public Library
Ms Priya Raman
3 Mill Street
Larkfield LK4 2QT"""

FACTS = """\
Invoice no.|2026-0417
Date|14 April 2026
Due|14 May 2026
Your order|LPL-3381"""

POSITIONS = """\
1|Oak bookshelf, 2.10 m, oiled|6|412.00|2,472.00
2|Reading desk, ash, with lamp rail|4|365.50|1,462.00
3|Children's bench, beech|2|148.00|296.00
4|Delivery and fitting, two days|1|540.00|540.00"""

TERMS = """\
Payment within 30 days of the date of this invoice, without deduction.
Please give the invoice number with your transfer.
The oak was felled in Mortimer Forest; the oil is free of solvents."""


def invoice() -> Image.Image:
    paper = Image.new("L", A4, 255)
    ImageDraw.Draw(paper).rectangle((100, 96, 112, 190), 90)
    write(paper, 136, 92, "Harrow & Finch Joinery Ltd", 46, bold=1)
    write(
        paper, 136, 158, "14 Tanyard Lane, Ludlow SY8 1JX  ·  01584 555 0139  ·  VAT no. GB 000 4417 09", 21
    )
    write(paper, 100, 300, ADDRESSEE)
    tabulate(paper, 300, FACTS, {760: "l", 1140: "r"}, pitch=34)
    write(paper, 100, 520, "INVOICE", 52, bold=1)
    write(paper, 100, 610, "For furniture made and fitted in the children's reading room, March 2026")
    columns = {100: "l", 170: "l", 780: "r", 950: "r", 1140: "r"}
    tabulate(paper, 690, "No.|Description|Qty|Unit price|Amount", columns)
    tabulate(paper, 746, POSITIONS, columns)
    tabulate(paper, 952, "Net|4,770.00\nVAT 20 %|954.00", {700: "l", 1140: "r"})
    write(paper, 700, 1064, "Total to pay, GBP", 27, bold=1)
    write(paper, 1140, 1064, "5,724.00", 27, align="r", bold=1)
    write(paper, 100, 1220, TERMS)
    write(
        paper, 620, 1622, "Harrow & Finch Joinery  ·  Sort code 00-00-41  ·  Account 7002 1684", 20, align="m"
    )
    rule(paper, 100, 1140, 220, 728, 934, 1600)
    rule(paper, 700, 1140, 1044)
    rule(paper, 700, 1140, 1108, width=4)
    return paper.quantize(8)


TILL = """\
      THE QUAYSIDE KITCHEN
      9 Harbour Row, Gorey
       Tel 01534 555 0182

09.05.2026  12:47      Table 6
Served by Noémie
--------------------------------
2 Crab salad              17.80
1 Fish soup                6.40
1 Plum tart with cream     5.25
2 Coffee                   6.20
1 Mineral water            2.60
--------------------------------
TOTAL GBP                 38.25

Card **** 7741            38.25
GST 5 % included           1.82

Receipt 004518
Merci de votre visite,
à bientôt !"""


def receipt() -> Image.Image:
    paper = Image.new("L", (690, 1010), 250)
    type_out(paper, 56, 46, TILL, ink=62)
    paper = uneven(paper, 0.14, (4, 6), seed=3)
    table = wood((1300, 1500))
    lying = paper.convert("RGB").rotate(-1, Image.Resampling.BICUBIC, expand=True)
    outline = Image.new("L", paper.size, 255).rotate(-1, Image.Resampling.BICUBIC, expand=True)
    shadow = ImageOps.expand(outline, 60).filter(ImageFilter.GaussianBlur(14))
    table.paste((38, 26, 20), (280 - 60 + 16, 210 - 60 + 18), shadow)
    table.paste(lying, (280, 210), outline)
    # Seen from below its middle: what is far is smaller, so more of the table is seen there.
    corners = (130, 110, 215, 1390, 1075, 1400, 1180, 90)
    photo = table.transform((1000, 1300), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    lamp = Image.radial_gradient("L").point([round(255 - value * 0.45) for value in range(256)])
    light = lamp.resize((2300, 2700)).crop((450, 500, 1450, 1800)).convert("RGB")
    return grainy(ImageChops.multiply(photo, light), 0.06, seed=5)


def wood(size: tuple[int, int]) -> Image.Image:
    brown = Image.new("RGB", size, (181, 137, 101))
    return uneven(uneven(brown, 0.22, (34, 3), seed=4), 0.16, (320, 5), seed=11)


LETTER = """\
Dear Mr Okafor,
the Elbe Heron left Hamburg this morning and will arrive at Harwich
on Tuesday, 19 May 2026, at 06:30, berth 12. She carries four
containers for you; the list of what is in them is on the next page.

Please have two lorries ready at the gate by 08:00, with drivers who
carry their passports. The berth is ours until noon only, and each
further hour on the quay costs 240 euros, which we have to charge
to those who are late.

Container NKSU 481209 is cooled to 4 °C and has to be plugged in at
once. If the socket at the gate is still out of order, call us before
the ship has left, not after.

Bitte bestätigen Sie den Empfang bis heute Abend, 18 Uhr.
Mit freundlichen Grüssen



Jörg Petersen
Nordkai Reederei, Hamburg"""

PACKING_LIST = """\
Container|Goods|Pieces|Weight, kg
NKSU 481206|Coffee, green, in bags|310|18,600
NKSU 481207|Espresso machines|96|4,224
NKSU 481208|Stoneware cups|540|7,290
NKSU 481209|Butter, cooled to 4 °C|800|16,000
Together||1,746|46,114"""


def fax() -> list[Image.Image]:
    first, second = (Image.new("L", (1648, 2200), 255) for _ in range(2))
    for number, page in enumerate((first, second), 1):
        type_out(
            page, 110, 40, f"14-MAY-2026 09:12  FROM: NORDKAI REEDEREI +49 40 555 0127   P. 0{number}/02"
        )
    write(first, 150, 190, "NORDKAI REEDEREI", 58, bold=2)
    write(first, 150, 270, "Speicherweg 8, 20457 Hamburg", 30)
    write(first, 150, 390, "To: Okafor & Daughters, Importers, Harwich\nPages: 2", 32, pitch=50)
    rule(first, 150, 1500, 510, width=4)
    write(first, 150, 570, "Arrival of MV Elbe Heron", 40, bold=1)
    write(first, 150, 674, LETTER, 34, pitch=52)
    sign(first, 190, 1560, seed=6)
    write(second, 150, 190, "Packing list", 48, bold=2)
    write(second, 150, 280, "MV Elbe Heron, voyage 26-114, Hamburg to Harwich", 32)
    tabulate(second, 380, PACKING_LIST, {160: "l", 520: "l", 1200: "r", 1490: "r"}, 32, pitch=80)
    rule(second, 150, 1500, *range(362, 843, 80), width=3)
    write(second, 150, 920, "Customs papers are with the driver of the first lorry.", 32)
    return [faxed(first, seed=12), faxed(second, seed=33)]


CLAUSES = [
    """1. The landlord lets to the tenant the workshop on the ground floor of 22 Weir Yard, Ashcombe,
    of 84 square metres, with the kiln room, the small store behind it and the use of the yard.""",
    """2. The lease begins on 1 June 2026 and runs for three years. If neither side ends it, it goes on
    from year to year on the same terms, but for the rent, which is then agreed upon afresh.""",
    """3. The rent is 1,150 pounds a month, payable in advance on the first working day. It may rise
    once a year, by no more than the index of consumer prices, and never in the first eighteen months.""",
    """4. The tenant pays for electricity, gas and water by meter. The landlord pays for the insurance
    of the building, the roof and the outer walls, and clears the yard of snow.""",
    """5. The kiln may be fired between 7 in the morning and 9 in the evening, on workdays. The landlord
    has the flue swept and tested every spring, and hands the tenant a copy of the report.""",
    """6. The tenant has paid a deposit of 2,300 pounds. It is kept in an account of its own, and paid
    back within 30 days of the end of the lease, less what repairs have cost.""",
    """7. To end the lease, either side gives three months' notice in writing, to the end of a month.
    A notice by electronic mail is no notice. Where the rent is unpaid for two months, the landlord
    may end the lease at once.""",
    """8. Rooms are handed back swept, with walls painted white. Shelves that the tenant has put up may
    stay, if the landlord wants them; all else is taken away, and holes in the walls are filled.""",
    """9. If one of these clauses should turn out to be void, the others hold. There are no agreements
    besides these; changes are made in writing, and signed by both sides on the same sheet.""",
]

PARTIES = """\
between Marlow Weir Estates, 1 Weir Yard, Ashcombe (the landlord)
and Ines Calderón, potter, 5 Chapel Rise, Ashcombe (the tenant)"""


def contract() -> list[Image.Image]:
    first, second = (Image.new("L", A4, 250) for _ in range(2))
    write(first, 620, 130, "Lease of a Workshop", 50, align="m", bold=1)
    write(first, 620, 240, PARTIES, 25, pitch=40, align="m")
    write_clauses(first, 390, CLAUSES[:6])
    write_clauses(second, 150, CLAUSES[6:])
    write(second, 130, 760, "Ashcombe, 4 May 2026", 25)
    for x, name in ((130, "for the landlord: Tom Marlow"), (690, "the tenant: Ines Calderón")):
        sign(second, x + 30, 900, seed=x)
        rule(second, x, x + 420, 950)
        write(second, x, 966, name)
    return [filed(first, 1, skew=0.5), filed(second, 2, skew=-0.3)]


def write_clauses(paper: Image.Image, y: int, clauses: list[str]) -> None:
    for clause in clauses:
        lines = textwrap.wrap(" ".join(clause.split()), 82)
        write(paper, 130, y, "\n".join(lines), 25, pitch=38)
        y += 38 * len(lines) + 42


def filed(page: Image.Image, number: int, skew: float) -> Image.Image:
    """With its number, punched, and laid on the scanner on its side."""
    write(page, 620, 1660, f"Page {number} of 2", 21, align="m")
    for y in (620, 1134):
        ImageDraw.Draw(page).ellipse((34, y, 66, y + 32), 70)
    worn = uneven(skewed(page, skew), 0.12, (4, 6), seed=number)
    return grainy(worn, 0.03, number).transpose(Image.Transpose.ROTATE_90)


SLIP = """\
Delivery slip 7052

Friday 22 May 2026
Mrs A. Lindqvist, 31 Orchard Close

12  lavender, in pots of 2 litres
3  apple trees "Pippin"
1  climbing rose, white
4  sacks of peat-free soil

Left in the porch at 15:20, as nobody was at
home. Please water the roses tonight; they
have had a long and dusty day in the van.

Driver: H. Mbeki, van 3"""


def delivery_slip() -> Image.Image:
    paper = Image.new("L", (874, 1120), 186)
    pen = ImageDraw.Draw(paper)
    for ring in (150, 158, 162):
        pen.ellipse((610 - ring, 870 - ring, 610 + ring, 870 + ring), outline=166, width=4)
    printed = Image.new("L", paper.size, 255)
    write(printed, 90, 110, "BRACKENFIELD NURSERY", 34, bold=1)
    write(printed, 90, 166, SLIP, 34, pitch=56)
    paper.paste(96, (0, 0), ImageOps.invert(skewed(printed, -1.2)))
    return grainy(uneven(paper, 0.25, (5, 7), seed=9), 0.2, seed=10)


# --- saving --------------------------------------------------------------------------------------


def save_receipt(path: Path) -> None:
    turn = Image.Exif()
    turn[0x0112] = 6  # to be shown turned clockwise; so it is stored turned the other way
    receipt().transpose(Image.Transpose.ROTATE_90).save(path, quality=72, exif=turn)


def save_fax(path: Path) -> None:
    first, *others = fax()
    first.save(path, compression="group4", dpi=(200, 200), save_all=True, append_images=others)


def save_contract(path: Path) -> None:
    first, *others = contract()
    midday = time.gmtime(1_777_896_000)
    dates: dict[str, Any] = {"creationDate": midday, "modDate": midday}
    first.save(path, resolution=150, quality=55, save_all=True, append_images=others, **dates)


def save_slip(path: Path) -> None:
    sixteen_greys = delivery_slip().point([grey // 16 for grey in range(256)])
    sixteen_greys.putpalette([level * 17 for level in range(16) for _ in "RGB"])
    sixteen_greys.save(path, optimize=True, bits=4)


DRAWN: dict[str, Callable[[Path], None]] = {
    "contract.pdf": save_contract,
    "fax.tif": save_fax,
    "invoice.png": lambda path: invoice().save(path, optimize=True, dpi=(150, 150)),
    "noisy.png": save_slip,
    "receipt.jpg": save_receipt,
}


def main(folder: Path = SCANS) -> None:
    """Draw every scan into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, save in DRAWN.items():
        save(folder / name)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
