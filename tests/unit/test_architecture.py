"""The house: which room may import which, and which file owns which library."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("vlm_core", "langchain_vlm", "llamaindex_vlm")

# A room imports itself and the rooms of the lines above its own, never those beside or below it.
FLOORS = (
    {"errors", "secret", "warning"},
    {"types"},
    {"lazy", "completion", "empty_pages", "free_memory", "lru_cache", "option_names", "threads"},
    {"catalog"},
    {"reading_order"},
    {"images", "wire", "structure"},
    {"flow"},
    {"client_settings"},
    {"client"},
    {"ocr"},
    {"evidence"},
    {"jobs"},
    {"documents", "assistant", "adapter_models", "export"},
    {"integration"},
    {"mcp_server"},
    {"cli", "testing", "langchain_vlm", "llamaindex_vlm"},
)
# The values of a page show themselves as text, rows and blocks: inside functions, when they are asked to.
WHEN_ASKED = {("types", "structure"), ("types", "export")}
OWNERS = {
    "PIL": "vlm_core/images/",
    "pillow_heif": "vlm_core/images/",
    "pypdfium2": "vlm_core/images/pdf",
    "openai": "vlm_core/wire/transport.py",
    "httpx": "vlm_core/wire/transport.py",
    "httpx2": "vlm_core/wire/transport.py",
    "rapidocr": "vlm_core/ocr/",
    "onnxruntime": "vlm_core/ocr/",
    "tesserocr": "vlm_core/ocr/",
    "cv2": "vlm_core/ocr/",
    "langchain_core": "langchain_vlm/",
    "llama_index": "llamaindex_vlm/",
    "markdown_it": "vlm_core/structure/",
    "lxml": "vlm_core/structure/",
    "mcp": "vlm_core/mcp_server/",
    "anyio": "vlm_core/mcp_server/",
    "typer": "vlm_core/cli/",
    "rich": "vlm_core/cli/",
}
PUBLIC = ("vlm_core", "vlm_core.integration")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Modules, and names in modules: which of the two a name is, only a list of the files can tell."""
    return frozenset(_imported_modules(path))


def _imported_modules(path: Path) -> Iterator[str]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: -node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def circle_in(graph: Mapping[str, Set[str]]) -> list[str]:
    """The files of a circle of imports, the first one again at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str | None:
    first, *rest = module.split(".")
    if first in PACKAGES[1:]:
        return first
    return rest[0] if first == "vlm_core" and rest and rest[0] != "__init__" else None


ROOMS = {room(module_name(path)) for path in FILES} - {None}


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def identify(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rooms_below(path: Path) -> set[str]:
    """Those that a file imports and may not."""
    own = room(module_name(path))
    if own is None:
        return set()  # vlm_core/__init__.py names everything that is public
    others = {name for name in map(room, imported_modules(path)) if name in ROOMS and name != own}
    return {other for other in others if floor(other) >= floor(own) and (own, other) not in WHEN_ASKED}


def strangers(path: Path) -> set[str]:
    """Libraries that a file imports and that belong to others."""
    libraries = {module.split(".")[0] for module in imported_modules(path)} & OWNERS.keys()
    return {library for library in libraries if not identify(path).startswith(OWNERS[library])}


def test_imports_go_only_to_rooms_above() -> None:
    assert {identify(path): below for path in FILES if (below := rooms_below(path))} == {}


def test_a_library_is_imported_only_where_it_belongs() -> None:
    assert {identify(path): found for path in FILES if (found := strangers(path))} == {}


def test_an_adapter_imports_only_what_the_core_makes_public() -> None:
    public = {f"{module}.{name}" for module in PUBLIC for name in importlib.import_module(module).__all__}
    adapters = [path for path in FILES if "vlm_core" not in identify(path)]
    assert adapters
    imported = {
        identify(path): {name for name in imported_modules(path) if name.startswith("vlm_core")}
        for path in adapters
    }
    assert {name: others for name, own in imported.items() if (others := own - public - set(PUBLIC))} == {}


def test_no_files_import_each_other() -> None:
    modules = {module_name(path): path for path in FILES if path.name != "__init__.py"}
    graph = {
        name: {
            other
            for other in modules.keys() & imported_modules(path) - {name}
            if (room(name), room(other)) not in WHEN_ASKED
        }
        for name, path in modules.items()
    }
    assert circle_in(graph) == []


def test_a_circle_of_imports_is_found() -> None:
    assert sorted(set(circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}))) == ["a", "b", "c"]


def test_every_room_is_on_a_floor() -> None:
    assert set().union(*FLOORS) >= ROOMS
