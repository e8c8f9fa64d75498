"""What `vlm` writes stays under the folder that was named, whatever a stranger has put there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vlm_core import Journal, PageResult
from vlm_core.cli import main
from vlm_core.cli.outputs import file_names
from vlm_core.images.sources import Source

MINE = "alias ls=ls\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's folder with blank pages, beside a file of the user's."""
    folder = tmp_path / "theirs"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".bashrc").write_text(MINE)
    for name in ("invoice.png", "deep/letter.png"):
        Image.new("L", (40, 30), 255).save(folder / name)
    return folder


def mine(folder: Path) -> Path:
    return folder.parent / "home" / ".bashrc"


def read(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["read", *map(str, arguments)])
    assert ended.value.code == 0


LINKED: dict[str, Callable[[Path, Path], None]] = {
    "a link": lambda place, target: place.symlink_to(target),
    "a relative link": lambda place, target: place.symlink_to(Path("..", "home", target.name)),
    "a link to nothing": lambda place, target: place.symlink_to(target.with_name("new")),
    "a link to itself": lambda place, _: place.symlink_to(place.name),
    "a link through another folder": lambda place, target: place.symlink_to(
        place.parent / "deep" / ".." / ".." / "home" / target.name
    ),
    "a hard link": lambda place, target: os.link(target, place),
}


@pytest.mark.parametrize("plant", LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("name", ["invoice.txt", "invoice.txt.partial"])
def test_a_link_in_the_folder_is_replaced_itself(
    folder: Path, plant: Callable[[Path, Path], None], name: str
) -> None:
    plant(folder / name, mine(folder))
    read(folder / "invoice.png", "-o", f"{folder}/", "--format", "text")
    assert mine(folder).read_text() == MINE
    assert sorted(path.name for path in mine(folder).parent.iterdir()) == [".bashrc"]
    assert stat.S_ISREG((folder / "invoice.txt").lstat().st_mode)


@pytest.mark.parametrize("plant", LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("suffix", ["md", "json", "jsonl"])
def test_a_link_that_is_named_is_replaced_itself(
    folder: Path, plant: Callable[[Path, Path], None], suffix: str
) -> None:
    output = folder / f"all.{suffix}"
    plant(output, mine(folder))
    read(folder / "invoice.png", "-o", output)
    assert mine(folder).read_text() == MINE
    assert sorted(path.name for path in mine(folder).parent.iterdir()) == [".bashrc"]
    assert stat.S_ISREG(output.lstat().st_mode)


@pytest.mark.parametrize("plant", LINKED.values(), ids=LINKED)
def test_an_export_of_a_journal_replaces_a_link(folder: Path, plant: Callable[[Path, Path], None]) -> None:
    path = folder.parent / "pages.journal"
    with Journal(path) as journal:
        journal.put("k", PageResult(text="TOTAL 9.00"))
    plant(folder / "pages.jsonl", mine(folder))
    with pytest.raises(SystemExit):
        main(["journal", "export", str(path), str(folder / "pages.jsonl")])
    assert mine(folder).read_text() == MINE
    assert stat.S_IMODE((folder / "pages.jsonl").lstat().st_mode) == 0o600


def test_nothing_is_written_through_a_folder_that_is_a_link(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "deep").symlink_to(mine(folder).parent)
    with pytest.raises(SystemExit) as ended:
        main(["read", str(folder), "-o", str(output)])
    assert ended.value.code == 2
    assert "out/deep is a link" in capsys.readouterr().err
    assert [path.name for path in mine(folder).parent.iterdir()] == [".bashrc"]


def test_a_folder_swapped_for_a_link_meanwhile_is_not_followed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    real_mkdir = os.mkdir

    def made_and_swapped(path: object, *arguments: object, **more: object) -> None:
        if path == "deep":
            (tmp_path / "out" / "deep").symlink_to(mine(folder).parent)
        real_mkdir(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "mkdir", made_and_swapped)
    monkeypatch.setattr(os, "supports_dir_fd", {*os.supports_dir_fd, made_and_swapped})
    with pytest.raises(SystemExit) as ended:
        main(["read", str(folder), "-o", str(tmp_path / "out")])
    assert ended.value.code == 1
    assert [path.name for path in mine(folder).parent.iterdir()] == [".bashrc"]


def test_the_name_of_a_temporary_file_cannot_be_guessed(folder: Path) -> None:
    os.mkfifo(folder / "invoice.md.partial")  # so that another name is needed
    (folder / f".vlm-{os.getpid()}.tmp").symlink_to(mine(folder))
    read(folder / "invoice.png", "-o", f"{folder}/")
    assert mine(folder).read_text() == MINE
    assert (folder / "invoice.md").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_file_of_another_user_is_not_written_into(folder: Path) -> None:
    theirs = folder / "invoice.md.partial"
    theirs.touch()
    os.chown(theirs, 65534, -1)
    with theirs.open() as held:
        read(folder / "invoice.png", "-o", f"{folder}/")
        assert held.read() == ""
    assert (folder / "invoice.md").stat().st_uid == os.geteuid()


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
@pytest.mark.parametrize("suffix", ["md", "jsonl"])
def test_an_output_has_the_mode_of_its_users_umask(
    folder: Path, tmp_path: Path, umask: int, mode: int, suffix: str
) -> None:
    before = os.umask(umask)
    try:
        read(folder / "invoice.png", "-o", tmp_path / f"new.{suffix}")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / f"new.{suffix}").stat().st_mode) == mode


def test_an_output_may_be_read_by_no_more_people_than_the_older_one(folder: Path, tmp_path: Path) -> None:
    older = tmp_path / "private.md"
    older.touch(0o600)
    read(folder / "invoice.png", "-o", older)
    assert stat.S_IMODE(older.stat().st_mode) == 0o600


def test_what_cannot_be_replaced_is_written_to(folder: Path) -> None:
    command = [sys.executable, "-m", "vlm_core.cli", "read", str(folder / "invoice.png"), "-o", "/dev/stdout"]
    ended = subprocess.run(command, capture_output=True, check=True, text=True)
    assert "page 1 of 1: blank" in ended.stdout
    assert Path("/dev/stdout").is_symlink()


# --- names ---------------------------------------------------------------------------------------

NAMES = {
    "CON.png": "_CON.md",
    "nul.tar.png": "_nul.tar.md",
    "12:30?.png": "12_30_.md",
    'a<b>"c|d*.png': "a_b__c_d_.md",
    "back\\slash.png": "back_slash.md",
    "line\nend\x1b[31m.png": "line_end_[31m.md",
    "bad\udcff.png": "bad_.md",
    "Größe 文字.png": "Größe 文字.md",
    "console.png": "console.md",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_names_are_such_that_every_file_system_takes_them(name: str, expected: str) -> None:
    (path,) = file_names([Source(name, bytes, Path(name))], [], ".md")
    assert str(path) == expected


LONG = ["a" * 300, "é" * 150, "文" * 100, "x" * 240 + ".png", "b" * 205]


@pytest.mark.parametrize("name", LONG)
def test_a_long_name_is_cut_with_a_digest(name: str) -> None:
    first, second = file_names([Source(n, bytes, Path(n)) for n in (name, f"{name}2")], [], ".jsonl")
    assert len(f"{first}-2.partial".encode()) <= 255
    assert first != second
    assert str(first)[:60] == name[:60]


def test_names_that_are_the_same_to_some_file_system_are_numbered() -> None:
    names = ["Ab.png", "aB.png", "a:b.png", "a?b.png", "é.png", "e\u0301.png"]
    found = file_names([Source(n, bytes, Path(str(at), n)) for at, n in enumerate(names)], [], ".md")
    assert len({str(path).casefold() for path in found}) == len(names)
    flat = file_names([Source(n, bytes, Path(n)) for n in ("a:b.png", "a?b.png")], [], ".md")
    assert list(map(str, flat)) == ["a_b.md", "a_b-2.md"]


def test_a_document_with_a_long_name_spoils_no_other(folder: Path, tmp_path: Path) -> None:
    Image.new("L", (40, 30), 255).save(folder / f"{'n' * 250}.png")
    read(folder, "-o", tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.md"))) == 3
