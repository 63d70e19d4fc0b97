import time
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from api.auth.keys import KeyRing
from api.webhooks import signing

OLD, NEW = SecretStr("the key before, which is long enough"), SecretStr("the key of today, which is long enough")
NONE = SecretStr("")
BODY = '{"type":"job.succeeded","data":{"prompt":"ein roter Kreis ○"}}'.encode()


def test_the_library_verifies_each_signature() -> None:
    secrets = [signing.new_secret(), signing.new_secret()]
    headers = signing.signed_headers("msg_1", int(time.time()), BODY, secrets)
    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers)["type"] == "job.succeeded"
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY, headers | {"webhook-id": "msg_2"})


def test_the_signature_is_that_of_the_library() -> None:
    secret = signing.new_secret()
    headers = signing.signed_headers("msg_1", 1_700_000_000, BODY, [secret])
    expected = Webhook(secret).sign("msg_1", datetime.fromtimestamp(1_700_000_000, UTC), BODY.decode())
    assert headers["webhook-signature"] == expected


def test_secrets_are_random_and_long() -> None:
    secrets = {signing.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 6 + 44 for secret in secrets)


def test_a_secret_is_encrypted_and_survives_a_rotation_of_the_key() -> None:
    secret = signing.new_secret()
    before, during, after = KeyRing.of(OLD, NONE), KeyRing.of(NEW, OLD), KeyRing.of(NEW, NONE)
    encrypted = signing.encrypt(before, secret)
    assert secret[6:] not in encrypted
    assert signing.renewed(before, encrypted) is None
    assert signing.decrypt(during, encrypted) == secret
    assert signing.decrypt(after, encrypted) is None
    assert signing.renewed(after, encrypted) is None
    renewed = signing.renewed(during, encrypted)
    assert renewed is not None
    assert signing.decrypt(after, renewed) == secret
