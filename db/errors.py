"""What can go wrong with rows and objects, by name.

AuraError
├── EmailTaken
├── SubmissionRefused        carries retry_after, in seconds
│   ├── QueueFull
│   └── QuotaExceeded
├── IdempotencyKeyReuse
├── NotRetryable
├── NotEnded
├── StorageError
│   ├── BadKey
│   ├── ObjectMissing
│   └── StorageUnavailable
└── PostgresFailed           the embedded server
    └── PostgresInUse
"""

from typing import ClassVar


class AuraError(Exception):
    """Something expected went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class EmailTaken(AuraError):
    """An account with this e-mail address exists already."""

    code = "email_taken"


class SubmissionRefused(AuraError):
    """Not now: a limit of this account is reached."""

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
    """Only a failed or canceled job can be tried again."""

    code = "not_retryable"


class NotEnded(AuraError):
    """A job that waits or runs cannot be thrown away: cancel it first."""

    code = "not_ended"


class StorageError(AuraError):
    """The object store refused."""

    code = "storage_error"


class BadKey(StorageError):
    """The key of an object is made of plain names, separated by slashes."""

    code = "bad_key"


class ObjectMissing(StorageError):
    """There is no object under this key."""

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
