"""`vlm plan` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from vlm_core.cli import main

OLMOCR = "deepinfra:allenai/olmOCR-2-7B-1025"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    Image.new("L", (500, 700), 128).save(path)
    return path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["plan", *arguments])
    code = end.value.code
    assert isinstance(code, int)
    return code


def test_routes_are_compared_in_a_table(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(scan), "-e", OLMOCR, "-e", "local") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "1 document, 1 page to read"
    assert [line.split()[0] for line in told[1:4]] == ["ROUTE", OLMOCR, "local"]


def test_without_an_engine_pages_are_counted(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(scan)) == 0
    assert capsys.readouterr().out == "1 document, 1 page to read\n"
    assert run(str(scan), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pages"], told["routes"]) == (1, [])


def test_json_has_every_page(scan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(scan), "-e", OLMOCR, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pages"] == 1
    (route,) = told["routes"]
    assert route["image_tokens"] == route["pages"][0]["image_tokens"] > 0


def test_what_cannot_be_opened_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run(str(tmp_path / "broken.png"), "-e", OLMOCR) == 3
    assert "broken.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-e", "nobody:nothing"], id="unknown-provider"),
        pytest.param(["-e", OLMOCR, "--task", "poem"], id="unknown-task"),
    ],
)
def test_a_wrong_command_is_told(scan: Path, arguments: list[str]) -> None:
    assert run(str(scan), *arguments) == 2
