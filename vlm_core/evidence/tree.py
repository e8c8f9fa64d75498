"""All values of an answer, each held against the pages: the same tree, with a place for each leaf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from vlm_core.evidence.labels import role_of_field
from vlm_core.evidence.numbers_and_dates import order_of
from vlm_core.evidence.schema_leaves import LeafSchema, leaf_schema, pointer
from vlm_core.evidence.standing import Standing
from vlm_core.types import Box, ExtractedField, Finding
from vlm_core.types.evidence import EvidenceStatus, FindingKind, Severity

if TYPE_CHECKING:
    from vlm_core.evidence.fields import FieldPage, Sought
    from vlm_core.ocr.printed_page import PrintedPage

MOST_VALUES = 1000
"""Of an answer, that are looked for."""
LONGEST_VALUE = 2000
"""Characters: a longer text is not looked for."""
MOST_COMPARED = 9_000_000
"""Letters of values that were read nowhere times letters of the pages, for each page: some 1.5 s of CPU."""
DEEPEST = 50
"""Levels of an answer; what is deeper is one value."""
_Key = str | int
# The better a place, the earlier its status comes.
_BEST: tuple[EvidenceStatus, ...] = ("exact", "close", "contradicted", "not_checked", "not_found")
# Of amounts, the one by whose label is judged whether it is the right one; of others a mistake is a note.
_JUDGED_ROLES = frozenset({"total"})
# Letters that a short value counts as, beyond its own: its likest numbers are looked at one by one.
_LEAST_COMPARED = 60
# Values of a record by which the next one's place is chosen.
_MOST_BESIDE = 20
# Heights of a line: what it counts to be on another page than a value's neighbours.
_OTHER_PAGE = 1000.0


class Proof(NamedTuple):
    """The fields of a tree, and what is to be looked at."""

    fields: Any
    findings: tuple[Finding, ...]


class _Place(NamedTuple):
    """A standing on one of the pages."""

    page: int
    standing: Standing


@dataclass(eq=False)
class _Leaf:
    """A value that is held against the pages."""

    keys: tuple[_Key, ...]
    value: object
    root: object
    """The schema of the whole answer."""
    sought: Sought | None = None
    """None where the value is not to stand on a page, as True does not."""
    places: list[_Place] = field(default_factory=list)
    chosen: _Place | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def path(self) -> str:
        return pointer(self.keys)

    @cached_property
    def schema(self) -> LeafSchema:
        return leaf_schema(self.root, self.keys)

    @property
    def is_wanted(self) -> bool:
        """Whether it is to stand on a page."""
        is_scalar = not isinstance(self.value, (bool, Mapping, list, tuple)) and self.value is not None
        return is_scalar and bool(str(self.value).strip()) and not self.schema.is_exempt

    @property
    def record(self) -> tuple[_Key, ...]:
        """The object or list that it is in."""
        return self.keys[:-1]

    def note(self, kind: FindingKind, expected: str, severity: Severity, box: Box | None = None) -> None:
        place = self.chosen
        score = place.standing.score if place else 0.0
        text = "" if self.value is None else str(self.value)[:LONGEST_VALUE]
        self.findings.append(
            Finding(
                kind=kind,
                text=text,
                expected=expected,
                bbox=box,
                score=round(score, 2),
                severity=severity,
                path=self.path,
            )
        )


def prove(data: object, schema: object, pages: Sequence[PrintedPage], *, strict: bool = False) -> Proof:
    """Hold the values of an answer against pages.

    Args:
        data: plain values.
        schema: the JSON schema that they fit, or None.
        pages: as the local engine read them closely, or a PDF has them; with none, nothing is checked.
        strict: whether notes about numbers are to be looked at, too.

    Returns:
        The tree of fields, and the findings in its order.
    """
    return _Prover(data, schema, pages, strict=strict).proof()


def _field_pages(pages: Sequence[PrintedPage], order: str) -> list[FieldPage]:
    from vlm_core.evidence.fields import FieldPage  # which loads numpy, and is not needed without pages

    return [FieldPage(page, order) for page in pages]


class _Prover:
    def __init__(self, data: object, schema: object, pages: Sequence[PrintedPage], *, strict: bool) -> None:
        order = order_of(line.text for page in pages for line in page.lines)
        self.data, self.strict = data, strict
        self.pages = _field_pages(pages, order) if pages else []
        self.leaves = [_Leaf(keys, value, schema) for keys, value in _walk(data)]
        self.letters = sum(len(page.print.letters) for page in self.pages)
        self.known: dict[tuple[str, str | None], list[_Place]] = {}
        self.room = MOST_COMPARED * len(self.pages)
        # One more than are looked for, to know whether there are more.
        all_wanted = (leaf for leaf in self.leaves if self.pages and leaf.is_wanted)
        wanted = list(islice(all_wanted, MOST_VALUES + 1))
        for leaf in wanted[:MOST_VALUES]:
            self._look_up(leaf)
        self.sought = [leaf for leaf in wanted if leaf.sought is not None]
        if len(self.sought) < len(wanted):
            passed_over = next(leaf for leaf in wanted if leaf.sought is None)
            passed_over.note("unverified", "", "review")

    def proof(self) -> Proof:
        self._choose()
        for leaf in self.sought:
            self._judge(leaf)
        self._find_exchanged()
        fields = {leaf.keys: self._field(leaf) for leaf in self.leaves}
        findings = tuple(finding for leaf in self.leaves for finding in leaf.findings)
        return Proof(_tree(self.data, fields, ()), findings)

    def _look_up(self, leaf: _Leaf) -> None:
        """Find the places of a value; a value without one is compared with all that the pages say."""
        from vlm_core.evidence.fields import places_of, sought, standing_instead

        if len(str(leaf.value)) > LONGEST_VALUE:
            return
        in_list = any(isinstance(key, int) for key in leaf.keys)
        role = None if in_list else role_of_field(leaf.schema.name, leaf.schema.description)
        value = sought(leaf.value, role)
        pages = list(enumerate(self.pages))
        key = value.text, role
        if key not in self.known:  # equal values are many in a table
            self.known[key] = [
                _Place(number, place) for number, page in pages for place in places_of(value, page)
            ]
        leaf.places = self.known[key]
        if not leaf.places:
            self.room -= (len(value.text) + _LEAST_COMPARED) * self.letters
            if self.room < 0:
                return
            instead = [_Place(number, standing_instead(value, page)) for number, page in pages]
            found = [place for place in instead if place.standing.is_found]
            leaf.places = found or [min(instead, key=_by_likeness)]
        leaf.sought = value

    # --- which of several places -----------------------------------------------------------------------

    def _choose(self) -> None:
        """Of the places of a value, the one that its label or the values beside it speak for."""
        for leaf in self.sought:
            if leaf.sought and leaf.sought.role and leaf.sought.numbers:
                leaf.places = _by_label(leaf.places, leaf.sought.role)
            if len(leaf.places) == 1:
                leaf.chosen = leaf.places[0]
        used: set[tuple[int, Box]] = {
            (leaf.chosen.page, box)
            for leaf in self.sought
            if leaf.chosen
            for box in leaf.chosen.standing.boxes
        }
        records: dict[tuple[_Key, ...], list[_Place]] = defaultdict(list)
        for leaf in self.sought:
            if leaf.chosen:
                records[leaf.record].append(leaf.chosen)
        for leaf in [leaf for leaf in self.sought if leaf.chosen is None]:
            beside = records[leaf.record][-_MOST_BESIDE:]
            leaf.chosen = min(
                leaf.places, key=lambda place: (self._distance(place, beside), _is_used(place, used))
            )
            used.update((leaf.chosen.page, box) for box in leaf.chosen.standing.boxes)
            records[leaf.record].append(leaf.chosen)

    def _distance(self, place: _Place, others: Sequence[_Place]) -> float:
        """How far a place is from the nearest of others, in heights of a line, down the page."""
        return min((_apart(place, other) for other in others), default=0.0)

    # --- what is to be told -------------------------------------------------------------------------------

    def _judge(self, leaf: _Leaf) -> None:
        place, wanted = leaf.chosen, leaf.sought
        if place is None or wanted is None:
            return
        standing = place.standing
        if standing.is_found:
            self._judge_meaning(leaf, wanted, place)
        elif leaf.schema.is_choice and standing.status != "contradicted":
            leaf.chosen = _Place(place.page, Standing("not_checked"))
        else:
            is_number = bool(wanted.numbers) or wanted.is_date
            kinds: dict[str, FindingKind] = {
                "contradicted": "number_changed" if is_number else "text_changed",
                "not_found": "not_on_page",
            }
            kind = kinds.get(standing.status, "unverified")
            leaf.note(kind, standing.text, "note" if kind == "unverified" else "review", self._box(place))

    def _judge_meaning(self, leaf: _Leaf, wanted: Sought, place: _Place) -> None:
        if place.standing.is_open:
            leaf.note("unverified", place.standing.text, "note", self._box(place))
        elif place.standing.score < 0 and (wanted.numbers or wanted.is_date):
            # The engine read another one, and the print does not rule this one out.
            leaf.note("number_changed", place.standing.text, self._severity, self._box(place))
        if wanted.role is None or not wanted.numbers:
            return
        label = place.standing.label
        others = [
            token.text
            for page in self.pages
            for token in page.amounts_called(wanted.role)
            if not token.says(wanted.numbers)
        ]
        if label.is_for(wanted.role):
            if not label.is_surely_for(wanted.role) or others:
                leaf.note("unverified", ", ".join(dict.fromkeys(others)), self._severity, self._box(place))
            return
        is_plain = bool(label.roles or others) and wanted.role in _JUDGED_ROLES
        severity: Severity = "review" if is_plain else self._severity
        leaf.note("unverified", ", ".join(dict.fromkeys(others)), severity, self._box(place))

    @property
    def _severity(self) -> Severity:
        return "review" if self.strict else "note"

    def _find_exchanged(self) -> None:
        """Values of two records in each other's place: their names come in one order, they in the other."""
        lists: dict[tuple[_Key, ...], dict[_Key, list[_Leaf]]] = defaultdict(lambda: defaultdict(list))
        for leaf in self.sought:
            if len(leaf.keys) >= 2 and isinstance(leaf.keys[-2], int):
                lists[leaf.keys[:-2]][leaf.keys[-2]].append(leaf)
        for records in lists.values():
            for one, other in combinations(records.values(), 2):
                self._compare(one, other)

    def _compare(self, one: Sequence[_Leaf], other: Sequence[_Leaf]) -> None:
        names = [_name_of(one), _name_of(other)]
        if None in names or (order := _order(names[0], names[1])) is None:
            return
        for leaf in one:
            twin = next((each for each in other if each.keys[-1] == leaf.keys[-1]), None)
            if twin is None or leaf in names or leaf.value == twin.value:
                continue
            own = _order(leaf, twin)
            if own is not None and own != order:
                for wrong, right in ((leaf, twin), (twin, leaf)):
                    assert right.chosen is not None
                    if not wrong.findings:
                        wrong.note(
                            "number_changed", right.chosen.standing.text, "review", self._box(right.chosen)
                        )

    # --- fields --------------------------------------------------------------------------------------------

    def _field(self, leaf: _Leaf) -> ExtractedField:
        place = leaf.chosen
        if place is None:
            return ExtractedField(value=leaf.value, path=leaf.path, status="not_checked")
        standing, printed = place.standing, self.pages[place.page].printed
        return ExtractedField(
            value=leaf.value,
            path=leaf.path,
            page=printed.result.page_number if standing.boxes else None,
            source=printed.result.source if standing.boxes else "",
            bboxes=tuple(_on_page(box, printed) for box in standing.boxes),
            text=standing.text,
            status=standing.status,
            agreement=standing.agreement,
            label=standing.label.text,
            needs_review=any(finding.severity == "review" for finding in leaf.findings),
        )

    def _box(self, place: _Place) -> Box | None:
        boxes = place.standing.boxes
        return _on_page(boxes[0], self.pages[place.page].printed) if boxes else None


def _walk(data: object, keys: tuple[_Key, ...] = ()) -> Iterator[tuple[tuple[_Key, ...], object]]:
    if not _has_parts(data, keys):
        yield keys, data
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _walk(value, (*keys, key))
    elif isinstance(data, (list, tuple)):
        for number, value in enumerate(data):
            yield from _walk(value, (*keys, number))


def _has_parts(data: object, keys: tuple[_Key, ...]) -> bool:
    return isinstance(data, (Mapping, list, tuple)) and len(keys) < DEEPEST


def _tree(data: object, fields: Mapping[tuple[_Key, ...], ExtractedField], keys: tuple[_Key, ...]) -> Any:
    if not _has_parts(data, keys):
        return fields[keys]
    if isinstance(data, Mapping):
        return {key: _tree(value, fields, (*keys, key)) for key, value in data.items()}
    assert isinstance(data, (list, tuple))
    return [_tree(value, fields, (*keys, number)) for number, value in enumerate(data)]


def _by_likeness(place: _Place) -> tuple[int, float]:
    return _BEST.index(place.standing.status), -place.standing.agreement


def _by_label(places: list[_Place], role: str) -> list[_Place]:
    """The places whose label is the wanted one; else those without any; else all."""
    surely = [place for place in places if place.standing.label.is_surely_for(role)]
    called = [place for place in places if place.standing.label.is_for(role)]
    bare = [place for place in places if not place.standing.label.roles]
    return (surely or called or bare or places)[:1]


def _is_used(place: _Place, used: set[tuple[int, Box]]) -> bool:
    return any((place.page, box) in used for box in place.standing.boxes)


def _apart(one: _Place, other: _Place) -> float:
    if one.page != other.page or not one.standing.boxes or not other.standing.boxes:
        return _OTHER_PAGE
    box, beside = one.standing.boxes[0], other.standing.boxes[0]
    height = max(box[3] - box[1], 1.0)
    # Half a line is the same row.
    return float(round(abs(box[1] + box[3] - beside[1] - beside[3]) / 2 / height))


def _name_of(record: Sequence[_Leaf]) -> _Leaf | None:
    """The leaf by which a record is known: its longest text that stands in one place."""
    named = [
        leaf
        for leaf in record
        if leaf.sought
        and not leaf.sought.numbers
        and len(leaf.places) == 1
        and leaf.places[0].standing.is_found
    ]
    return max(named, key=lambda leaf: len(str(leaf.value)), default=None)


def _order(one: _Leaf | None, other: _Leaf | None) -> bool | None:
    """Whether a leaf stands above another one; None where that is not known."""
    places = [leaf.places[0] for leaf in (one, other) if leaf and len(leaf.places) == 1]
    if len(places) < 2 or not all(place.standing.is_found and place.standing.boxes for place in places):
        return None
    if places[0].page == places[1].page and _apart(*places) < 1:
        return None
    tops = [(place.page, place.standing.boxes[0][1]) for place in places]
    return tops[0] < tops[1]


def _on_page(box: Box, page: PrintedPage) -> Box:
    width, height = max(page.result.width, 1), max(page.result.height, 1)
    x0, y0, x1, y1 = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    left, top = (min(max(edge, 0.0), 1.0) for edge in (x0, y0))
    return left, top, max(left, min(x1, 1.0)), max(top, min(y1, 1.0))
