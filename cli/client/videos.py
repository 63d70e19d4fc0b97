"""Videos: search, change, trash, finish, share; their recipes."""

from typing import Any

from cli.client.connection import Connection, Json
from cli.client.errors import TemporaryError
from cli.client.jobs import new_idempotency_key
from cli.client.models import Job, NewShare, Page, Share, Video


class Videos(Connection):
    def list_videos(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        order: str | None = None,
        q: str | None = None,
        tag: str | None = None,
        favourite: bool | None = None,
        format: str | None = None,
        trashed: bool | None = None,
    ) -> Page[Video]:
        """A page of the videos that fulfil every given condition, the newest first."""
        return self._get(
            Page[Video], "/api/videos", limit=limit, after=after, order=order, q=q, tag=tag, favourite=favourite,
            format=format, trashed=trashed,
        )  # fmt: skip

    def video(self, video_id: str) -> Video:
        return self._get(Video, f"/api/videos/{video_id}")

    def change_video(self, video_id: str, **changes: Any) -> Video:
        """Change `title`, `tags`, `favourite`, `visibility` or `show_prompt`."""
        return self._send(Video, "PATCH", f"/api/videos/{video_id}", json=changes)

    def trash_video(self, video_id: str) -> Video:
        return self._send(Video, "DELETE", f"/api/videos/{video_id}")

    def restore_video(self, video_id: str) -> Video:
        return self._send(Video, "POST", f"/api/videos/{video_id}/restore")

    def recipe(self, video_id: str) -> Json:
        """A request that repeats the video."""
        return self._request("GET", f"/api/videos/{video_id}/recipe")

    def finish(self, video_id: str, **changes: Any) -> Job:
        """A job that makes the video from its kept base clip with another `width`, `height`, `fps` or `format`."""
        return self._send(Job, "POST", f"/api/videos/{video_id}/finish", json=changes, headers=new_idempotency_key())

    def share(self, video_id: str, **options: Any) -> NewShare:
        """A link to the video. Not repeated after a lost connection, which could make two."""
        return self._send(NewShare, "POST", f"/api/videos/{video_id}/shares", json=options, repeated=(TemporaryError,))

    def list_shares(self, video_id: str) -> Page[Share]:
        return self._get(Page[Share], f"/api/videos/{video_id}/shares")

    def revoke_share(self, share_id: str) -> None:
        self._request("DELETE", f"/api/shares/{share_id}")
