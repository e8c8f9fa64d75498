"""What must hold of extracted data, as its schema's author says: sums above all."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.evidence.numbers_and_dates import amounts
from vlm_core.evidence.schema_leaves import pointer
from vlm_core.types import Finding

Check: TypeAlias = str | Callable[[Any], bool | str | None]
"""An expression over the data, as in "sum(items.price) == total"; or a function that gets the data, and gives
False, or words that say what is wrong, where it does not hold."""
SAME = Decimal("0.005")
"""Numbers that differ by less are equal: sums of rounded amounts."""
_MOST_CHARACTERS = 500
_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Decimal], bool]] = {
    # Of the difference of both sides.
    ast.Eq: lambda difference: abs(difference) < SAME,
    ast.NotEq: lambda difference: abs(difference) >= SAME,
    ast.Lt: lambda difference: difference <= -SAME,
    ast.LtE: lambda difference: difference < SAME,
    ast.Gt: lambda difference: difference >= SAME,
    ast.GtE: lambda difference: difference > -SAME,
}
_FUNCTIONS: Mapping[str, Callable[[list[Decimal]], Decimal]] = {
    "sum": lambda numbers: sum(numbers, Decimal(0)),
    "min": min,
    "max": max,
    "len": lambda numbers: Decimal(len(numbers)),
    "abs": lambda numbers: abs(numbers[0]),
    "round": lambda numbers: round(numbers[0], 2),
}
_Path: TypeAlias = tuple[str | int, ...]


class _MissingError(Exception):
    """A value that a check needs is not there, or is not a number."""


@dataclass(frozen=True)
class DataCheck:
    """A check that can be made.

    Args:
        name: what it is called where it fails.
        compare: of an expression, its comparison.
        call: of a function, this.
    """

    name: str
    compare: ast.Compare | None = None
    call: Callable[[Any], bool | str | None] | None = None

    def failure(self, plain: object, data: object) -> Finding | None:
        """What fails; None where it holds.

        Args:
            plain: the data as JSON values.
            data: as the caller gets it.
        """
        if self.compare is not None:
            return self._compared(self.compare, plain)
        assert self.call is not None
        try:
            told = self.call(data)
        except Exception as error:  # noqa: BLE001  the answer is paid for, whatever a user's own function does
            return Finding(kind="check_failed", text=f"{self.name} raised {type(error).__name__}", path="")
        if told is None or told is True:
            return None
        return Finding(
            kind="check_failed", text=told if isinstance(told, str) else f"{self.name} does not hold", path=""
        )

    def _compared(self, compare: ast.Compare, plain: object) -> Finding | None:
        left, right = compare.left, compare.comparators[0]
        path = pointer(_named(right) or _named(left) or ())
        try:
            sides = _number(left, plain), _number(right, plain)
            if _COMPARISONS[type(compare.ops[0])](sides[0] - sides[1]):
                return None
        except (_MissingError, InvalidOperation, DivisionByZero, ValueError) as error:
            told = f"{self.name} cannot be computed: {error}"
            return Finding(kind="check_failed", text=told, severity="note", path=path)
        own, computed = (sides[1], sides[0]) if _named(right) else sides
        return Finding(kind="check_failed", text=f"{own:f}", expected=f"{self.name}: {computed:f}", path=path)


def data_checks(checks: Sequence[Check]) -> list[DataCheck]:
    """Checks, understood before a model is asked.

    Raises:
        ConfigError: one is neither a function nor an expression that is known.

    Example:
        >>> [check] = data_checks(["sum(items.price) == total"])
        >>> data = {"items": [{"price": "1,000.00"}, {"price": 2.5}], "total": 1003}
        >>> finding = check.failure(data, data)
        >>> finding.path, finding.text, finding.expected
        ('/total', '1003', 'sum(items.price) == total: 1002.50')
    """
    if isinstance(checks, str) or callable(checks):
        checks = [checks]
    return [_data_check(check) for check in checks]


def _data_check(check: object) -> DataCheck:
    if callable(check):
        return DataCheck(getattr(check, "__name__", type(check).__name__), call=check)
    if not isinstance(check, str) or len(check) > _MOST_CHARACTERS:
        raise ConfigError(
            f"a check is a {type(check).__name__} that cannot be used", hint=_HINT, argument="checks"
        )
    try:
        parsed = ast.parse(check.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        parsed = None
    is_comparison = (
        isinstance(parsed, ast.Compare) and len(parsed.ops) == 1 and type(parsed.ops[0]) in _COMPARISONS
    )
    if not is_comparison or not all(map(_is_known, ast.walk(parsed))):  # type: ignore[arg-type]
        raise ConfigError(
            f"the check {check!r} is not an expression that is known", hint=_HINT, argument="checks"
        )
    assert isinstance(parsed, ast.Compare)
    return DataCheck(check.strip(), compare=parsed)


_HINT = (
    'Write a comparison of fields, as in "sum(items.price) == total", with + - * / ( ) and the functions '
    "sum, min, max, len, abs and round. For anything else give a function of the data."
)


def _is_known(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    if isinstance(node, ast.Call):
        is_function = isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        return is_function and len(node.args) == 1 and not node.keywords
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
    if isinstance(node, ast.BinOp):
        return type(node.op) in _OPERATORS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub)
    known = (ast.Compare, ast.Name, ast.Attribute, ast.Load, ast.cmpop, ast.operator, ast.unaryop)
    return isinstance(node, known)


# --- what an expression says ------------------------------------------------------------------------------


def _named(node: ast.AST) -> _Path | None:
    """The place of a field that stands by itself; None for anything else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        inner = _named(node.value)
        return None if inner is None else (*inner, node.attr)
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, int)
    ):
        inner = _named(node.value)
        return None if inner is None else (*inner, node.slice.value)
    return None


def _number(node: ast.AST, data: object) -> Decimal:
    if isinstance(node, ast.Constant):
        return Decimal(str(node.value))
    if isinstance(node, ast.UnaryOp):
        return -_number(node.operand, data)
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_number(node.left, data), _number(node.right, data))
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](list(_numbers(node.func.id, node.args[0], data)))
    path = _named(node)
    assert path is not None
    found = list(_values(data, path))
    if len(found) != 1:
        raise _MissingError(f"{_dotted(path)} is {'missing' if not found else 'several values'}")
    return _as_number(found[0], path)


def _numbers(function: str, argument: ast.AST, data: object) -> Iterator[Decimal]:
    path = _named(argument)
    if path is None:
        yield _number(argument, data)
        return
    for value in _values(data, path):
        members = value if isinstance(value, (list, tuple)) else [value]
        for member in members:
            yield Decimal(0) if function == "len" else _as_number(member, path)


def _values(data: object, path: _Path) -> Iterator[object]:
    """The values at a place; a name of a list's items is that of each of them."""
    if not path:
        yield data
    elif isinstance(data, (list, tuple)):
        if isinstance(path[0], int):
            yield from _values(data[path[0]], path[1:]) if -len(data) <= path[0] < len(data) else ()
        else:
            for item in data:
                yield from _values(item, path)
    elif isinstance(data, Mapping) and path[0] in data:
        yield from _values(data[path[0]], path[1:])


def _as_number(value: object, path: _Path) -> Decimal:
    found = amounts(value)
    if not found:
        raise _MissingError(f"{_dotted(path)} is {'missing' if value is None else 'not a number'}")
    return min(found)


def _dotted(path: _Path) -> str:
    return ".".join(map(str, path))
