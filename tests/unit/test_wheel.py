"""The built wheel, in an environment with its base dependencies alone."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and what it requires, no extras."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-compile", *folder.glob("*.whl"))
    return python


def test_the_core_imports_with_the_base_alone(python: Path) -> None:
    assert run(python, "-c", "import vlm_core; print([getattr(vlm_core, n) for n in vlm_core.__all__] != [])")


def test_the_review_page_is_in_it(python: Path, tmp_path: Path) -> None:
    program = (
        "from vlm_core import DocumentResult, PageResult, review\n"
        "document = DocumentResult(source='a', pages=(PageResult(text='Tea', source='a'),))\n"
        f"print(review(document, {str(tmp_path / 'review.html')!r}).pages)"
    )
    assert run(python, "-c", program) == "1\n"


def test_reading_without_the_engine_names_the_extra_to_install(python: Path) -> None:
    program = (
        "from vlm_core import MissingExtraError, read\n"
        "try: read(b'P5 1 1 255 a')\n"
        "except MissingExtraError as error: print(error.hint)"
    )
    assert "vlm-adapters[local]" in run(python, "-c", program)


@pytest.mark.parametrize("extra", ["langchain", "llamaindex"])
def test_an_adapter_without_its_framework_names_the_extra(python: Path, extra: str) -> None:
    program = (
        f"import {extra}_vlm\n"
        f"try: [getattr({extra}_vlm, name) for name in {extra}_vlm.__all__]\n"
        "except ImportError as error: print(error)"
    )
    assert f"vlm-adapters[{extra}]" in run(python, "-c", program)


def test_the_command_line_without_its_extra_names_it(python: Path) -> None:
    done = subprocess.run([str(python.parent / "vlm"), "read", "x"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "vlm-adapters[cli]" in done.stderr


def test_the_wheel_marks_all_packages_as_typed(python: Path) -> None:
    program = (
        "import importlib.metadata as m\n"
        "print(sorted(str(f.parent) for f in m.files('vlm-adapters') if f.name == 'py.typed'))"
    )
    assert run(python, "-c", program).strip() == "['langchain_vlm', 'llamaindex_vlm', 'vlm_core']"
