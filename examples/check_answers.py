"""Check what a vision model wrote: python examples/check_answers.py [FILE] [PROVIDER:MODEL]"""

import sys
from pathlib import Path

from vlm_core import DocumentReader
from vlm_core.testing import demo_model

SCAN = Path(__file__).parent / "scans" / "receipt.jpg"


def main(file: str, model: str | None) -> None:
    """Print how much of each page's text is there, and what is to be looked at."""
    # A stand-in, so that this runs without a key.
    reader = DocumentReader(model or demo_model(), verify=True)
    for page in reader.read(file).pages:
        share = (
            "nothing was checked" if page.agreement is None else f"{page.agreement:.0%} stands on the page"
        )
        print(f"{page.source}, page {page.page_number}: {page.state}, {share}")
        for finding in page.findings:
            if finding.severity == "review":
                print(f"  {finding.kind}: {finding.text!r}, printed {finding.expected!r}, at {finding.bbox}")


if __name__ == "__main__":
    file, model, *_ = [*sys.argv[1:], None, None]
    main(file or str(SCAN), model)
