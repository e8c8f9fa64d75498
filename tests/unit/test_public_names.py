"""What `import` gives, and what it must not load."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

HEAVY = ("PIL", "openai", "onnxruntime", "pypdfium2", "rapidocr", "cv2")
IMPORTS = (
    ("pydantic", "from vlm_core import DocumentReader, PageResult, read"),
    ("langchain_core.document_loaders", "from langchain_vlm import VLMLoader"),
    ("llama_index.core.readers.base", "from llamaindex_vlm import VLMReader"),
)


@pytest.mark.parametrize("package", ["vlm_core", "langchain_vlm", "llamaindex_vlm"])
def test_every_public_name_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", ["vlm_core", "langchain_vlm", "llamaindex_vlm"])
def test_public_names_are_shown_by_dir(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))


def test_an_unknown_name_is_an_attribute_error() -> None:
    import vlm_core

    with pytest.raises(AttributeError, match="DocumentReaderr"):
        vlm_core.DocumentReaderr  # noqa: B018


@pytest.mark.parametrize(("framework", "statement"), IMPORTS)
def test_an_import_loads_nothing_heavy_that_its_framework_has_not(framework: str, statement: str) -> None:
    program = (
        f"import sys, {framework}\nbefore = set(sys.modules)\n{statement}\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
