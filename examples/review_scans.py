"""Write a review page of scans that were read and checked: python examples/review_scans.py [FILE...]"""

import sys
from pathlib import Path
from tempfile import mkdtemp

from vlm_core import DocumentReader, review
from vlm_core.testing import demo_model

SCAN = Path(__file__).parent / "scans" / "receipt.jpg"


def main(files: list[str]) -> None:
    """Read with a stand-in for a model, check, and say where the page is."""
    folder = Path(mkdtemp())
    # Corrections that the page saves go into this journal: vlm review JOURNAL --apply corrections.json
    reader = DocumentReader(demo_model(), verify=True, journal=folder / "scans.journal")
    written = review(reader.iter(files), folder / "review.html")
    print(f"open {written.path}: {written.pages} pages, {written.findings} findings")


if __name__ == "__main__":
    main(sys.argv[1:] or [str(SCAN)])
