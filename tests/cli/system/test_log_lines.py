"""What `aura up` reads in the logs of its processes."""

import json

import pytest

from cli.system.log_lines import cause, waiting_stages

LOG = (
    '{"event": "ready"}',
    '{"event": "waiting for stages", "stages": ["preprocess", "generate"]}',
    "something that is not JSON: waiting for stages",
    '{"event": "waiting for stages", "stages": ["generate"]}',
    "another line",
)
TRACEBACK = "Traceback (most recent call last):\n  File ...\nValueError: no such port"
CAUSES = {
    "an error with its reason": (
        [{"event": "the stages did not start", "level": "error", "error": "upscale: no such file"}, {"event": "ended"}],
        "the stages did not start: upscale: no such file",
    ),
    "an exception": (
        [{"event": "failed", "level": "critical", "exception": TRACEBACK}],
        "failed: ValueError: no such port",
    ),
    "the newest of two": (
        [{"event": "first", "level": "error"}, {"event": "second", "level": "error"}],
        "second",
    ),
    "no error": ([{"event": "starting", "level": "info"}], "starting"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_the_cause_is_the_newest_error(case: str) -> None:
    lines, expected = CAUSES[case]
    assert cause("\n".join(map(json.dumps, lines))) == expected


def test_the_cause_of_an_interpreter_that_does_not_start_is_its_last_line() -> None:
    assert cause(f"{TRACEBACK}\n\n") == "ValueError: no such port"
    assert cause("[1, 2]") == "[1, 2]"
    assert cause("") == "it has written nothing"


def test_the_missing_stages_are_read_from_the_log() -> None:
    assert waiting_stages("\n".join(LOG)) == ("generate",)
    assert waiting_stages("\n".join(LOG[:3])) == ("preprocess", "generate")
    assert waiting_stages("\n".join((*LOG, '{"event": "ready"}'))) == ()
    assert waiting_stages("") == ()
