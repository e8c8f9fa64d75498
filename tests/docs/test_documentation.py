"""Every block of Python in the README and under docs/, and every example, runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from preloaded import Preloaded

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
QUICK = {"invoice.png", "receipt.jpg"}
LONGER = {"demo.py", "draw_scans.py"}


def identify(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bring_scans(workplace: Path, program: str) -> None:
    """Those scans that a program names, and the two quickest to read for one that reads the whole folder.

    They are in examples/scans, where the program looks for them there.
    """
    folder = workplace / ("examples/scans" if '"examples/scans' in program else "scans")
    folder.mkdir(parents=True)
    for scan in (ROOT / "examples" / "scans").iterdir():
        if scan.name in program or scan.name in QUICK:
            shutil.copy(scan, folder)


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=identify)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, workplace: Path, preloaded: Preloaded
) -> None:
    program = workplace / "page.py"
    program.write_text("\n\n".join(python_blocks(page)), encoding="utf-8")
    bring_scans(workplace, program.read_text(encoding="utf-8"))
    done = preloaded.run(program, warnings=("ResourceWarning",))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_every_row_of_a_table_is_rendered_in_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tokens = [token for token in MarkdownIt().enable("table").parse(text) if token.map]
    inside = {
        number
        for token in tokens
        if token.type in ("table_open", "fence")
        for number in range(*(token.map or (0, 0)))
    }
    rows = [number for number, line in enumerate(text.splitlines()) if line.lstrip().startswith("|")]
    assert [number + 1 for number in rows if number not in inside] == []


def test_what_the_readme_names_is_where_it_says() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```(?:python|console)\n(.*?)^```", readme, re.DOTALL | re.MULTILINE))
    paths = re.findall(r"(?:[\w-]+/)+scans[\w./-]*|(?<=\")scans[\w./-]*", code)
    assert len(paths) >= 4
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_a_page_does_not_ask_to_leave_lines_out(page: Path) -> None:
    assert not re.search(
        r"that begin with `server`|Leave these|leave these two", page.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.name not in LONGER], ids=identify)
def test_an_example_runs(example: Path, workplace: Path, preloaded: Preloaded) -> None:
    bring_scans(workplace, example.read_text(encoding="utf-8"))
    done = preloaded.run(shutil.copy(example, workplace))
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_an_example_runs_by_itself(workplace: Path) -> None:
    """In a process that has loaded nothing before, and with an engine that has read nothing."""
    example = ROOT / "examples" / "ask_receipt.py"
    bring_scans(workplace, example.read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, example], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.name not in LONGER], ids=identify)
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < 40
