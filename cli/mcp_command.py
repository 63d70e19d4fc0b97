"""The command `aura mcp`."""

from cli.console import ApiOption, exit_with_error


def mcp(api: ApiOption = None) -> None:
    """Serve tools for assistants over stdin and stdout (Model Context Protocol): generate, status, result, list.

    They use the gateway of AURA_API_URL with AURA_API_KEY, or the one of the last `aura login`.
    """
    try:
        from cli.mcp_server import create_server
    except ModuleNotFoundError as error:
        exit_with_error(f"{error.name} is not installed: run `make setup`, or pip install 'auraanim[mcp]'")
    from cli.client import Client
    from cli.gateway import NotSignedIn, chosen_api, remote_key, reported_errors

    with reported_errors():
        url = chosen_api(api, remote=True)
        key = remote_key(url)
        if url is None or key is None:
            raise NotSignedIn(f"not signed in to {url}: run `aura login {url}`, or set AURA_API_KEY")
        with Client(url, key) as client:
            create_server(client).run()
