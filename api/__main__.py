"""`python -m api`: run the gateway with the limits of `api.server` on connections."""

import argparse
import os

from api.app import create_app
from api.server.config import GatewayServer, listen, server_config
from api.settings import load


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m api", description="Run the AuraAnim gateway.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    settings = load()
    app = create_app(settings)
    # Proxies whose X-Forwarded-For header is trusted.
    trusted_proxies = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
    config = server_config(app, settings, trusted_proxies)
    GatewayServer(config).run(sockets=[listen(options.host, options.port)])


if __name__ == "__main__":
    main()
