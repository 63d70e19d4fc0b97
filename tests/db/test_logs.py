"""Errors in log lines. `tests/api/test_problems.py` checks that they contain no text of a request."""

import pytest

from db.logs import safe_traceback


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_a_traceback_contains_causes_and_first_lines() -> None:
    text = safe_traceback(raised(KeyError("top"), raised(ValueError("below\nINSERT a secret"))))
    assert text.index("ValueError: below") < text.index("led to:") < text.index("KeyError: 'top'")
    assert "secret" not in text


def test_a_traceback_of_a_group_contains_its_members_and_their_causes() -> None:
    deep = raised(OSError("the second"), raised(ValueError("its cause\na secret")))
    text = safe_traceback(raised(ExceptionGroup("several", [KeyError("the first"), ExceptionGroup("inner", [deep])])))
    for part in ("several", "KeyError: 'the first'", "inner", "OSError: the second", "ValueError: its cause"):
        assert part in text
    assert "secret" not in text


def test_a_cycle_between_an_error_and_its_group_ends() -> None:
    single = ValueError("it")
    single.__context__ = ExceptionGroup("held it", [single])
    assert safe_traceback(single).count("ValueError: it") == 1
