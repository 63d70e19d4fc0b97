"""The expected errors of this package, and the classification of database errors.

AuraError
├── EmailTaken
├── SubmissionRefused        carries retry_after, in seconds
│   ├── QueueFull
│   └── QuotaExceeded
├── IdempotencyKeyReuse
├── NotRetryable
├── NotEnded
├── BaseGone
├── TooManyTags
├── VideoModerated
├── PromptInFile
├── AlreadyDecided
├── TooManyShares
├── TooManyKeys
├── TooManyWebhooks
├── StorageError
│   ├── BadKey
│   ├── ObjectMissing
│   └── StorageUnavailable
└── PostgresFailed           the embedded server
    └── PostgresInUse
"""

import errno
import ssl
from socket import gaierror
from typing import ClassVar, Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class AuraError(Exception):
    """An expected error: it has a stable code, and its docstring is the default message."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class EmailTaken(AuraError):
    """An account with this e-mail address exists already."""

    code = "email_taken"


class SubmissionRefused(AuraError):
    """A limit of this account is reached."""

    code = "refused"

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(SubmissionRefused):
    """Too many jobs of this account are waiting already."""

    code = "queue_full"


class QuotaExceeded(SubmissionRefused):
    """The seconds of video this account may generate in a day are used up."""

    code = "quota_exceeded"


class IdempotencyKeyReuse(AuraError):
    """This Idempotency-Key was used with another request."""

    code = "idempotency_key_reuse"


class NotRetryable(AuraError):
    """Only a failed or canceled job can be retried."""

    code = "not_retryable"


class NotEnded(AuraError):
    """A queued or running job cannot be moved to the trash: cancel it first."""

    code = "not_ended"


class TooManyKeys(AuraError):
    """This account has as many API keys as it may have: revoke one first."""

    code = "too_many_keys"


class TooManyWebhooks(AuraError):
    """This account has as many webhooks as it may have: delete one first."""

    code = "too_many_webhooks"


class VideoModerated(AuraError):
    """A moderator has hidden or rejected this video: it can be neither shared nor finished."""

    code = "video_moderated"


class PromptInFile(AuraError):
    """The file of this video contains its prompt: show the prompt, or finish the video again and share the new file."""

    code = "prompt_in_file"


class AlreadyDecided(AuraError):
    """This decision was made already, or the video was rejected, which is final."""

    code = "already_decided"


class TooManyShares(AuraError):
    """This video has too many share links: revoke one first."""

    code = "too_many_shares"


class BaseGone(AuraError):
    """The base clip of this video is not kept any more: generate the video again."""

    code = "base_gone"


class TooManyTags(AuraError):
    """A video has at most 20 tags."""

    code = "too_many_tags"


class StorageError(AuraError):
    """The object store failed."""

    code = "storage_error"


class BadKey(StorageError):
    """The key of an object must be plain names separated by slashes."""

    code = "bad_key"


class ObjectMissing(StorageError):
    """There is no object with this key."""

    code = "object_missing"


class StorageUnavailable(StorageError):
    """The object store cannot be reached or does not work."""

    code = "storage_unavailable"


class PostgresFailed(AuraError):
    """The embedded PostgreSQL did not start."""

    code = "postgres_failed"


class PostgresInUse(PostgresFailed):
    """Another process runs PostgreSQL on this data directory."""

    code = "postgres_in_use"


# Every exception that database access raises. Catch these, and re-raise unless `is_transient`.
DATABASE_ERRORS: Final = (
    DBAPIError,
    PoolTimeout,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
# SQLSTATE classes: connection, transaction rollback, insufficient resources, locks, operator intervention.
_TRANSIENT_CLASSES: Final = {"08", "40", "53", "55", "57"}
# read_only_sql_transaction (a standby answers during failover), idle_in_transaction_session_timeout.
_TRANSIENT_STATES: Final = {"25006", "25P03"}
# None: asyncio found several addresses for the host, and none of them answered.
_TRANSIENT_ERRNOS: Final = {
    None,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
    errno.EMFILE,
    errno.ENFILE,
}
_TRANSIENT_OS_ERRORS: Final = (ConnectionError, TimeoutError, gaierror, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def is_transient(error: BaseException) -> bool:
    """Whether the database was unreachable, restarting, overloaded or busy, so that a retry may succeed."""
    if isinstance(error, OSError):
        return isinstance(error, _TRANSIENT_OS_ERRORS) or error.errno in _TRANSIENT_ERRNOS
    if isinstance(error, DBAPIError):
        lost = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
        return lost or _is_transient_state(getattr(error.orig, "sqlstate", None))
    if isinstance(error, asyncpg.PostgresError):
        return _is_transient_state(error.sqlstate)
    return isinstance(error, PoolTimeout | asyncpg.InterfaceError | asyncpg.InternalClientError)


def _is_transient_state(sqlstate: str | None) -> bool:
    return sqlstate is not None and (sqlstate[:2] in _TRANSIENT_CLASSES or sqlstate in _TRANSIENT_STATES)
