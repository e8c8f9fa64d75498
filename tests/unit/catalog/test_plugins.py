"""Rows that installed packages bring, found by the standard library in a real dist-info folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vlm_core.catalog.registry import Registry, register
from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import ModelProfile, Provider

Install = Callable[[str, str], None]
ROW = 'Provider(name="lab", base_url="https://lab.example/v1", api_key_env=("LAB_KEY",))'
IMPORTS = "from vlm_core.catalog.schema import ModelProfile, Provider\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_registry: Registry) -> Install:
    """Put a package with an entry point, its module's code and its value, on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def install_package(code: str, value: str) -> None:
        name = f"lab_rows_{len(list(tmp_path.iterdir()))}"
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(IMPORTS + code, encoding="utf-8")
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[vlm_core.providers]\nrows = {name}:{value}\n", encoding="utf-8"
        )

    yield install_package
    for name in [name for name in sys.modules if name.startswith("lab_rows_")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(f"row = {ROW}", "row", id="a row"),
        pytest.param(f"rows = [{ROW}, ModelProfile(prefix='lab-vlm', family='lab')]", "rows", id="several"),
        pytest.param(f"def rows():\n    yield {ROW}", "rows", id="a function"),
    ],
)
def test_an_entry_point_gives_rows(install: Install, code: str, value: str) -> None:
    install(code, value)
    assert resolve("lab:m").base_url == "https://lab.example/v1"


def test_a_model_of_an_entry_point_is_known(install: Install) -> None:
    install("row = ModelProfile(prefix='lab-vlm', context_tokens=7)", "row")
    assert resolve("novita:lab-vlm-2").profile.context_tokens == 7


@pytest.mark.parametrize(
    ("code", "value", "said"),
    [
        pytest.param("raise RuntimeError('broken')", "row", "RuntimeError: broken", id="it fails on import"),
        pytest.param("", "missing", "missing", id="it has no such name"),
        pytest.param("row = 'text'", "row", "str, neither a Provider", id="it is not a row"),
        pytest.param("rows = {'a': 1}", "rows", "str, neither a Provider", id="it holds no rows"),
        pytest.param("row = Provider(name='A B')", "row", "ValidationError", id="its row is wrong"),
    ],
)
def test_a_broken_entry_point_is_a_warning_and_the_others_stay(
    install: Install, code: str, value: str, said: str
) -> None:
    install(code, value)
    install(f"row = {ROW}", "row")
    with pytest.warns(RuntimeWarning, match=rf"(?s)lab.rows.0.*{said}"):
        assert resolve("lab:m").provider.name == "lab"
    assert resolve("novita:m").provider.name == "novita"


def test_entry_points_are_loaded_once_even_by_many_threads(install: Install) -> None:
    code = (
        "import sys\nsys.lab_loads = getattr(sys, 'lab_loads', 0) + 1\n"
        f"def rows():\n    sys.lab_loads += 10\n    return {ROW}"
    )
    install(code, "rows")
    try:
        with ThreadPoolExecutor(8) as pool:
            names = set(pool.map(lambda _: resolve("lab:m").provider.name, range(32)))
        assert (names, sys.lab_loads) == ({"lab"}, 11)  # type: ignore[attr-defined]
    finally:
        del sys.lab_loads  # type: ignore[attr-defined]


def test_an_entry_point_may_look_something_up_itself(install: Install) -> None:
    install(
        "from vlm_core.catalog.registry import find_provider\n"
        "def rows():\n    return find_provider('novita').model_copy(update={'name': 'lab'})",
        "rows",
    )
    assert resolve("lab:m").base_url == "https://api.novita.ai/openai"


def test_what_is_registered_counts_before_what_is_installed(install: Install) -> None:
    register(Provider(name="lab", base_url="https://mine.example/v1"))
    install(f"row = {ROW}", "row")
    assert resolve("lab:m").base_url == "https://mine.example/v1"


def test_rows_of_models_registered_count_before_installed_ones(install: Install) -> None:
    register(ModelProfile(prefix="lab", context_tokens=1))
    install("row = ModelProfile(prefix='lab-vlm', context_tokens=2, grid=14)", "row")
    found = resolve("novita:lab-vlm").profile
    assert (found.context_tokens, found.grid) == (1, 14)
