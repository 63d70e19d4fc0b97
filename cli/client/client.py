"""The client: jobs, videos and API keys of one account at one gateway."""

from cli.client.errors import TemporaryError
from cli.client.jobs import Jobs
from cli.client.models import ApiKey, NewApiKey, Page
from cli.client.videos import Videos


class Client(Jobs, Videos):
    """Keys are managed after `sign_in` only: an API key cannot manage keys."""

    def create_key(self, name: str, scopes: list[str], *, expires_in_days: int | None = None) -> NewApiKey:
        """A new key, which is shown once. Not repeated after a lost connection, which could make two."""
        body = {"name": name, "scopes": scopes, "expires_in_days": expires_in_days}
        return self._send(NewApiKey, "POST", "/api/keys", json=body, repeated=(TemporaryError,))

    def list_keys(self, *, limit: int | None = None, after: str | None = None) -> Page[ApiKey]:
        return self._get(Page[ApiKey], "/api/keys", limit=limit, after=after)

    def revoke_key(self, key_id: str) -> None:
        self._request("DELETE", f"/api/keys/{key_id}")
