"""The program that the raylet runs to start a worker: it requests one from the fork server, or becomes the worker.

A script and not a module of the package: it imports little, because it runs once for each worker. AURA_FORK_SERVER is
the socket of the server, AURA_RAY_WORKER the file that Ray would run.
"""

import json
import os
import socket
import sys


def fork(argv: list[str]) -> bool:
    """Whether the server has forked a worker with these arguments."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ["AURA_FORK_SERVER"])
            request = {"argv": argv, "cwd": os.getcwd(), "environment": dict(os.environ)}
            body = json.dumps(request).encode()
            message = b"%010d" % len(body) + body
            sent = socket.send_fds(connection, [message], [0, 1, 2])
            # The connection is closed after the answer, and even an empty send fails then.
            if sent < len(message):
                connection.sendall(message[sent:])
            return bool(connection.recv(16))
    except (KeyError, OSError):
        return False


if __name__ == "__main__":
    arguments = [os.environ["AURA_RAY_WORKER"], *sys.argv[1:]]
    if not fork(arguments):
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606
