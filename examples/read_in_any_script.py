"""Read pages in scripts that RapidOCR lacks, and say which engine read each line, or what is to be installed.

python examples/read_in_any_script.py [FILE ...]
"""

import sys
from pathlib import Path

from vlm_core import DocumentReader, PageState

SCANS = Path(__file__).parent / "scans"


def main(files: list[str]) -> None:
    """Print every line with its engine, and the warning of a page of which some is unread."""
    reader = DocumentReader(task="text")
    for document in reader.iter(files):
        for page in document.pages:
            print(f"=== {page.source}, page {page.page_number}: {page.state}")
            for line in page.lines:
                print(f"{line.engine or page.engine:>20}  {line.score}  {line.text}")
            if page.state is PageState.PARTIAL:
                print(page.warnings[0])  # how much, where, and the package that reads it


if __name__ == "__main__":
    main(sys.argv[1:] or [str(SCANS / "invoice.png")])
