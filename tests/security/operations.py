"""What each operation of the API answers to whom. A new operation needs a line here, or `test_roles.py` fails.

The columns of an expectation: owner, other user, visitor, moderator, administrator, API key of the owner (with all
scopes but `admin`), API key of the other user. `ok` is a success; a number is the status of a refusal.
"""

from dataclasses import dataclass, field
from typing import Any, Final

CALLERS: Final = ("owner", "other", "visitor", "moderator", "admin", "key", "other_key")

# An object of the owner.
OWNED: Final = "ok 404 401 404 404 ok 404"
OWNED_BY_SESSION: Final = "ok 404 401 404 404 403 403"
# The caller's own things: everybody signed in has some, and sees none of the owner's.
OWN: Final = "ok ok 401 ok ok ok ok"
OWN_BY_SESSION: Final = "ok ok 401 ok ok 403 403"
MODERATOR: Final = "403 403 401 ok ok 403 403"
ADMIN: Final = "403 403 401 403 ok 403 403"
PUBLIC: Final = "ok ok ok ok ok ok ok"


def everyone(status: int) -> str:
    """The same refusal for all callers, the owner too: the request does not name what it needs."""
    return " ".join([str(status)] * len(CALLERS))


@dataclass(frozen=True)
class Operation:
    """`shows`: what of the owner's may be in the answer to others that are not refused."""

    expected: str
    body: dict[str, Any] | None = None
    query: str = ""
    shows: frozenset[str] = frozenset()
    answers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", tuple(self.expected.split()))
        assert len(self.answers) == len(CALLERS)


PASSWORD: Final = "correct horse battery"
CONFIRMED: Final = {"password": PASSWORD}
DECISION: Final = {"action": "hide", "reason": "spam", "statement": "It is an advertisement."}
EVERYTHING: Final = frozenset(
    {"prompt", "title", "tag", "email", "name", "user_id", "job_id", "video_id", "share_id", "key_id", "session_id",
     "key_name", "passkey_id", "passkey_name", "token", "agent", "webhook_id", "webhook_url", "delivery_id"}
)  # fmt: skip
# A published or shared video has its title; its files have the id of its job in their names.
VISIBLE: Final = frozenset({"title", "job_id", "video_id"})
ACCOUNT: Final = frozenset({"email", "name", "user_id"})

OPERATIONS: Final[dict[str, Operation]] = {
    # Without authentication: the refusal is about the body, a missing cookie or a missing signature.
    "POST /api/auth/register": Operation(PUBLIC, {"email": "{fresh}@example.org", "password": PASSWORD}),
    "POST /api/auth/verify-email": Operation(everyone(403), {"token": "x"}),
    "POST /api/auth/login": Operation(everyone(401), {"email": "{email}", "password": "not the password"}),
    "POST /api/auth/refresh": Operation(everyone(401)),
    "POST /api/auth/logout": Operation(PUBLIC),
    "POST /api/auth/password/forgot": Operation(PUBLIC, {"email": "{email}"}),
    "POST /api/auth/password/reset": Operation(everyone(403), {"token": "x", "password": PASSWORD}),
    "POST /api/auth/passkey/options": Operation(PUBLIC),
    "POST /api/auth/passkey/login": Operation(everyone(401), {"credential": {"rawId": "{credential_id}"}}),
    "GET /api/files/{key}": Operation(everyone(403)),
    "GET /api/gallery": Operation(PUBLIC),
    "GET /api/gallery/{video_id}": Operation(everyone(404)),
    "GET /api/shared/{token}": Operation(PUBLIC, shows=VISIBLE),
    "POST /api/shared/{token}": Operation(PUBLIC, {"password": "any"}, shows=VISIBLE),
    "POST /api/reports": Operation(everyone(404), {"video_id": "{video_id}", "reason": "spam"}),
    "GET /healthz": Operation(PUBLIC),
    "GET /readyz": Operation(PUBLIC),
    "GET /test": Operation(PUBLIC),
    # The account of the caller.
    "GET /api/me": Operation(OWN_BY_SESSION),
    "PATCH /api/me": Operation(OWN_BY_SESSION, {"display_name": "changed"}),
    "DELETE /api/me": Operation(OWN_BY_SESSION, CONFIRMED),
    "POST /api/me/email": Operation(OWN_BY_SESSION, CONFIRMED | {"email": "{fresh}@example.org"}),
    "POST /api/me/email/confirm": Operation("403 403 401 403 403 403 403", {"token": "x"}),
    "POST /api/me/password": Operation(
        OWN_BY_SESSION, {"current_password": PASSWORD, "new_password": "another horse and its battery"}
    ),
    "GET /api/me/sessions": Operation(OWN_BY_SESSION),
    "DELETE /api/me/sessions": Operation(OWN_BY_SESSION),
    "DELETE /api/me/sessions/{session_id}": Operation(OWNED_BY_SESSION),
    "POST /api/me/second-factor": Operation(OWN_BY_SESSION, CONFIRMED),
    "POST /api/me/second-factor/confirm": Operation("403 403 401 403 403 403 403", {"code": "000000"}),
    "DELETE /api/me/second-factor": Operation(OWN_BY_SESSION, CONFIRMED),
    "GET /api/me/export": Operation(OWN_BY_SESSION),
    "POST /api/me/passkeys/options": Operation(OWN_BY_SESSION, CONFIRMED),
    "POST /api/me/passkeys": Operation("403 403 401 403 403 403 403", {"name": "x", "credential": {}}),
    "GET /api/me/passkeys": Operation(OWN_BY_SESSION),
    "PATCH /api/me/passkeys/{passkey_id}": Operation(OWNED_BY_SESSION, {"name": "changed"}),
    "DELETE /api/me/passkeys/{passkey_id}": Operation(OWNED_BY_SESSION, CONFIRMED),
    "POST /api/keys": Operation(OWN_BY_SESSION, {"name": "new", "scopes": ["jobs:read"]}),
    "GET /api/keys": Operation(OWN_BY_SESSION),
    "DELETE /api/keys/{key_id}": Operation(OWNED_BY_SESSION),
    "POST /api/ws/ticket": Operation(OWN),
    # Jobs and videos.
    "POST /api/generate": Operation(OWN, {"prompt": "of the caller"}),
    "GET /api/status/{job_id}": Operation(OWNED),
    "GET /api/result/{job_id}": Operation(OWNED),
    "GET /api/jobs": Operation(OWN),
    "POST /api/jobs/{job_id}/cancel": Operation(OWNED),
    "POST /api/jobs/{job_id}/retry": Operation("409 404 401 404 404 409 404"),
    "DELETE /api/jobs/{job_id}": Operation(OWNED),
    "POST /api/jobs/{job_id}/restore": Operation(OWNED),
    "GET /api/jobs/{job_id}/events": Operation(OWNED),
    "GET /api/models": Operation(OWN),
    "GET /api/styles": Operation(OWN),
    "POST /api/styles/preview": Operation(OWN, {"prompt": "of the caller", "enhance_prompt": True}),
    "POST /api/generate/estimate": Operation(OWN, {"prompt": "of the caller", "model": "tiny"}),
    "GET /api/videos": Operation(OWN),
    "GET /api/videos/tags": Operation(OWN),
    "POST /api/videos/bulk": Operation(OWNED, {"ids": ["{video_id}"], "action": "trash"}),
    "GET /api/videos/{video_id}": Operation(OWNED),
    "PATCH /api/videos/{video_id}": Operation(OWNED, {"title": "changed"}),
    "DELETE /api/videos/{video_id}": Operation(OWNED),
    "POST /api/videos/{video_id}/restore": Operation(OWNED),
    "GET /api/videos/{video_id}/recipe": Operation(OWNED),
    "POST /api/videos/{video_id}/finish": Operation("409 404 401 404 404 409 404", {"fps": 24}),
    "POST /api/videos/{video_id}/shares": Operation(OWNED, {}),
    "GET /api/videos/{video_id}/shares": Operation(OWNED),
    "DELETE /api/shares/{share_id}": Operation(OWNED),
    "POST /api/webhooks": Operation(OWN, {"url": "https://hooks.example.org/new", "events": ["job.failed"]}),
    "GET /api/webhooks": Operation(OWN),
    "PATCH /api/webhooks/{webhook_id}": Operation(OWNED, {"enabled": False}),
    "DELETE /api/webhooks/{webhook_id}": Operation(OWNED),
    "POST /api/webhooks/{webhook_id}/rotate-secret": Operation(OWNED),
    "POST /api/webhooks/{webhook_id}/test": Operation(OWNED),
    "GET /api/webhooks/{webhook_id}/deliveries": Operation(OWNED),
    "POST /api/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": Operation(OWNED),
    # The routes of OpenAI's clients. Their videos are jobs.
    "POST /v1/videos": Operation(OWN, {"prompt": "of the caller"}),
    "GET /v1/videos": Operation(OWN),
    "GET /v1/videos/{job_id}": Operation(OWNED),
    "DELETE /v1/videos/{job_id}": Operation(OWNED),
    "POST /v1/videos/{job_id}/remix": Operation(OWNED, {"prompt": "of the caller"}),
    "GET /v1/videos/{job_id}/content": Operation(OWNED),
    "GET /v1/models": Operation(OWN),
    "GET /v1/models/{model}": Operation(OWN),
    # Roles.
    "GET /api/moderation/reports": Operation(MODERATOR),
    "GET /api/moderation/videos/{video_id}": Operation(MODERATOR, shows=EVERYTHING),
    "POST /api/moderation/videos/{video_id}": Operation(MODERATOR, DECISION, shows=EVERYTHING),
    "GET /api/admin/users": Operation(ADMIN, shows=ACCOUNT),
    "PATCH /api/admin/users/{user_id}": Operation(ADMIN, {"role": "moderator"}, shows=ACCOUNT),
    "POST /api/admin/invitations": Operation(ADMIN, {}),
    "GET /api/admin/queue": Operation(ADMIN),
    "GET /api/admin/workers": Operation(ADMIN, shows=frozenset({"user_id", "job_id"})),
    "GET /api/admin/storage": Operation(ADMIN, shows=ACCOUNT),
    "GET /api/admin/failures": Operation(ADMIN, shows=ACCOUNT | {"job_id"}),
    "GET /api/admin/audit": Operation(ADMIN, shows=frozenset({"user_id", "key_id", "key_name", "session_id"})),
}
