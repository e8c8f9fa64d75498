"""Any history of a journal, against a dict; any result, there and back; any key."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult, PageState, TextLine, Usage

GOOD = (PageState.OK, PageState.BLANK, PageState.PARTIAL, PageState.MISMATCH)
FRACTION = st.floats(0, 1)
COUNT = st.none() | st.integers(0, 2**53)
LINES = st.builds(
    TextLine, text=st.text(), bbox=st.tuples(*[FRACTION] * 4), score=st.none() | FRACTION, row=COUNT
)
RESULTS = st.builds(
    PageResult,
    text=st.text(st.characters(codec=None)),
    source=st.text(st.characters(codec=None)),
    page_number=st.integers(1, 2**40),
    lines=st.lists(LINES, max_size=3).map(tuple),
    provider=st.none() | st.text(),
    model=st.none() | st.text(),
    usage=st.none() | st.builds(Usage, input_tokens=COUNT, output_tokens=COUNT),
    cost_usd=st.none() | st.floats(0, 1e6),
    attempts=st.integers(0, 9),
    seconds=st.floats(0, 1e6),
    warnings=st.lists(st.text(), max_size=2).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(result=RESULTS, state=st.sampled_from(PageState))
@settings(max_examples=30)
def test_a_result_comes_back_as_it_was_put_or_not_at_all(result: PageResult, state: PageState) -> None:
    stored = result.model_copy(update={"state": state})
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "j") as journal:
        journal.put("a key", stored)
        assert journal.get("a key") == (stored if state in GOOD else None)
        assert journal.verify() == []


@given(what=st.dictionaries(st.from_regex(r"[a-r]{1,5}", fullmatch=True), JSON, max_size=4))
def test_a_key_does_not_hang_on_order_or_identity(what: dict[str, Any]) -> None:
    other = copy.deepcopy(dict(reversed(what.items())))
    assert page_key("e774c5ce", **what) == page_key("e774c5ce", **other)


@given(one=JSON, other=JSON)
def test_two_keys_are_the_same_only_for_equal_values(one: object, other: object) -> None:
    same = page_key("e774c5ce", options=[one]) == page_key("e774c5ce", options=[other])
    if same:
        assert one == other
    if not same:
        assert one != other or repr(one) != repr(other)


class Histories(RuleBasedStateMachine):
    """Results put, removed and looked for in one journal, which is opened anew now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "j")
        self.best: dict[str, PageResult] = {}
        self.cost: dict[str, float] = {}

    @rule(
        key=st.sampled_from("abc"),
        state=st.sampled_from(PageState),
        cost=st.none() | st.sampled_from([0.25, 0.5]),
    )
    def put(self, key: str, state: PageState, cost: float | None) -> None:
        result = PageResult(text=f"{state} {cost}", state=state, cost_usd=cost)
        self.journal.put(key, result)
        if state in GOOD or key not in self.best or self.best[key].state not in GOOD:
            self.best[key] = result
        self.cost[key] = self.cost.get(key, 0.0) + (cost or 0.0)

    @rule(bad_only=st.booleans())
    def prune(self, bad_only: bool) -> None:
        removed = [key for key, result in self.best.items() if not (bad_only and result.state in GOOD)]
        assert self.journal.prune(older_than_days=0, bad_only=bad_only) == len(removed)
        for key in removed:
            del self.best[key], self.cost[key]

    @rule(key=st.sampled_from("abc"))
    def claim(self, key: str) -> None:
        with self.journal.claim(key) as known:
            assert known == self.good(key)

    @rule()
    def open_anew(self) -> None:
        self.journal.close()
        self.journal = Journal(self.journal.path)

    @precondition(lambda self: self.best)
    @invariant()
    def it_holds_what_was_put(self) -> None:
        assert {page.key: page.state for page in self.journal.pages()} == {
            key: result.state for key, result in self.best.items()
        }
        assert [self.journal.get(key) for key in self.best] == [self.good(key) for key in self.best]
        assert (self.journal.totals().cost_usd or 0.0) == sum(self.cost.values())

    def good(self, key: str) -> PageResult | None:
        result = self.best.get(key)
        return result if result is not None and result.state in GOOD else None

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
