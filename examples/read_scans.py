"""Read every scan in a folder, and say what became of each page.

python examples/read_scans.py [FOLDER]
"""

import sys
from pathlib import Path

from vlm_core import DocumentReader

SCANS = Path(__file__).parent / "scans"


def main(folder: str) -> None:
    """Print the text of every page, or the error that took its place."""
    reader = DocumentReader(task="text", progress="auto")
    for document in reader.iter(folder):
        for page in document.pages:
            print(f"=== {page.source}, page {page.page_number} of {page.total_pages}: {page.state}\n")
            print(f"{page.error or page.text}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(SCANS))
