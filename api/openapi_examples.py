"""Examples of request bodies, by the name of their schema in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

EMAIL: Final = "ada@example.org"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105  (an example)

EXAMPLES: Final[Mapping[str, dict[str, Any]]] = {
    "Spec": {
        "prompt": "a red circle moving to the right",
        "negative_prompt": "blurry",
        "width": 512,
        "height": 512,
        "fps": 24,
        "duration_seconds": 2.0,
        "seed": 7,
    },
    "PromptPreviewRequest": {"prompt": "a star", "style": "night", "enhance_prompt": True},
    "Credentials": {"email": EMAIL, "password": PASSWORD},
    "Registration": {"email": EMAIL, "password": PASSWORD},
    "EmailVerification": {"token": "the token of the link in the mail"},
    "PasswordResetRequest": {"email": EMAIL},
    "PasswordReset": {"token": "the token of the link in the mail", "password": PASSWORD},
    "ProfileChange": {"display_name": "Ada"},
    "PasswordChange": {"current_password": PASSWORD, "new_password": "another horse and its battery"},
    "PasswordConfirmation": {"password": PASSWORD},
    "CodeConfirmation": {"code": "123456"},
    "AccountChange": {"role": "moderator"},
    "InvitationRequest": {"role": "user"},
    "NewKey": {"name": "render farm", "scopes": ["jobs:read", "jobs:write"], "expires_in_days": 90},
    "NewWebhook": {
        "url": "https://hooks.example.org/auraanim",
        "events": ["job.succeeded", "job.failed"],
        "description": "render farm",
    },
    "WebhookChange": {"events": ["job.succeeded"], "enabled": True},
    "EmailChange": {"password": PASSWORD, "email": "ada@example.net"},
    "EmailConfirmation": {"token": "the token of the link in the mail"},
    "PasskeyRegistration": {
        "name": "laptop",
        "credential": {"id": "…", "rawId": "…", "response": {}, "type": "public-key"},
    },
    "PasskeySignIn": {"credential": {"id": "…", "rawId": "…", "response": {}, "type": "public-key"}},
    "PasskeyChange": {"name": "laptop"},
    "ShareRequest": {"expires_in_days": 30, "password": "blue-parrot-42", "show_prompt": False},
    "SharePasswordEntry": {"password": "blue-parrot-42"},
    "ReportRequest": {
        "video_id": "01998f2c-7a8b-7c3d-9e4f-5a6b7c8d9e0f",
        "reason": "copyright",
        "details": "The song is mine.",
    },
    "DecisionRequest": {
        "action": "hide",
        "reason": "copyright",
        "statement": "The video shows a work of somebody else. Reply to this mail if you have a licence.",
    },
    "BulkRequest": {"ids": ["019ab0c1-7d3e-7c55-9d3a-2f0f8a1c9b10"], "action": "add_tag", "tag": "holiday"},
    "VideoChange": {"title": "A circle", "tags": ["shapes"], "favourite": True},
    "FinishRequest": {"width": 1024, "height": 1024, "fps": 30},
}
