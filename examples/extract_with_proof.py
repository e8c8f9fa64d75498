"""Get values, each with its proof: python examples/extract_with_proof.py [FILE] [PROVIDER:MODEL]"""

import sys
from pathlib import Path

from pydantic import BaseModel

from vlm_core import extract
from vlm_core.testing import demo_model

SCAN = Path(__file__).parent / "scans" / "receipt.jpg"


class Receipt(BaseModel):
    """What is wanted of it."""

    shop: str
    date: str
    total: str


def main(file: str, model: str | None) -> None:
    """Print each value, where it stands, and what is to be looked at."""
    # A stand-in, so that this runs without a key.
    result = extract(file, Receipt, model or demo_model())
    for field in result.leaves():
        print(f"{field.path}: {field.value!r} is {field.status}, printed {field.text!r} at {field.bbox}")
    for finding in result.findings:
        print(f"  {finding.path}: {finding.kind}, {finding.severity}; printed {finding.expected!r}")


if __name__ == "__main__":
    file, model, *_ = [*sys.argv[1:], None, None]
    main(file or str(SCAN), model)
