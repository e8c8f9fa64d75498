"""Engines of other packages: pip installs two, and another process reads a page by their names."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
from vlm_core import PageResult

class Brightness:
    name, model = "brightness", None

    def __init__(self, task="none"):
        self.task = task

    def read_page(self, page):
        return PageResult(text=f"{self.task}: {page.pixels[0]} of 255")

class Plain(Brightness):
    def __init__(self):
        self.task = "no task"

made = Brightness("made before")
not_an_engine = 7
"""
POINTS = {
    "brightness": "lab_ocr:Brightness",
    "plain": "lab_ocr:Plain",
    "made": "lab_ocr:made",
    "broken": "lab_ocr:missing",
    "number": "lab_ocr:not_an_engine",
}


def wheel(folder: Path, name: str, points: dict[str, str]) -> Path:
    """A distribution as pip installs it."""
    info = f"{name}-1.0.dist-info"
    entries = "\n".join(f"{engine} = {value}" for engine, value in points.items())
    files = {
        f"{name}.py": CODE,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[vlm_core.engines]\n{entries}\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed two packages. Both bring an engine called "twice"."""
    folder = tmp_path_factory.mktemp("installed")
    wheels = [
        wheel(folder, "lab_ocr", {**POINTS, "twice": "lab_ocr:Plain"}),
        wheel(folder, "other_ocr", {"twice": "other_ocr:Plain"}),
    ]
    site = folder / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    ]
    subprocess.run([*pip, *map(str, wheels)], check=True, capture_output=True)
    return site


PROGRAM = """
import json, sys
from vlm_core import VLMError, read

def told(engine, options):
    try:
        return read(b"P5 1 1 255 \\x80", engine=engine, **options).text
    except VLMError as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps([told(engine, options) for engine, options in json.load(sys.stdin)]))
"""
READ = {
    "brightness": "markdown: 128 of 255",
    "plain": "no task: 128 of 255",
    "made": "made before: 128 of 255",
}
REFUSED = {
    "brightnes": "Did you mean 'brightness'?",
    "locl": "Did you mean 'local'?",
    "broken": "engine='broken' of lab_ocr cannot be loaded: AttributeError",
    "number": "engine='number' is a int, not an OCR engine",
    "twice": "engine='twice' is brought by lab_ocr and other_ocr",
    "pixtral": "'pixtral' names a model but no provider",
}


@pytest.fixture(scope="module")
def told(site: Path) -> dict[str, str]:
    """What another process reads of one grey dot with each engine, or the error that it meets."""
    calls = [*((engine, {}) for engine in (*READ, *REFUSED)), ("brightness", {"prompt": "Read."})]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, input=json.dumps(calls), capture_output=True, text=True, check=True, env=environment
    )
    return dict(zip([*READ, *REFUSED, "with a prompt"], json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("engine", READ)
def test_an_installed_engine_reads_by_its_name(engine: str, told: dict[str, str]) -> None:
    assert told[engine] == READ[engine]


@pytest.mark.parametrize("engine", REFUSED)
def test_a_name_that_cannot_be_used_is_a_typed_error(engine: str, told: dict[str, str]) -> None:
    assert told[engine].startswith("ConfigError: ")
    assert REFUSED[engine] in told[engine]


def test_an_installed_engine_takes_no_prompt(told: dict[str, str]) -> None:
    assert told["with a prompt"].startswith("ConfigError: brightness takes no prompt")
