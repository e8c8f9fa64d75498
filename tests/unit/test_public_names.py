"""What `import` gives, and what it must not load."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

HEAVY = ("PIL", "openai", "onnxruntime", "pypdfium2", "rapidocr", "cv2")
IMPORTS = (
    "from vlm_core import DocumentReader, PageResult, read",
    "from langchain_vlm import VLMLoader",
    "from llamaindex_vlm import VLMReader",
)


@pytest.mark.parametrize("package", ["vlm_core", "langchain_vlm", "llamaindex_vlm"])
def test_every_public_name_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", ["vlm_core", "langchain_vlm", "llamaindex_vlm"])
def test_public_names_are_sorted_and_shown_by_dir(package: str) -> None:
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__)
    assert set(module.__all__) <= set(dir(module))


def test_an_unknown_name_is_an_attribute_error() -> None:
    import vlm_core

    with pytest.raises(AttributeError, match="DocumentReaderr"):
        vlm_core.DocumentReaderr  # noqa: B018


@pytest.mark.parametrize("statement", IMPORTS)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    program = f"{statement}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
