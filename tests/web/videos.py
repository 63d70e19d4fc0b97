"""Finished videos of one user, without generating them: rows, and their files in the local store."""

import io
from collections.abc import Iterable
from fractions import Fraction
from uuid import UUID

import av
import numpy as np
from PIL import Image
from sqlalchemy import select

from cli.system.data_dir import DataDir
from cli.users import database_url
from db.engine import connect, sessions
from db.ids import uuid7
from db.tables import Artifact, User, Video

SIDE = 64
FPS = 8
FRAMES = 8
SHA256 = "0" * 64
MEDIA = {"width": SIDE, "height": SIDE, "fps": float(FPS), "frames": FRAMES, "duration": FRAMES / FPS, "sha256": SHA256}


async def add_videos(data_dir: DataDir, email: str, prompts: Iterable[str]) -> None:
    """One video for each prompt, all of them with the same content."""
    content = _mp4()
    engine = connect(database_url(data_dir.path))
    try:
        async with sessions(engine).begin() as session:
            owner_id = (await session.scalars(select(User.id).where(User.email == email))).one()
            for number, prompt in enumerate(prompts):
                video = _video(owner_id, prompt)
                session.add(video)
                await session.flush()
                poster = _store(data_dir, "poster.webp", _poster(number))
                session.add(_artifact(video.id, "poster", poster, "image/webp"))
                session.add(_artifact(video.id, "video", _store(data_dir, "video.mp4", content), "video/mp4"))
    finally:
        await engine.dispose()


def _video(owner_id: UUID, prompt: str) -> Video:
    columns = {"format": "mp4", "width": SIDE, "height": SIDE, "fps": float(FPS), "frames": FRAMES, "duration": 1.0}
    return Video(id=uuid7(), owner_id=owner_id, prompt=prompt, spec={"prompt": prompt}, resolved={}, **columns)


def _artifact(video_id: UUID, kind: str, key: str, content_type: str) -> Artifact:
    return Artifact(video_id=video_id, kind=kind, key=key, content_type=content_type, size_bytes=100, **MEDIA)


def _store(data_dir: DataDir, name: str, content: bytes) -> str:
    key = f"jobs/{uuid7()}/1/{name}"
    path = data_dir.path / "objects" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return key


def _poster(number: int) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (number % 256, 90, 160)).save(picture, "WEBP")
    return picture.getvalue()


def _mp4() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for number in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.full((SIDE, SIDE, 3), number * 30, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()
