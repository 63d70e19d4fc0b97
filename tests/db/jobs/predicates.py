"""Finds the predicates of the WHERE clauses of an SQL statement, for the mutation tests."""

import re
from typing import Final, NamedTuple

_CLAUSE_END: Final = re.compile(r"\b(ORDER BY|LIMIT|FOR UPDATE|RETURNING|GROUP BY|WINDOW|WHERE)\b")
# A comparison of two columns only connects two relations of the statement.
_JOIN: Final = re.compile(r"\w+\.\w+ = \w+\.\w+")


class Predicate(NamedTuple):
    text: str
    start: int
    end: int


def predicates(sql: str, *, begin: int = 0) -> list[Predicate]:
    """The predicates from `begin` on, in order of appearance, without the joins."""
    found = [p for where in re.finditer(r"\bWHERE\b", sql) if where.start() >= begin for p in _clause(sql, where.end())]
    return [predicate for predicate in found if not _JOIN.fullmatch(predicate.text)]


def without(sql: str, predicate: Predicate) -> str:
    """The same statement with one predicate always true."""
    return f"{sql[: predicate.start]}true{sql[predicate.end :]}"


def _clause(sql: str, start: int) -> list[Predicate]:
    """The predicates of one clause, which ends at the next keyword or at the parenthesis that encloses it."""
    bounds, depth, position = [start], 0, start
    while position < len(sql):
        if sql[position] == "'":
            position = sql.index("'", position + 1)
        depth += {"(": 1, ")": -1}.get(sql[position], 0)
        if depth < 0 or (depth == 0 and _CLAUSE_END.match(sql, position)):
            break
        if depth == 0 and re.compile(r"\bAND\b").match(sql, position):
            bounds += [position, position + len("AND")]
        position += 1
    bounds.append(position)
    return [_trimmed(sql, *bounds[index : index + 2]) for index in range(0, len(bounds), 2)]


def _trimmed(sql: str, start: int, end: int) -> Predicate:
    part = sql[start:end]
    start += len(part) - len(part.lstrip())
    return Predicate(part.strip(), start, start + len(part.strip()))
