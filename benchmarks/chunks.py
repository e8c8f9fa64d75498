"""Whether a search finds the chunk that holds the answer, beside the splitters of LangChain and LlamaIndex.

    pip install bm25s langchain-text-splitters llama-index-core
    python benchmarks/chunks.py DOCUMENTS [--journal FILE] [--misses]

The questions are in `chunk_questions.csv`, beside this file: 60 on prose and 40 on rows of tables, of
documents of three pages or more, written before anything was measured. Some documents are read from their
pictures, others from their own text. `chunks` cuts the documents, the splitters cut their text
(`DocumentResult.text`); all count with `count_tokens`, and nothing overlaps. What is indexed of our chunks is
`with_headings`, and the limit holds for that too: a document whose chunks have headings above them is cut
smaller.

BM25 ranks the chunks of all documents together for each question. The first one is a hit where it is of
the document that is asked for and says the answer, the row of the table, if it is one, and its label: the
header of the column, or the heading of the section. Case, blanks and signs between words do not matter.

Exits with 1 where ours are not 10 points better than either, over all sizes.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import bm25s

from vlm_core import DocumentReader, DocumentResult, chunks
from vlm_core.structure.tokens import count_tokens

QUESTIONS = Path(__file__).with_name("chunk_questions.csv")
PICTURES = {f"tables/icdar2013-eu/eu-{number}.pdf" for number in ("001", "006", "012")}
"""Read as if they were scans, beside eu-011, whose text cannot be trusted."""
SIZES = (128, 256, 512)
MARGIN = 0.10


class Question(NamedTuple):
    document: str
    kind: str
    question: str
    row: str
    answer: str
    label: str

    def is_answered_by(self, text: str) -> bool:
        said = f" {plain(text)} "
        return all(f" {plain(wanted)} " in said for wanted in (self.row, self.answer, self.label) if wanted)


def plain(text: str) -> str:
    """Words and numbers alone."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))


Cut = Callable[[DocumentResult, int], Iterable[str]]


def ours(document: DocumentResult, size: int) -> Iterable[str]:
    """Chunks with their headings, none longer than the others' may be."""
    for chunk_tokens in range(size, size // 2, -4):
        texts = [chunk.with_headings for chunk in chunks(document, chunk_tokens)]
        if all(count_tokens(text) <= size for text in texts):
            break
    return texts


def langchain(document: DocumentResult, size: int) -> Iterable[str]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=0, length_function=count_tokens)
    return splitter.split_text(document.text)


def llamaindex(document: DocumentResult, size: int) -> Iterable[str]:
    from llama_index.core.node_parser import SentenceSplitter

    def tokenizer(text: str) -> list[None]:
        return [None] * count_tokens(text)

    return SentenceSplitter(chunk_size=size, chunk_overlap=0, tokenizer=tokenizer).split_text(document.text)


WAYS: dict[str, tuple[str, Cut]] = {
    "chunks": ("vlm-adapters", ours),
    "RecursiveCharacterTextSplitter": ("langchain-text-splitters", langchain),
    "SentenceSplitter": ("llama-index-core", llamaindex),
}


def read(data: Path, questions: Iterable[Question], journal: Path | None) -> dict[str, DocumentResult]:
    readers = {
        is_picture: DocumentReader(pdf_text="ignore" if is_picture else "auto", journal=journal)
        for is_picture in (False, True)
    }
    names = dict.fromkeys(question.document for question in questions)
    return {name: readers[name in PICTURES].read(data / name) for name in names if (data / name).exists()}


class Result(NamedTuple):
    hits: list[bool]
    chunks: int
    mean_tokens: float


def measure(
    documents: dict[str, DocumentResult], questions: list[Question], cut: Cut, size: int, tell: bool
) -> Result:
    places = [(name, text) for name, document in documents.items() for text in cut(document, size)]
    index = bm25s.BM25()
    index.index(tokens([text for _, text in places]), show_progress=False)
    asked = tokens([question.question for question in questions])
    first = index.retrieve(asked, k=1, show_progress=False).documents[:, 0]
    hits = []
    for question, number in zip(questions, first, strict=True):
        name, text = places[number]
        hits.append(name == question.document and question.is_answered_by(text))
        if tell and not hits[-1]:
            print(f"   {question.document}: {question.question} -> {name}: {plain(text)[:100]}")
    return Result(hits, len(places), fmean(count_tokens(text) for _, text in places))


def tokens(texts: list[str]) -> object:
    return bm25s.tokenize(texts, stopwords="en", show_progress=False)


def recall(questions: list[Question], hits: list[bool], kind: str | None = None) -> float:
    return fmean(hit for one, hit in zip(questions, hits, strict=True) if kind in (None, one.kind))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("--journal", type=Path, help="a file that keeps what was read")
    parser.add_argument("--misses", action="store_true", help="tell which questions ours do not answer")
    arguments = parser.parse_args()
    with QUESTIONS.open(encoding="utf-8", newline="") as file:
        questions = [Question(**row) for row in csv.DictReader(file)]
    documents = read(arguments.documents, questions, arguments.journal)
    questions = [question for question in questions if question.document in documents]
    texts = {name: " ".join(map(plain, (document.text,))) for name, document in documents.items()}
    told = sum(plain(question.answer) in texts[question.document] for question in questions)
    print(f"{len(questions)} questions on {len(documents)} documents; {told} answers stand in what was read")
    print(f"bm25s {version('bm25s')}")
    recalls: dict[str, list[float]] = {}
    for size in SIZES:
        for name, (package, cut) in WAYS.items():
            result = measure(documents, questions, cut, size, arguments.misses and cut is ours)
            both = recall(questions, result.hits)
            recalls.setdefault(name, []).append(both)
            print(
                f"{size} tokens  {f'{name} ({package} {version(package)})':66} recall@1 {both:.2f}  "
                f"prose {recall(questions, result.hits, 'prose'):.2f}  "
                f"tables {recall(questions, result.hits, 'table'):.2f}  "
                f"{result.chunks} chunks of {result.mean_tokens:.0f} tokens",
                flush=True,
            )
    best, *others = (fmean(each) for each in recalls.values())
    print(f"ours beside the better splitter, over all sizes: {best - max(others):+.2f}")
    return 0 if best - max(others) >= MARGIN else 1


if __name__ == "__main__":
    sys.exit(main())
