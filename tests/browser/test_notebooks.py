"""The notebooks run from their first cell to their last, and what they hold is what they give."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore")]
EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted((EXAMPLES / "notebooks").glob("*.ipynb"))
# What differs from one machine to another: a digit of a score or a box.
_DIGITS = re.compile(r"\d+")


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES / "scans", tmp_path / "scans")
    (tmp_path / "notebooks").mkdir()
    return tmp_path / "notebooks"


def told(notebook: Any) -> list[list[str]]:
    """What each cell prints and gives, as plain text."""
    return [
        [
            _DIGITS.sub("0", "".join(output.get("text") or output["data"].get("text/plain", "")))
            for output in cell.get("outputs", [])
        ]
        for cell in notebook.cells
    ]


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["check", "rag", "read"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_gives_what_it_shows(path: Path, workplace: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    shown = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(workplace)}}
    nbclient.NotebookClient(run, timeout=300, kernel_name="python3", resources=resources).execute()
    assert told(run) == told(shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_path_of_a_machine(path: Path) -> None:
    assert not re.search(r"/(?:home|root|work|tmp|Users)/", path.read_text(encoding="utf-8"))
