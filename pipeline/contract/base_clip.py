"""The kept base clip: an object in the store, and the record of it in `jobs.base`.

`generate` is the expensive stage. Its output is stored without loss, so that a later attempt or a retry continues from
it. The database stores this model as JSON (`BaseClip.model_dump(mode="json")`) and treats it as a mapping.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

# The name of the object under the key prefix of its attempt.
BASE_CLIP_FILE: Final = "base.mkv"


class BaseClip(BaseModel):
    # "ignore": during a rolling upgrade an older dispatcher reads records that a newer one has written.
    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    content_type: str
    sha256: str
    size_bytes: int
    width: int
    height: int
    frames: int
    fps: float
    plan: dict[str, Any] = Field(description="the Plan that was rendered, as JSON")
    reduced: bool = Field(False, description="rendered with the reduced plan that follows an out-of-memory error")
