"""What a log tells of an error. That no request's words are in it, `test_problems.py` sees."""

import pytest

from api.logs import plain_traceback


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


def test_an_error_comes_with_its_causes_and_first_lines() -> None:
    told = plain_traceback(raised(KeyError("top"), raised(ValueError("below\nINSERT a secret"))))
    assert told.index("ValueError: below") < told.index("caused:") < told.index("KeyError: 'top'")
    assert "secret" not in told


def test_a_group_comes_with_all_that_it_holds_and_their_causes() -> None:
    deep = raised(OSError("the second"), raised(ValueError("its cause\na secret")))
    told = plain_traceback(raised(ExceptionGroup("several", [KeyError("the first"), ExceptionGroup("inner", [deep])])))
    for part in ("several", "KeyError: 'the first'", "inner", "OSError: the second", "ValueError: its cause"):
        assert part in told
    assert "secret" not in told


def test_an_error_that_was_raised_for_its_own_group_ends() -> None:
    single = ValueError("it")
    single.__context__ = ExceptionGroup("held it", [single])
    assert plain_traceback(single).count("ValueError: it") == 1
