"""Hooks of schemathesis: prompts of any characters, and accounts that the requests must not change."""

import json
import os
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies as st

from pipeline.contract.spec import MAX_PROMPT_CHARS

# Surrogates are not in UTF-8; JSON escapes of them are tried by tests/pipeline/contract.
PROMPTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_PROMPT_CHARS)
# An administrator who disables the own account would end the run's authentication.
KEPT_ACCOUNTS = frozenset(json.loads(os.environ.get("KEPT_ACCOUNTS", "[]")))


@schemathesis.hook
def flatmap_body(_: schemathesis.HookContext, body: Any) -> st.SearchStrategy[Any]:
    if not isinstance(body, dict) or not isinstance(body.get("prompt"), str):
        return st.just(body)
    return st.one_of(st.just(body), PROMPTS.map(lambda prompt: {**body, "prompt": prompt}))


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    if case.path_parameters.get("user_id") in KEPT_ACCOUNTS:
        case.path_parameters["user_id"] = str(uuid.uuid4())
