"""`aura login` and `aura logout` against a real gateway."""

import json
import stat

import pyotp
import pytest

from cli import credentials
from cli.client import ApiError, Client
from tests.cli.conftest import EMAIL, PASSWORD, Aura, Remote


def key_names(remote: Remote) -> list[str]:
    return [key.name for key in remote.client.list_keys(limit=100).data]


def test_login_stores_a_key_of_this_machine_that_only_its_owner_can_read(
    remote: Remote, aura: Aura, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "workbench")
    result = aura("login", f"{remote.url}/", input=f"{EMAIL}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    stored = credentials.default()
    assert stored is not None
    assert (stored.url, stored.email) == (remote.url, EMAIL)
    assert stored.key.startswith("aura_sk_")
    assert stored.key not in result.output
    assert "aura on workbench" in key_names(remote)
    assert stat.S_IMODE(credentials.path().stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials.path().parent.stat().st_mode) == 0o700
    assert PASSWORD not in credentials.path().read_text()


def test_a_second_login_replaces_and_revokes_the_first_key(remote: Remote, aura: Aura) -> None:
    keys = []
    for _ in range(2):
        result = aura("login", remote.url, "--email", EMAIL, "--json", "--days", "3", input=f"{PASSWORD}\n")
        assert result.exit_code == 0, result.output
        keys.append(json.loads(result.stdout))
    valid = [key.id for key in remote.client.list_keys(limit=100).data]
    assert keys[0]["id"] not in valid
    assert keys[1]["id"] in valid
    assert "key" not in keys[1]
    assert keys[1]["expires_at"] is not None


def test_logout_revokes_the_key_and_forgets_it(remote: Remote, aura: Aura, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_PASSWORD", PASSWORD)
    assert aura("login", remote.url, "--email", EMAIL).exit_code == 0
    stored = credentials.default()
    assert stored is not None
    with Client(remote.url, stored.key) as client:
        client.list_videos(limit=1)
        result = aura("logout")
        assert result.exit_code == 0, result.output
        with pytest.raises(ApiError) as error:
            client.list_videos(limit=1)
    assert error.value.code == "token_refused"
    assert credentials.default() is None
    assert aura("logout").exit_code == 3


def test_a_gateway_that_is_gone_can_be_forgotten(signed_in: Aura, remote: Remote) -> None:
    result = signed_in("logout", "--forget", "--json")
    assert (result.exit_code, json.loads(result.stdout)["revoked"]) == (0, False)
    assert credentials.of(remote.url) is None
    assert "tests" in key_names(remote)


def test_a_wrong_password_stores_nothing_and_has_its_own_status(remote: Remote, aura: Aura) -> None:
    result = aura("login", remote.url, "--email", "nobody@example.org", input="wrong password\n")
    assert result.exit_code == 3
    assert "aura: The email address or the password is wrong" in result.stderr
    assert credentials.default() is None


def test_the_second_factor_is_asked_for(remote: Remote, aura: Aura) -> None:
    email = "careful@example.org"
    with Client(remote.url) as client:
        client.sign_in(email, PASSWORD, register=True)
        secret = client._request("POST", "/api/me/second-factor", json={"password": PASSWORD})["secret"]
        codes = client._request("POST", "/api/me/second-factor/confirm", json={"code": pyotp.TOTP(secret).now()})[
            "recovery_codes"
        ]
    result = aura("login", remote.url, "--email", email, input=f"{PASSWORD}\n{codes[0]}\n")
    assert result.exit_code == 0, result.output
    assert "Code of the second factor" in result.stderr
    assert aura("login", remote.url, "--email", email, "--code", "000000", input=f"{PASSWORD}\n").exit_code == 3


@pytest.mark.parametrize("url", ["video.example.org", "ftp://example.org", "http://"])
def test_what_is_no_url_is_refused_before_a_password_is_asked_for(aura: Aura, url: str) -> None:
    result = aura("login", url)
    assert (result.exit_code, "not the URL of a gateway" in result.stderr) == (2, True)


def test_a_password_is_not_sent_in_clear_without_a_warning(aura: Aura) -> None:
    result = aura("login", "http://video.invalid", "--email", EMAIL, input=f"{PASSWORD}\n")
    assert "unencrypted" in result.stderr
    assert result.exit_code == 1


def test_a_damaged_file_of_credentials_is_one_line_of_error(aura: Aura) -> None:
    credentials.path().parent.mkdir(parents=True)
    credentials.path().write_text("{")
    result = aura("list", "--remote")
    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    assert result.stderr.count("\n") == 1
