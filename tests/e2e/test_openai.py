"""The official SDK of OpenAI against the whole system: real frames, through a key that was made over the API."""

import io
from collections.abc import Iterator

import av
import httpx
import openai
import pytest
from openai import OpenAI
from PIL import Image

from cli.system.data_dir import LOCAL_EMAIL
from tests.e2e.conftest import RunningSystem

# OpenAI's own servers no longer have this API.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@pytest.fixture(scope="module")
def sdk(system: RunningSystem) -> Iterator[OpenAI]:
    body = {"name": "sdk", "scopes": ["jobs:read", "jobs:write"], "expires_in_days": 1}
    credentials = {"email": LOCAL_EMAIL, "password": system.data_dir.secrets["PASSWORD"]}
    with httpx.Client(base_url=system.url) as http:
        token = http.post("/api/auth/login", json=credentials).json()["access_token"]
        key = http.post("/api/keys", json=body, headers={"Authorization": f"Bearer {token}"}).json()["key"]
    with OpenAI(base_url=f"{system.url}/v1", api_key=key) as client:
        yield client


def test_the_sdk_makes_downloads_remixes_and_deletes_a_video(sdk: OpenAI) -> None:
    video = sdk.videos.create_and_poll(
        prompt="a red circle moving right",
        model="tiny",
        size="256x128",  # type: ignore[arg-type]
        extra_body={"num_frames": 12, "fps": 8, "seed": 7, "num_inference_steps": 2},
    )
    assert video.status == "completed", video.error
    data = sdk.videos.download_content(video.id).content
    with av.open(io.BytesIO(data)) as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height, sum(1 for _ in container.decode(stream))) == (256, 128, 12)
    thumbnail = Image.open(io.BytesIO(sdk.videos.download_content(video.id, variant="thumbnail").content))
    assert thumbnail.size == (256, 128)
    sheet = Image.open(io.BytesIO(sdk.videos.download_content(video.id, variant="spritesheet").content))
    assert sheet.size == (4 * 160, 3 * 80)
    remix = sdk.videos.poll(sdk.videos.remix(video.id, prompt="a blue square moving left").id)
    assert (remix.status, remix.remixed_from_video_id) == ("completed", video.id)
    assert [one.id for one in sdk.videos.list(limit=1)][:2] == [remix.id, video.id]
    assert sdk.videos.delete(video.id).deleted
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve(video.id)
