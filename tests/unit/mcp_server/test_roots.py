"""Which folders are read for a client with roots, and for one without."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlm_core.errors import ConfigError
from vlm_core.mcp_server.roots import folders


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders in folders, a file, a link out of one; the current one is among them."""
    base = tmp_path.resolve()
    for name in ("given/deep/deeper", "other", "current", "with blank ü"):
        (base / name).mkdir(parents=True)
    (base / "given" / "file.png").write_bytes(b"")
    (base / "given" / "link").symlink_to(base / "other")
    monkeypatch.chdir(base / "current")
    return base


def names(base: Path, found: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(base).as_posix() for path in found]


@pytest.mark.parametrize(
    ("bounds", "roots", "expected"),
    [
        pytest.param(["given"], None, ["given"], id="only bounds"),
        pytest.param(["given", "other"], [], ["given", "other"], id="bounds, and no root is open"),
        pytest.param([], None, ["current"], id="neither"),
        pytest.param([], ["given"], ["given"], id="only roots"),
        pytest.param([], ["given", "other"], ["given", "other"], id="two roots"),
        pytest.param([], ["with blank ü"], ["with blank ü"], id="a name that is escaped in a URL"),
        pytest.param(["given"], ["given"], ["given"], id="the same"),
        pytest.param(["given"], ["given/deep"], ["given/deep"], id="a root in a bound"),
        pytest.param(["given/deep"], ["given"], ["given/deep"], id="a bound in a root"),
        pytest.param(["given"], ["other", "given/deep"], ["given/deep"], id="one root of two in a bound"),
        pytest.param(["given/deep", "other"], ["given", "other"], ["given/deep", "other"], id="some of each"),
        pytest.param(["given/deep", "given/deep/deeper"], ["given/deep"], ["given/deep", "given/deep/deeper"],
                     id="bounds in bounds"),
        pytest.param(["given"], ["missing", "given/file.png", "given/deep"], ["given/deep"],
                     id="roots that are not folders are passed over"),
        pytest.param(["given"], ["given/../given/deep"], ["given/deep"], id="dots"),
    ],
)  # fmt: skip
def test_the_clients_roots_narrow_what_was_given(
    base: Path, bounds: list[str], roots: list[str] | None, expected: list[str]
) -> None:
    told = None if roots is None else [(base / root).as_uri() for root in roots]
    assert names(base, folders([base / bound for bound in bounds], told)) == expected


@pytest.mark.parametrize(
    ("bounds", "root"),
    [
        pytest.param(["given"], "file://{base}/other", id="beside it"),
        pytest.param(["given"], "file://{base}/given/../other", id="dots out of it"),
        pytest.param(["given"], "file://{base}/given/link", id="a link out of it"),
        pytest.param(["given"], "file://{base}/givenother", id="a name that begins so"),
        pytest.param([], "file://{base}/missing", id="missing"),
        pytest.param([], "file://{base}/given/file.png", id="a file"),
        pytest.param([], "file://elsewhere{base}/given", id="another machine"),
        pytest.param([], "https://example.com/", id="the web"),
        pytest.param([], "{base}/given", id="no URL"),
        pytest.param([], "", id="nothing"),
    ],
)
def test_where_nothing_is_left_the_user_is_told_what_to_do(base: Path, bounds: list[str], root: str) -> None:
    with pytest.raises(ConfigError, match="none of the folders may be read") as caught:
        folders([base / bound for bound in bounds], [root.replace("{base}", str(base))])
    assert "open a folder" in caught.value.hint


def test_a_client_that_has_no_folder_open_gets_none_of_its_own(base: Path) -> None:
    with pytest.raises(ConfigError, match="none of the folders may be read"):
        folders([], [])


def test_the_whole_disk_is_read_only_if_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(ConfigError, match="not told which folder") as caught:
        folders([], None)
    assert "--root FOLDER" in caught.value.hint
    assert folders([Path("/")], None) == (Path("/"),)
