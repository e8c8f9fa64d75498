"""`vlm`: what it writes, where, what it says meanwhile, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pypdf
import pytest
import typer
from PIL import Image, ImageDraw, ImageFont

from vlm_core.cli import main
from vlm_core.cli.file_names import file_names
from vlm_core.cli.formats import by_document, render
from vlm_core.cli.outputs import destination
from vlm_core.cli.page_range import LAST, page_numbers
from vlm_core.cli.report import Report, printable
from vlm_core.errors import ConfigError
from vlm_core.images.sources import Source, expand
from vlm_core.types import PageResult

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "vlm_core.cli")


def pdf(*texts: str) -> bytes:
    """A PDF that brings its own text, a page for each, so that no page needs OCR."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(texts)))
    parts = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(texts)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, text in enumerate(texts):
        content = f"BT /F 12 Tf 20 50 Td ({text}) Tj ET"
        place = "/MediaBox[0 0 300 100]/Resources<</Font<</F 3 0 R>>>>"
        parts.append(f"<</Type/Page/Parent 2 0 R/Contents {5 + 2 * number} 0 R{place}>>")
        parts.append(f"<</Length {len(content)}>>stream\n{content}\nendstream")
    body, starts = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        starts.append(len(body))
        body += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    size = len(parts) + 1
    end = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


def encrypted(document: bytes, password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=BytesIO(document))
    writer.encrypt(password, algorithm="RC4-128")
    file = BytesIO()
    writer.write(file)
    return file.getvalue()


class Ended(NamedTuple):
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def vlm(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `vlm` in this process."""

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, where there are two documents: a.pdf of two pages and b.pdf of one."""
    (tmp_path / "a.pdf").write_bytes(pdf("one", "two"))
    (tmp_path / "b.pdf").write_bytes(pdf("three"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scans(folder: Path) -> Path:
    """A folder with a document, one below it, and a file that is none."""
    (folder / "scans" / "sub").mkdir(parents=True)
    (folder / "scans" / "x.pdf").write_bytes(pdf("four"))
    (folder / "scans" / "sub" / "x.pdf").write_bytes(pdf("five"))
    (folder / "scans" / "notes.txt").write_text("no scan")
    return folder / "scans"


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# --- as a program --------------------------------------------------------------------------------


def test_a_picture_on_standard_input_is_read_to_standard_output() -> None:
    picture = Image.new("L", (400, 100), 255)
    ImageDraw.Draw(picture).text((30, 30), "TOTAL 9.00", 0, ImageFont.load_default(32))
    png = BytesIO()
    picture.save(png, "PNG")
    command = [*COMMAND, "read", "-", "--format", "text"]
    ended = subprocess.run(command, input=png.getvalue(), capture_output=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"TOTAL 9.00\n", b"")


def test_the_end_of_whoever_reads_is_no_failure(folder: Path) -> None:
    (folder / "long.pdf").write_bytes(pdf(*["page"] * 300))
    with subprocess.Popen(
        [*COMMAND, "read", "long.pdf", "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def test_what_was_read_is_kept_when_it_is_interrupted(folder: Path) -> None:
    (folder / "long.pdf").write_bytes(pdf(*["page"] * 40))
    command = [*COMMAND, "read", "long.pdf", "-", "--format", "jsonl"]  # standard input never ends
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert json.loads(running.stdout.readline())["text"] == "page"
        running.send_signal(signal.SIGINT)
        assert running.stderr.read() == b"vlm: interrupted; what was read is kept\n"
    assert running.returncode == 130


def test_json_is_complete_where_reading_was_interrupted() -> None:
    def pages() -> Generator[PageResult, None, None]:
        yield PageResult(text="one", source="a", total_pages=2)
        raise KeyboardInterrupt

    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    report = Report()
    try:
        written = "".join(render("json", report.until_interrupted(pages()), many=True))
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
    assert [len(document["pages"]) for document in json.loads(written)] == [1]
    assert report.exit_code == 130


def pages_in_all() -> Generator[PageResult, None, None]:
    for number in range(1, 4):
        yield PageResult(page_number=number, source="a", total_pages=3)


def test_a_signal_never_cuts_short_the_writing_of_a_page() -> None:
    report, written = Report(), []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for page in report.until_interrupted(pages_in_all()):
            signal.raise_signal(signal.SIGINT)
            written.append(page.page_number)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert (written, report.exit_code) == ([1], 130)


def test_signals_are_as_they_were_once_all_is_read() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert len(list(Report().until_interrupted(pages_in_all()))) == 3
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in Report().until_interrupted(pages_in_all()):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def test_without_typer_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['typer'] = None; from vlm_core.cli import main; main(['read', 'a.pdf'])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "pip install 'vlm-adapters[cli]'" in ended.stderr


def test_the_version_is_told(vlm: Run) -> None:
    assert vlm("--version").out.startswith("vlm-adapters ")


def test_help_shows_examples_and_no_colour_where_there_is_no_terminal(vlm: Run) -> None:
    ended = vlm("read", "--help")
    assert "vlm read scans/ -o texts/" in ended.out
    assert "\x1b" not in ended.out


def test_every_option_is_in_the_reference() -> None:
    from vlm_core.cli.app import app

    command: Any = typer.main.get_command(app)
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    parameters = [*command.params, *(param for sub in command.commands.values() for param in sub.params)]
    options = {option for parameter in parameters for option in parameter.opts if option.startswith("-")}
    assert {option for option in options if not re.search(rf"[` ]{option}[` ]", reference)} == set()


# --- formats -------------------------------------------------------------------------------------


def test_markdown_is_the_default(vlm: Run) -> None:
    assert vlm("read", "a.pdf") == (0, "<!-- page 1 of 2 -->\n\none\n\n<!-- page 2 of 2 -->\n\ntwo\n", "")


def test_text_is_the_text_alone(vlm: Run) -> None:
    assert vlm("read", "a.pdf", "--format", "text").out == "one\n\ntwo\n"


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"], ["-f", "json"]], ids=" ".join)
def test_json_of_one_document_is_that_document(vlm: Run, option: list[str]) -> None:
    document = json.loads(vlm("read", "a.pdf", *option).out)
    assert document["source"] == "a.pdf"
    assert [page["text"] for page in document["pages"]] == ["one", "two"]


def test_json_of_several_documents_is_a_list(vlm: Run) -> None:
    documents = json.loads(vlm("read", "a.pdf", "b.pdf", "--json").out)
    assert [document["source"] for document in documents] == ["a.pdf", "b.pdf"]


def test_json_of_a_folder_is_a_list_even_of_one(vlm: Run, scans: Path) -> None:
    assert len(json.loads(vlm("read", "scans/sub", "--json").out)) == 1


def test_a_json_line_is_a_page(vlm: Run) -> None:
    lines = vlm("read", "a.pdf", "b.pdf", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["one", "two", "three"]


def test_several_documents_on_standard_output_are_headed_by_their_names(vlm: Run) -> None:
    ended = vlm("read", "a.pdf", "b.pdf", "-f", "text")
    assert ended.out == "==> a.pdf <==\n\none\n\ntwo\n\n==> b.pdf <==\n\nthree\n"


def test_a_name_cannot_end_the_comment_it_stands_in() -> None:
    pages = [PageResult(text="one", source="a --> b.png")]
    assert "".join(render("markdown", pages, many=True)).startswith("<!-- a --&gt; b.png -->\n")


def test_a_file_named_in_no_unicode_is_valid_json(vlm: Run, folder: Path) -> None:
    Path(os.fsdecode(b"\xff.pdf")).write_bytes(pdf("six"))
    assert json.loads(vlm("read", os.fsdecode(b"\xff.pdf"), "--json").out)["source"] == "\udcff.pdf"


def test_a_document_given_twice_is_two() -> None:
    pages = [PageResult(source="a", page_number=number, total_pages=2) for number in (1, 2, 1, 2)]
    assert [len(list(document)) for document in by_document(pages)] == [2, 2]


def test_a_document_that_could_not_be_opened_is_one_of_its_own() -> None:
    pages = [PageResult(source="a", page_number=1), PageResult(source="a", page_number=2, total_pages=2)]
    assert [len(list(document)) for document in by_document(pages)] == [1, 1]


# --- where it is written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"),
    [("o.md", "<!--"), ("o.txt", "one"), ("o.json", "{\n"), ("o.jsonl", '{"'), ("o", "<!--")],
)
def test_a_file_gets_all_in_the_format_of_its_suffix(vlm: Run, name: str, start: str) -> None:
    assert vlm("read", "a.pdf", "-o", name) == (0, "", "")
    assert Path(name).read_text().startswith(start)


def test_a_folder_gets_a_file_a_document(vlm: Run, folder: Path) -> None:
    vlm("read", "a.pdf", "b.pdf", "-o", "out", "--format", "text")
    assert files(folder / "out") == ["a.txt", "b.txt"]
    assert (folder / "out" / "b.txt").read_text() == "three\n"


def test_documents_keep_their_places_below_the_folder_that_was_read(vlm: Run, scans: Path) -> None:
    vlm("read", "scans", "-o", "out")
    assert files(scans.parent / "out") == ["sub/x.md", "x.md"]


def test_one_document_goes_into_a_folder_that_is_there(vlm: Run, folder: Path) -> None:
    (folder / "out").mkdir()
    vlm("read", "a.pdf", "-o", "out")
    assert files(folder / "out") == ["a.md"]


def test_a_slash_makes_it_a_folder(vlm: Run, folder: Path) -> None:
    vlm("read", "a.pdf", "-o", "out/")
    assert files(folder / "out") == ["a.md"]


def test_an_older_file_is_replaced_whole_and_nothing_else_is_left(vlm: Run, folder: Path) -> None:
    (folder / "a.md").write_text("an older and much longer reading" * 99)
    vlm("read", "a.pdf", "-o", "a.md")
    assert (folder / "a.md").read_text().endswith("two\n")
    assert files(folder) == ["a.md", "a.pdf", "b.pdf"]


def test_what_is_no_regular_file_is_written_to_and_not_replaced(vlm: Run) -> None:
    assert vlm("read", "a.pdf", "-o", os.devnull).code == 0
    assert not Path(os.devnull).is_file()


def test_a_document_is_never_written_over(vlm: Run, folder: Path) -> None:
    ended = vlm("read", "a.pdf", "-o", "a.pdf", "-f", "text")
    assert (ended.code, ended.out) == (2, "")
    assert "would be overwritten" in ended.err
    assert (folder / "a.pdf").read_bytes() == pdf("one", "two")


def test_an_output_that_cannot_be_written_is_told(vlm: Run) -> None:
    assert vlm("read", "a.pdf", "-o", "b.pdf/out.md") == (
        1,
        "",
        "vlm: b.pdf cannot be written: File exists\n",
    )


def names(*paths: str) -> list[str]:
    documents = [Source(path, bytes, Path(path)) for path in paths]
    return [name.as_posix() for name in file_names(documents, [], ".md")]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/x.png", "b/x.png"], ["a/x.md", "b/x.md"]),
        (["x.png", "x.jpg"], ["x.png.md", "x.jpg.md"]),
        (["x.png", "X.jpg"], ["x.png.md", "X.jpg.md"]),
        (["x.png", "x.png"], ["x.png.md", "x.png-2.md"]),
        (["x.png", "x.jpg", "x.png.gif"], ["x.png.md", "x.jpg.md", "x.png-2.md"]),
        (["scan of 1.2", "scan of 1.3"], ["scan of 1.2.md", "scan of 1.3.md"]),
        (["../a/x.png", "y.png"], ["a/x.md", "{here}/y.md"]),
    ],
    ids=["folders", "suffixes", "case", "twice", "made-up", "no-suffix", "above"],
)
def test_no_two_files_are_the_same(folder: Path, paths: list[str], expected: list[str]) -> None:
    assert names(*paths) == [name.format(here=folder.name) for name in expected]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://example.com/scans/1.png?key=secret", "1.md"),
        ("https://example.com/", "document.md"),
        ("https://example.com/..", "document.md"),
        ("data:image/png;base64,AAAA", "data.md"),
    ],
)
def test_what_is_no_file_has_a_name_of_its_own(source: str, expected: str) -> None:
    assert [path.as_posix() for path in file_names(list(expand(source)), [], ".md")] == [expected]


# --- what it says, and exit codes ----------------------------------------------------------------


def test_nothing_read_is_a_failure_with_its_reason(vlm: Run) -> None:
    ended = vlm("read", "missing.png")
    assert ended.code == 1
    assert ended.err.startswith("vlm: missing.png does not exist. ")
    assert ended.err.count("\n") == 1


def test_something_read_is_less_of_a_failure(vlm: Run) -> None:
    ended = vlm("read", "missing.png", "a.pdf", "-f", "text")
    assert ended.code == 3
    assert "one\n\ntwo\n" in ended.out


def test_a_failed_page_is_named(vlm: Run, folder: Path) -> None:
    damaged = pdf("one", "two", "three").replace(b"6 0 obj", b"x 0 obj", 1)
    (folder / "damaged.pdf").write_bytes(damaged)
    ended = vlm("read", "damaged.pdf", "-f", "text")
    assert (ended.code, ended.out) == (3, "one\n\nthree\n")
    assert "damaged.pdf" in ended.err
    assert "page 2" in ended.err


def test_files_that_are_passed_over_are_told(vlm: Run, scans: Path) -> None:
    ended = vlm("read", "scans")
    assert (ended.code, ended.err) == (0, "vlm: skipped scans/notes.txt: .txt is no suffix that is read\n")


def test_warnings_are_told(vlm: Run) -> None:
    ended = vlm("read", "a.pdf", "--max-pages", "1")
    assert ended.err == "vlm: a.pdf, page 1: 1 more pages were not read (--max-pages 1)\n"


def test_quiet_leaves_failures(vlm: Run, scans: Path) -> None:
    ended = vlm("read", "scans", "a.pdf", "missing.png", "--max-pages", "1", "--quiet")
    assert ended.err.count("\n") == 1
    assert "missing.png" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "oracle"], "oracle"),
        (["--task", "poem"], "poem"),
        (["--format", "poem"], "poem"),
        (["--pages", "3-1"], "3-1"),
        (["--max-pages", "0"], "--max-pages"),
        (["--nonsense"], "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_option_is_told(vlm: Run, arguments: list[str], message: str) -> None:
    ended = vlm("read", "a.pdf", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_strangers_file_name_cannot_command_the_terminal(vlm: Run) -> None:
    ended = vlm("read", "a\x1b[31m\nb.png")
    assert ended.err.startswith("vlm: a\\x1b[31m\\nb.png")
    assert ended.err.count("\n") == 1


def test_words_of_any_language_are_printable() -> None:
    assert printable("Grüße 東京\n", kept="\n") == "Grüße 東京\n"


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "numbers"),
    [("2", {2}), ("1-3", {1, 2, 3}), ("1,3-4", {1, 3, 4}), ("2-2, 1", {1, 2}), (" 7 ", {7})],
)
def test_pages_are_numbers_and_ranges(written: str, numbers: set[int]) -> None:
    assert page_numbers(written) == numbers


def test_an_open_range_goes_to_the_end() -> None:
    assert page_numbers("5-") == set(range(5, LAST + 1))


@pytest.mark.parametrize("written", ["", "0", "-3", "3-1", "a", "1,,2", "1-2-3", "1.5", "9" * 30, "²"])
def test_other_pages_are_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="1-3,7"):
        page_numbers(written)


def test_only_the_pages_asked_for_are_read(vlm: Run) -> None:
    assert vlm("read", "a.pdf", "--pages", "2-", "-f", "text").out == "two\n"


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_password_opens_a_pdf(vlm: Run, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    Path("secret.pdf").write_bytes(encrypted(pdf("hidden"), "sesame"))
    if way == "variable":
        monkeypatch.setenv("VLM_PASSWORD", "sesame")
    option = ["--password", "sesame"] if way == "option" else []
    assert vlm("read", "secret.pdf", "-f", "text", *option) == (0, "hidden\n", "")


def test_without_its_password_a_pdf_is_not_read(vlm: Run) -> None:
    Path("secret.pdf").write_bytes(encrypted(pdf("hidden"), "sesame"))
    ended = vlm("read", "secret.pdf")
    assert ended.code == 1
    assert "VLM_PASSWORD or --password" in ended.err


def test_an_address_on_this_machine_is_refused(vlm: Run) -> None:
    ended = vlm("read", "http://127.0.0.1:9/a.png")
    assert ended.code == 1
    assert "give --allow-private-urls" in ended.err


def test_a_file_that_was_not_finished_leaves_the_older_one_alone(tmp_path: Path) -> None:
    old = tmp_path / "old.md"
    old.write_text("complete")
    write = destination(str(old), "markdown", ["a.png"], [Source.from_bytes(b"")], lambda: False)
    write([PageResult(text="half of it", source="a.png", total_pages=2)])
    assert old.read_text() == "complete"
    assert "half of it" in (tmp_path / "old.md.partial").read_text()


def test_many_files_that_are_passed_over_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    for number in range(5):
        report.skipped(f"{number}.csv", "no")
    report.skipped("README", "no")
    report.tell_skipped()
    assert capsys.readouterr().err == (
        "vlm: skipped 6 files that are no documents: 5 .csv, 1 without a suffix\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["-o", "pages.xlsx"], "no format has the suffix .xlsx", id="suffix"),
        pytest.param(["--json", "-f", "text"], "--json contradicts --format text", id="two-formats"),
    ],
)
def test_a_format_that_cannot_be_meant_is_refused(vlm: Run, options: list[str], message: str) -> None:
    ended = vlm("read", "a.pdf", *options)
    assert (ended.code, message in ended.err) == (2, True)
