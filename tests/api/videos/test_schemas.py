"""Bodies that the JSON schema of the OpenAPI document does not allow."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.videos.schemas import VideoChange


@pytest.mark.parametrize("value", ["true", 1, 0.0], ids=repr)
@pytest.mark.parametrize("field", ["favourite", "show_prompt"])
def test_only_true_and_false_are_booleans(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        VideoChange.model_validate({field: value})
