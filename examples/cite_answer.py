"""Say where an answer's claims stand: python examples/cite_answer.py"""

from pathlib import Path

from vlm_core import cite, read

SCANS = Path(__file__).parent / "scans"
# As a model may answer from both pages; the last sentence stands on neither.
ANSWER = (
    "Crab salad was ordered twice and cost 17.80. The total of 38.25 was paid by card. "
    "Twelve pots of lavender were left in the porch at 15:20. The driver came back on Monday."
)


def main() -> None:
    """Print each claim with its places."""
    cited = cite(ANSWER, [read(SCANS / "receipt.jpg"), read(SCANS / "noisy.png")])
    for claim in cited.claims:
        places = [f"{Path(place.source).name} page {place.page}" for place in claim.citations]
        boxes = sum(len(place.boxes) for place in claim.citations)
        print(f"{claim.kind}: {claim.text!r} is {claim.status}: {', '.join(places) or '-'} ({boxes} boxes)")
    print("Nothing bears:", [claim.text for claim in cited.unsupported])


if __name__ == "__main__":
    main()
