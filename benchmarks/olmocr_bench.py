"""The tests of olmOCR-bench, by its own code, on what we read of its documents.

    python benchmarks/olmocr_bench.py FOLDER --olmocr PYTHON

FOLDER holds the documents and `tests.jsonl`. PYTHON is that of an environment with olmocr's tests:

    pip install --no-deps olmocr && pip install numpy beautifulsoup4 fuzzysearch rapidfuzz tqdm playwright

Each document is read by the local engine and written as Markdown without page headers and page footers.
The tests of formulas are left out: they draw them in a browser, and the local engine reads no formula. Prints
each test that fails and, by kind, how many pass.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from vlm_core import DocumentReader

LEFT_OUT = "math"
RUN = """
import json, sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from olmocr.bench.tests import load_tests

passed, total = Counter(), Counter()
for test in load_tests(sys.argv[1]):
    is_right, reason = test.run(Path(sys.argv[2], test.pdf + ".md").read_text(encoding="utf-8"))
    passed[test.type] += is_right
    total[test.type] += 1
    if not is_right:
        print(f"{test.pdf}: {test.type}: {reason[:150]}")
shares = ", ".join(f"{kind} {passed[kind]} of {total[kind]}" for kind in sorted(total))
print(f"olmocr {version('olmocr')}: {shares}")
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--olmocr", required=True, metavar="PYTHON")
    arguments = parser.parse_args()
    lines = (arguments.folder / "tests.jsonl").read_text(encoding="utf-8").splitlines()
    tests = [line for line in lines if line.strip() and json.loads(line)["type"] != LEFT_OUT]
    reader = DocumentReader()
    with tempfile.TemporaryDirectory() as made:
        chosen = Path(made, "tests.jsonl")
        chosen.write_text("\n".join(tests), encoding="utf-8")
        for name in sorted({json.loads(line)["pdf"] for line in tests}):
            text = reader.read(arguments.folder / name).to_markdown(furniture="drop")
            Path(made, f"{name}.md").write_text(text, encoding="utf-8")
        command = [arguments.olmocr, "-c", RUN, str(chosen), made]
        return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
