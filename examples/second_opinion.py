"""Ask a second model where the check disagrees: python examples/second_opinion.py [PROVIDER:MODEL]"""

import sys
from pathlib import Path

from vlm_core import DocumentReader, PageImage, PageResult, read
from vlm_core.testing import demo_model

SCAN = Path(__file__).parent / "scans" / "receipt.jpg"


class Careless:
    """In place of a first model: it changes an amount, and leaves a line out."""

    name, model = "careless", None

    def read_page(self, page: PageImage) -> PageResult:
        """What stands on the page, or nearly."""
        lines = read(SCAN).text.replace("6.40", "6.90").splitlines()
        return PageResult.of(page, text="\n".join(lines[:-1]), engine=self.name)


def main(second: str) -> None:
    """Print each finding with what the second model reads at its place."""
    reader = DocumentReader(Careless(), verify_with=second)
    for finding in reader.read(SCAN).pages[0].findings:
        print(f"{finding.severity} {finding.kind}: {finding.text!r}, printed {finding.expected!r}")
        if (opinion := finding.second_opinion) is not None:
            print(f"  {opinion.model} reads {opinion.text!r}, and agrees with the {opinion.agrees_with}")


if __name__ == "__main__":
    # A stand-in, so that this runs without a key.
    main(sys.argv[1] if len(sys.argv) > 1 else demo_model())
