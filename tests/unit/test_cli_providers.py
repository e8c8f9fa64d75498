"""`vlm providers`: what it lists, and that it shows no key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.catalog.provider_rows import PROVIDERS
from vlm_core.cli import main
from vlm_core.cli.providers import limits_in_words

SECRET = "sk-a1b2c3d4e5"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS:
        for variable in provider.api_key_env:
            monkeypatch.delenv(variable, raising=False)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command writes to standard output, or to standard error where it fails."""
    with pytest.raises(SystemExit) as ended:
        main(["providers", *arguments])
    written = capsys.readouterr()
    assert ended.value.code == code, written.err
    return written.err if code else written.out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--json"))


def test_every_provider_has_a_line_with_limits_and_the_day_of_its_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = {line.split()[0]: line for line in run(capsys).splitlines()[1:]}
    assert {row.name for row in PROVIDERS} <= set(lines)
    for row in PROVIDERS:
        assert limits_in_words(row.limits) in lines[row.name]
        assert lines[row.name].endswith(f"{row.checked}")


@pytest.mark.parametrize(
    ("name", "environ", "said"),
    [
        pytest.param("deepinfra", {}, "not set: DEEPINFRA_TOKEN", id="no key"),
        pytest.param("deepinfra", {"DEEPINFRA_API_KEY": SECRET}, "in DEEPINFRA_API_KEY", id="a key"),
        pytest.param("novita", {"NOVITA_API_KEY": "YOUR_KEY"}, "holds is a placeholder", id="none"),
        pytest.param("ollama", {}, "not needed", id="on this machine"),
    ],
)
def test_it_says_where_the_key_is_and_never_the_key(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    environ: dict[str, str],
    said: str,
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    for written in (run(capsys), run(capsys, name)):
        assert said in written
    assert SECRET not in run(capsys) + run(capsys, name) + run(capsys, name, "--json")


def test_one_provider_is_told_with_its_models(capsys: pytest.CaptureFixture[str]) -> None:
    written = run(capsys, "Novita")
    assert "https://api.novita.ai/openai" in written
    lines = {line.split()[0]: line for line in written.splitlines() if line}
    assert "OCR" in lines["deepseek/deepseek-ocr"]
    assert "OCR" not in lines["qwen/qwen2.5-vl-72b-instruct"]
    for part in ("32,768", "$0.8 in, $0.8 out", "2026-10-21"):
        assert part in lines["qwen/qwen2.5-vl-72b-instruct"]


@pytest.mark.parametrize(("name", "said"), [("hyperbolic", "announced, no date"), ("together", "2026-01-05")])
def test_a_model_that_ends_is_marked(capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
    line = next(line for line in run(capsys, name).splitlines() if "Qwen2.5-VL-72B" in line)
    assert line.endswith(said)


def test_a_provider_without_known_models_takes_any(capsys: pytest.CaptureFixture[str]) -> None:
    assert "any id may be used" in run(capsys, "vllm")


def test_an_unknown_name_is_a_wrong_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean novita?" in run(capsys, "novit", code=2)


def test_json_of_all_has_every_row_and_how_its_key_stands(capsys: pytest.CaptureFixture[str]) -> None:
    found = {row["name"]: row for row in rows(capsys)}
    assert {row.name for row in PROVIDERS} <= set(found)
    assert found["novita"]["limits"]["target_base64_bytes"] == 1_000_000
    assert found["novita"]["key"] == {"variable": None, "required": True, "problem": None}
    assert found["novita"]["checked"] == "2026-11-21"
    assert found["deepinfra"]["limits"]["formats"] == ["jpeg", "png", "webp"]


def test_json_of_one_has_its_models(capsys: pytest.CaptureFixture[str]) -> None:
    models = {model["model"]: model for model in rows(capsys, "novita")["models"]}
    assert models["paddlepaddle/paddleocr-vl"]["ocr_dialect"] == "paddleocr-vl"
    assert models["paddlepaddle/paddleocr-vl"]["price"]["input_usd"] == 0.02
    assert models["paddlepaddle/paddleocr-vl"]["price"]["checked"] == "2026-10-21"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("nope", "`vlm providers` lists all that are known."), ("novitta", "Did you mean novita?")],
)
def test_a_name_that_is_not_known_is_told(capsys: pytest.CaptureFixture[str], name: str, hint: str) -> None:
    assert run(capsys, name, code=2) == f"vlm: no provider is called {name!r}. {hint}\n"


def test_every_variable_that_is_looked_at_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {line.split()[0]: line for line in run(capsys).splitlines()[1:]}
    unlisted = [name for row in PROVIDERS for name in row.api_key_env if name not in lines[row.name]]
    assert unlisted == []
