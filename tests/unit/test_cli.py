"""`vlm`: what it writes, where, what it says meanwhile, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pypdf
import pytest
import typer
from PIL import Image, ImageDraw, ImageFont

from vlm_core.cli import main
from vlm_core.cli.formats import by_document, render
from vlm_core.cli.interrupts import Interrupts
from vlm_core.cli.options import page_numbers
from vlm_core.cli.outputs import Destination, destination, file_names
from vlm_core.cli.report import Report, in_options, printable
from vlm_core.cli.tally import Tally, in_words
from vlm_core.errors import ConfigError
from vlm_core.images.sources import Source, expand
from vlm_core.jobs.ordered import NumberedPage, StoppablePages
from vlm_core.jobs.reader import DocumentReader
from vlm_core.types import PageResult, PageState

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


@pytest.mark.parametrize(("options", "told"), [((), True), (("--quiet",), False)], ids=["told", "quiet"])
def test_what_the_library_warns_of_is_said(vlm: Run, options: tuple[str, ...], told: bool) -> None:
    ended = vlm("read", "a.pdf", "--verify", *options)
    assert (ended.code, "vlm: verify checks nothing" in ended.err) == (0, told)
    assert "UserWarning" not in ended.err


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
        written = [running.stdout.readline()]
        running.send_signal(signal.SIGINT)
        told = running.stderr.read().decode().splitlines()[-1]
        written += running.stdout.readlines()
    assert {json.loads(line)["text"] for line in written} == {"page"}
    pages = "1 of 2 documents" if len(written) == 40 else f"{len(written)} of 40 pages of long.pdf"
    assert told.startswith(f"vlm: interrupted: standard output has {pages}. The next run starts over")
    assert running.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_while_nothing_can_be_read_says_that_nothing_was(folder: Path, number: int) -> None:
    os.mkfifo(folder / "pipe")
    running = subprocess.Popen([*COMMAND, "read", "pipe", "-o", "out/"], stderr=subprocess.PIPE)
    with running, (folder / "pipe").open("wb"):  # it is open once it is being read
        running.send_signal(number)
        assert running.stderr is not None
        assert "interrupted: nothing was read." in running.stderr.read().decode()
    assert (running.returncode, files(folder)) == (128 + number, ["a.pdf", "b.pdf"])


@pytest.fixture
def interrupts() -> Generator[Interrupts, None, None]:
    interrupts = Interrupts()
    with interrupts.minded():
        yield interrupts


@pytest.fixture
def job(folder: Path) -> StoppablePages:
    (folder / "long.pdf").write_bytes(pdf(*["page"] * 300))
    return DocumentReader(max_concurrency=2).stoppable_pages("long.pdf")


def test_json_is_complete_where_reading_was_interrupted(interrupts: Interrupts, job: StoppablePages) -> None:
    written = ""
    for piece in render("json", (page for _, page in interrupted(interrupts, job)), many=True):
        written += piece
    assert 1 <= len(json.loads(written)[0]["pages"]) < 300
    assert interrupts.exit_code == 130


def interrupted(interrupts: Interrupts, job: StoppablePages) -> Iterator[NumberedPage]:
    """Pages of a job, to which a signal comes while the first one is written."""
    for number, page in interrupts.pages_of(job):
        yield number, page
        if page.page_number == 1:
            signal.raise_signal(signal.SIGINT)


def test_a_signal_never_cuts_short_the_writing_of_a_page(interrupts: Interrupts, job: StoppablePages) -> None:
    written = [page.page_number for _, page in interrupted(interrupts, job)]
    assert written == sorted(written)
    assert (written[0], len(written) < 300, interrupts.exit_code) == (1, True, 130)


def test_signals_are_as_they_were_once_all_is_read(vlm: Run) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    vlm("read", "a.pdf")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts().minded():
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


def test_help_fits_eighty_columns_in_groups(vlm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = vlm("read", "--help").out
    assert max(map(len, told.splitlines())) <= 80
    assert len(told.splitlines()) <= 80
    assert [name for name in ("Output", "Model", "Pages", "Long jobs") if f"─ {name} ─" not in told] == []


@pytest.mark.parametrize("command", ["read", "plan", "ask", "providers", "doctor", "mcp"])
def test_help_shows_no_type_for_a_switch(vlm: Run, command: str) -> None:
    assert "bool" not in vlm(command, "--help").out


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


def test_a_document_given_twice_is_two(vlm: Run) -> None:
    documents = json.loads(vlm("read", "a.pdf", "a.pdf", "--json").out)
    assert [[page["text"] for page in document["pages"]] for document in documents] == [["one", "two"]] * 2


def test_a_document_that_could_not_be_opened_is_one_of_its_own(vlm: Run, folder: Path) -> None:
    (folder / "cut.pdf").write_bytes(pdf("one")[:99])
    documents = json.loads(vlm("read", "cut.pdf", "cut.pdf", "a.pdf", "--json").out)
    assert [len(document["pages"]) for document in documents] == [1, 1, 2]


def test_the_pages_of_a_document_are_told_by_its_number() -> None:
    pages = [PageResult(source="a", page_number=n, document=number) for number in (0, 1) for n in (1, 2)]
    assert [len(list(document)) for document in by_document(pages)] == [2, 2]


# --- where it is written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"),
    [("o.md", "<!--"), ("o.txt", "one"), ("o.json", "{\n"), ("o.jsonl", '{"'), ("o", "<!--")],
)
def test_a_file_gets_all_in_the_format_of_its_suffix(vlm: Run, name: str, start: str) -> None:
    assert vlm("read", "a.pdf", "-o", name) == (0, "", f"vlm: {name} has 2 pages: 2 ok\n")
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


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.json", "a.jsonl", "out/a.md"])
def test_an_older_file_stays_where_no_page_could_be_read(vlm: Run, folder: Path, name: str) -> None:
    (folder / "out").mkdir()
    (folder / name).write_text("an older reading")
    (folder / "a.pdf").write_bytes(encrypted(pdf("one"), "1234"))
    ended = vlm("read", "a.pdf", "-o", name if "/" not in name else "out/")
    assert ended.code == 1
    assert (folder / name).read_text() == "an older reading"
    assert (folder / f"{name}.partial").exists()
    place = "out/" if "/" in name else f"{name}.partial"
    assert f"vlm: {place} has 1 page: 1 failed\n" in ended.err


def test_an_older_jsonl_file_stays_until_the_new_one_is_whole(folder: Path) -> None:
    (folder / "o.jsonl").write_text("an older reading")
    writing = destination("o.jsonl", "jsonl", ["a.pdf"], list(expand("a.pdf")), Tally())

    def broken_off() -> Iterator[NumberedPage]:
        yield 0, PageResult(text="one", source="a.pdf", total_pages=2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write(broken_off())
    assert (folder / "o.jsonl").read_text() == "an older reading"
    assert json.loads((folder / "o.jsonl.partial").read_text())["text"] == "one"


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
    assert (ended.code, ended.err.splitlines()) == (
        0,
        [
            "vlm: skipped scans/notes.txt: .txt is not a suffix that is read",
            "vlm: standard output has 2 pages of 2 documents: 2 ok",
        ],
    )


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
    assert printable("Grüße 東京\n", allowed="\n") == "Grüße 東京\n"


# --- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "numbers"),
    [("2", {2}), ("1-3", {1, 2, 3}), ("1,3-4", {1, 3, 4}), ("2-2, 1", {1, 2}), (" 7 ", {7})],
)
def test_pages_are_numbers_and_ranges(written: str, numbers: set[int]) -> None:
    assert set(page_numbers(written).numbers()) == numbers


def test_an_open_range_has_no_last_page() -> None:
    pages = page_numbers("2,5-")
    assert [number for number in range(1, 8) if number in pages] == [2, 5, 6, 7]
    assert 10**12 in pages


def test_a_reversed_range_is_told() -> None:
    with pytest.raises(ConfigError, match=r"3-1 is reversed\. Write 1-3"):
        page_numbers("7,3-1")


@pytest.mark.parametrize("written", ["", "0", "-3", "a", "1,,2", "1-2-3", "1.5", "9" * 30, "²"])
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


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param(
            "Raise max_tokens=...; see .partial", "Raise --max-tokens; see .partial", id="an-option"
        ),
        pytest.param("3 more (max_pages=2)", "3 more (--max-pages 2)", id="with-a-value"),
        pytest.param("Raise budget_usd=...", "Raise --budget", id="called-otherwise"),
        pytest.param("with password=...", "with VLM_PASSWORD or --password", id="a-secret"),
        pytest.param("budget_usd=-1.5. Give dollars", "--budget -1.5. Give dollars", id="before-a-full-stop"),
        pytest.param("Raise idle_timeout=...", "Raise idle_timeout=...", id="an-argument-without-option"),
    ],
)
def test_a_message_shows_the_options_of_the_command_that_runs(vlm: Run, message: str, shown: str) -> None:
    vlm("read", "a.pdf")
    assert in_options(message) == shown


def test_what_another_command_calls_an_option_is_not_shown(vlm: Run) -> None:
    vlm("providers")
    assert in_options("Raise max_tokens=...") == "Raise max_tokens=..."


def test_an_address_on_this_machine_is_refused(vlm: Run) -> None:
    ended = vlm("read", "http://127.0.0.1:9/a.png")
    assert ended.code == 1
    assert "give --allow-private-urls" in ended.err


def test_a_file_that_was_not_finished_leaves_the_older_one_alone(tmp_path: Path) -> None:
    old = tmp_path / "old.md"
    old.write_text("complete")
    tally = Tally()
    target = destination(str(old), "markdown", ["a.png"], [Source.from_bytes(b"")], tally)
    target.write(tally.counted([(0, PageResult(text="half of it", source="a.png", total_pages=2))]))
    assert old.read_text() == "complete"
    assert "half of it" in (tmp_path / "old.md.partial").read_text()


def test_many_files_that_are_passed_over_are_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    for number in range(5):
        report.skipped(f"{number}.csv", "no")
    report.skipped("README", "no")
    report.tell_skipped()
    assert capsys.readouterr().err == (
        "vlm: skipped 6 files that are not documents: 5 .csv, 1 without a suffix\n"
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


# --- what is left, and what is told at the end


def test_nothing_is_written_of_a_document_that_does_not_exist(vlm: Run, folder: Path) -> None:
    assert vlm("read", "missing.png").out == ""
    assert vlm("read", "missing.png", "nothing*.png", "a.pdf", "-f", "text").out == (
        "==> a.pdf <==\n\none\n\ntwo\n"
    )
    assert vlm("read", "missing.png", "-o", "out.md").code == 1
    ended = vlm("read", "missing.png", "b.pdf", "-o", "out/")
    assert ended.err.splitlines()[-1] == "vlm: out/ has 1 page: 1 ok; 1 document not found"
    assert files(folder) == ["a.pdf", "b.pdf", "out/b.md"]


def test_json_tells_of_a_document_that_does_not_exist(vlm: Run) -> None:
    assert (
        "does not exist"
        in json.loads(vlm("read", "missing.png", "--json").out)["pages"][0]["error"]["message"]
    )


def test_an_output_that_cannot_be_written_is_called_as_its_user_called_it(vlm: Run) -> None:
    ended = vlm("read", "a.pdf", "-o", "/proc/out.md")
    assert (ended.code, ended.err.split(" cannot be written")[0]) == (1, "vlm: /proc/out.md")


def test_a_like_warning_is_told_once_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    for number in range(1, 41):
        warnings = (f"{number} boxes could not be read", "odd")[:number]
        report.page(PageResult(source="x.tif", page_number=number, total_pages=40, warnings=warnings))
    report.tell_alike()
    assert capsys.readouterr().err.splitlines() == [
        "vlm: x.tif, page 1: 1 boxes could not be read",
        "vlm: x.tif, page 2: odd",
        "vlm: 39 more pages: 1 boxes could not be read (-f jsonl has the warnings of each)",
        "vlm: 38 more pages: odd (-f jsonl has the warnings of each)",
    ]


PART = PageResult(
    source="x.png",
    text="Total",
    state=PageState.PARTIAL,
    total_pages=1,
    warnings=("40 % of the writing is unread, at 0.1,0.2,0.9,0.3. Look at it", "odd"),
)


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        pytest.param([PART], 3, id="alone"),
        pytest.param([PART.model_copy(update={"text": ""})], 3, id="without-any-text"),
        pytest.param([PageResult(), PART], 3, id="beside-one-that-was-read"),
        pytest.param([PageResult()], 0, id="none"),
    ],
)
def test_a_page_that_was_read_in_part_needs_a_look(pages: list[PageResult], code: int) -> None:
    report = Report(quiet=True)
    for page in pages:
        report.page(page)
    assert report.exit_code == code


@pytest.mark.parametrize("quiet", [True, False])
def test_each_page_that_was_read_in_part_is_told_with_the_reason(
    capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    report = Report(quiet=quiet)
    for number in (1, 2):
        report.page(PART.model_copy(update={"page_number": number}))
    told = capsys.readouterr().err.splitlines()
    partial = [line for line in told if "partial" in line]
    assert partial == [f"vlm: x.png, page {number}: partial: {PART.warnings[0]}" for number in (1, 2)]
    assert any(line.endswith("odd") for line in told) is not quiet


def test_the_summary_counts_pages_that_were_read_in_part_apart() -> None:
    tally, target = Tally(), Destination(print, "out/", "out/", "out/", str)
    list(tally.counted([(0, PART), (1, PageResult(source="y.png", total_pages=1))]))
    assert in_words(tally, target) == "out/ has 2 pages of 2 documents: 1 partial, 1 ok"


def ended_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_what_a_process_left_behind_is_cleared_and_nothing_else(vlm: Run, folder: Path) -> None:
    out, gone = folder / "out", ended_process()
    out.mkdir()
    keep = [f".vlm-{os.getppid()}.tmp", ".vlm-x.tmp", "b.md.partial", "link"]
    for name in (f".vlm-{gone}.tmp", "a.md.partial", *keep[:3]):
        (out / name).write_text("old")
    (folder / "elsewhere").write_text("kept")
    (out / "link").symlink_to(folder / "elsewhere")
    (out / f".vlm-{gone + 1}.tmp").symlink_to(folder / "elsewhere")
    vlm("read", "a.pdf", "-o", "out/")
    assert sorted(os.listdir(out)) == sorted([*keep, "a.md", f".vlm-{gone + 1}.tmp"])
    assert (folder / "elsewhere").read_text() == "kept"


def test_a_partial_file_that_is_a_link_is_not_followed(vlm: Run, folder: Path) -> None:
    (folder / "elsewhere").write_text("kept")
    (folder / "a.md.partial").symlink_to(folder / "elsewhere")
    vlm("read", "a.pdf", "-o", "a.md")
    assert (folder / "elsewhere").read_text() == "kept"
    assert (folder / "a.md").read_text().endswith("two\n")


def test_a_partial_file_that_another_process_writes_to_is_left_to_it(vlm: Run, folder: Path) -> None:
    import fcntl

    with (folder / "a.md.partial").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("its own")
        other.flush()
        assert vlm("read", "a.pdf", "-o", "a.md").code == 0
    assert (folder / "a.md.partial").read_text() == "its own"
    assert (folder / "a.md").read_text().endswith("two\n")


def test_the_last_line_sums_up(vlm: Run, folder: Path) -> None:
    (folder / "damaged.pdf").write_bytes(pdf("one", "two", "three").replace(b"6 0 obj", b"x 0 obj", 1))
    told = vlm("read", "a.pdf", "damaged.pdf", "-o", "out/").err.splitlines()
    assert told[-1] == "vlm: out/ has 5 pages of 2 documents: 4 ok, 1 failed"


@pytest.mark.parametrize(
    "arguments",
    [["a.pdf"], ["a.pdf", "b.pdf", "--json"], ["a.pdf", "-o", "out/", "-q"]],
    ids=["one-document-shown", "json-shown", "quiet"],
)
def test_no_last_line_where_it_is_not_wanted(vlm: Run, arguments: list[str]) -> None:
    assert vlm("read", *arguments).err == ""


def test_links_out_of_a_folder_are_skipped_and_told(vlm: Run, folder: Path) -> None:
    junk = folder / "junk"
    junk.mkdir()
    (junk / "c.pdf").write_bytes(pdf("six"))
    (junk / "loop").symlink_to("..")
    (junk / "link.png").symlink_to("/etc/passwd")
    ended = vlm("read", "junk", "-o", "out/")
    assert files(folder / "out") == ["c.md"]
    assert ended.err.splitlines() == [
        "vlm: skipped junk/loop: it is a link to a folder",
        "vlm: skipped junk/link.png: it is a link to a file elsewhere",
        "vlm: out/ has 1 page: 1 ok",
    ]
