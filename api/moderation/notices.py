"""The statement of reasons for the owner of a moderated video, as a mail. The owner sees it with the video, too."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from api.mail.messages import Message
from api.settings import Settings
from db import mails
from db.moderation.decisions import Decided
from db.tables import Moderation, Video

OUTCOMES: Final = {
    Moderation.HIDDEN: "is hidden: nobody but you and the moderators can see it",
    Moderation.REJECTED: "was removed: its files are deleted, and the same video cannot be published again",
    Moderation.VISIBLE: "is visible again",
}


def notice(video: Video) -> Message:
    """The title of a video goes into the body only: a subject is one line, and shown on locked screens."""
    return Message(
        "A decision about one of your videos",
        f"""Your AuraAnim video "{video.title or video.id}" {OUTCOMES[Moderation(video.moderation_state)]}.

Reason: {video.moderation_reason}

{video.moderation_statement}

The decision is shown with the video, too.
""",
    )


async def notify_owners(session: AsyncSession, settings: Settings, decided: Decided) -> None:
    """Write a mail to the owner of each decided video, if mails are sent or printed."""
    if not settings.writes_mail:
        return
    for video, owner in decided.videos:
        message = notice(video)
        await mails.add(session, recipient=owner.email, subject=message.subject, body=message.body)
