"""What `import` gives, what it must not load, and the names and signatures that are promised.

`python tests/unit/test_public_names.py` writes `public_names.txt` beside this file, and the stubs of the two
modules that load their names late. Whoever changes a public name sees it in the diff of that text.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
PROMISED = Path(__file__).with_name("public_names.txt")
PACKAGES = ("vlm_core", "langchain_vlm", "llamaindex_vlm")
STUBS = {
    "vlm_core": ROOT / "vlm_core/__init__.pyi",
    "vlm_core.integration": ROOT / "vlm_core/integration.pyi",
}
HEAVY = ("PIL", "openai", "onnxruntime", "pypdfium2", "rapidocr", "cv2")
IMPORTS = (
    ("pydantic", "from vlm_core import DocumentReader, PageResult, read"),
    ("pydantic", "from vlm_core.integration import passages, check_names"),
    ("langchain_core.document_loaders", "from langchain_vlm import VLMLoader"),
    ("llama_index.core.readers.base", "from llamaindex_vlm import VLMReader"),
)


@pytest.mark.parametrize("package", [*PACKAGES, "vlm_core.integration"])
def test_every_public_name_can_be_imported(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


@pytest.mark.parametrize("package", [*PACKAGES, "vlm_core.integration"])
def test_public_names_are_shown_by_dir(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))


def test_names_that_moved_to_integration_are_still_where_they_were() -> None:
    import vlm_core
    import vlm_core.integration

    moved = vlm_core._HOMES["integration"]
    assert [
        name for name in moved if getattr(vlm_core, name) is not getattr(vlm_core.integration, name)
    ] == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    import vlm_core

    with pytest.raises(AttributeError, match="DocumentReaderr"):
        vlm_core.DocumentReaderr  # noqa: B018


@pytest.mark.parametrize(("framework", "statement"), IMPORTS, ids=[statement for _, statement in IMPORTS])
def test_an_import_loads_nothing_heavy_that_its_framework_has_not(framework: str, statement: str) -> None:
    program = (
        f"import sys, {framework}\nbefore = set(sys.modules)\n{statement}\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_reader_needs_no_list_of_the_installed_packages() -> None:
    program = "import sys, vlm_core; vlm_core.DocumentReader; print('importlib.metadata' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_and_signatures_are_those_that_were_promised(package: str) -> None:
    promised = PROMISED.read_text(encoding="utf-8").splitlines()
    assert list(described(package)) == [line for line in promised if line.strip().startswith(f"{package}.")]


@pytest.mark.parametrize("package", STUBS)
def test_type_checkers_see_the_same_names(package: str) -> None:
    assert STUBS[package].read_text(encoding="utf-8") == stub(package)


# --- what a package promises, as lines of text ---------------------------------------------------


def described(package: str) -> Iterator[str]:
    """A line for each public name of a package, and one for each public member of a class."""
    module = importlib.import_module(package)
    for name in sorted(module.__all__):
        value = getattr(module, name)
        if not inspect.isclass(value):
            yield f"{package}.{name}{_signature(value)}"
            continue
        yield f"{package}.{name}({', '.join(_bases(value, module.__all__))})"
        for member, text in sorted(_members(value).items()):
            yield f"    {package}.{name}.{member}{text}"


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in PACKAGES


def _bases(cls: type, public: list[str]) -> list[str]:
    """Public classes of ours, and those of others. A private class may come and go: its members stay."""
    ours = [base for base in cls.__mro__ if _is_ours(base)]
    named = [base.__name__ for base in ours[1:] if base.__name__ in public]
    foreign = [base.__name__ for one in ours for base in one.__bases__ if not _is_ours(base)]
    return named + [name for name in dict.fromkeys(foreign) if name not in ("object", "Generic", "Protocol")]


def _members(cls: type) -> dict[str, str]:
    """How a class is made, and its fields, methods and properties, those that a framework brings left out."""
    found: dict[str, str] = {}
    for owner in (base for base in reversed(cls.__mro__) if _is_ours(base)):
        for name, annotation in inspect.get_annotations(owner).items():
            found[name] = f": {annotation}{_default(cls, name)}"
        for name, value in vars(owner).items():
            if name != "__init__" and (name.startswith("_") or (found.get(name) and not callable(value))):
                continue
            if text := _member(value):
                found[name] = text
    if issubclass(cls, BaseModel):
        found.pop("__init__", None)  # pydantic's: the fields say it
    return {name: text for name, text in found.items() if name == "__init__" or not name.startswith("_")}


def _member(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f" = {value.value!r}"
    if isinstance(value, property) or hasattr(value, "attrname"):  # the latter is a cached_property
        getter = value.fget if isinstance(value, property) else value.func
        return f" -> {inspect.get_annotations(getter).get('return')}"
    if isinstance(value, (classmethod, staticmethod)):
        return _signature(value.__func__)
    return _signature(value) if inspect.isfunction(value) else ""


def _signature(value: Any) -> str:
    if isinstance(value, (int, str, tuple)):
        return f" = {value!r}"
    if not inspect.isfunction(value):
        return ""
    written_in = Path(inspect.unwrap(value).__code__.co_filename)
    # An environment may stand within the repository.
    if not any(written_in.is_relative_to(ROOT / package) for package in PACKAGES):
        return "(...)"  # a framework's wrapper, which differs with its version
    signature = inspect.signature(value)
    plain = [_plain(parameter) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=_Text(signature.return_annotation)))


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    annotation, default = parameter.annotation, parameter.default
    if annotation is not parameter.empty:
        annotation = _Text(annotation)
    if not isinstance(default, (str, int, float, tuple, type, type(None))):
        default = _Text("...")  # its text may differ from run to run
    return parameter.replace(annotation=annotation, default=default)


class _Text:
    """An annotation or a default as it stands in the source, without quotation marks around it."""

    def __init__(self, value: object) -> None:
        self._text = value if isinstance(value, str) else inspect.formatannotation(value)

    def __repr__(self) -> str:
        return self._text


def _default(cls: type, name: str) -> str:
    if issubclass(cls, BaseModel):
        field = cls.model_fields.get(name)
        return "" if field is None or field.is_required() else " = ..."
    fields = cls.__dataclass_fields__ if dataclasses.is_dataclass(cls) else {}
    if name in fields:
        one = fields[name]
        has_default = one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        return " = ..." if has_default else ""
    return ""


def stub(package: str) -> str:
    """The names of a module as a type checker reads them: each imported from where it is defined."""
    module = importlib.import_module(package)
    homes = {name: home for home, names in module._HOMES.items() for name in names}
    lines = [
        f"from vlm_core.{homes[name]} import {name} as {name}"
        for name in sorted(homes, key=lambda name: (homes[name], _place_in_imports(name)))
    ]
    return "\n".join(["# Written by tests/unit/test_public_names.py.", *lines, ""])


def _place_in_imports(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then functions, as ruff sorts them."""
    return not name.isupper(), not name[0].isupper(), name.lower()


WITHOUT_EXTRAS = """
import sys
sys.modules |= dict.fromkeys(["numpy", "cv2", "rapidocr", "onnxruntime", "langchain_core", "llama_index"])
import vlm_core, vlm_core.integration
for package in (vlm_core, vlm_core.integration):
    for name in package.__all__:
        getattr(package, name)
from vlm_core.assistant.proof import proved
print(proved({"total": "1"}, {"total": "1"}, None, []).fields["total"].status)
"""


def test_every_name_is_there_without_an_extra() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_EXTRAS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("not_checked\n", "")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for package, path in STUBS.items():
        path.write_text(stub(package), encoding="utf-8")
    PROMISED.write_text(
        "\n".join(line for one in PACKAGES for line in described(one)) + "\n", encoding="utf-8"
    )
