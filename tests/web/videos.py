"""Many finished videos of one user, without generating them: rows, and a poster for each in the local store."""

import io
from uuid import UUID

from PIL import Image
from sqlalchemy import select

from cli.system.data_dir import DataDir
from cli.users import database_url
from db.engine import connect, sessions
from db.ids import uuid7
from db.tables import Artifact, User, Video

SIDE = 64
SHA256 = "0" * 64


async def add_videos(data_dir: DataDir, email: str, count: int) -> None:
    engine = connect(database_url(data_dir.path))
    try:
        async with sessions(engine).begin() as session:
            owner_id = (await session.scalars(select(User.id).where(User.email == email))).one()
            for number in range(count):
                video = _video(owner_id, number)
                session.add(video)
                await session.flush()
                poster = _poster(data_dir, number)
                session.add(Artifact(video_id=video.id, kind="poster", key=poster, content_type="image/webp", **MEDIA))
                session.add(Artifact(video_id=video.id, kind="video", key=f"{poster}.mp4", **VIDEO, **MEDIA))
    finally:
        await engine.dispose()


MEDIA = {"width": SIDE, "height": SIDE, "fps": 8.0, "frames": 8, "duration": 1.0, "size_bytes": 100, "sha256": SHA256}
VIDEO = {"content_type": "video/mp4"}


def _video(owner_id: UUID, number: int) -> Video:
    prompt = f"a red circle, number {number}"
    columns = {"format": "mp4", "width": SIDE, "height": SIDE, "fps": 8.0, "frames": 8, "duration": 1.0}
    return Video(id=uuid7(), owner_id=owner_id, prompt=prompt, spec={}, resolved={}, **columns)


def _poster(data_dir: DataDir, number: int) -> str:
    key = f"jobs/{uuid7()}/1/poster.webp"
    path = data_dir.path / "objects" / key
    path.parent.mkdir(parents=True)
    picture = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (number % 256, 90, 160)).save(picture, "WEBP")
    path.write_bytes(picture.getvalue())
    return key
