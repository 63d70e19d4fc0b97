"""TCP ports of this machine."""

import random
import socket
from typing import Final

# Above the ports that Ray gives its workers (10002 to 19999) and below the lowest that the kernel gives to outgoing
# connections: neither takes the port between this call and its use.
CANDIDATES: Final = range(20000, 32768)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is not in use now.

    Raises:
        OSError: none of 100 random ports is free.
    """
    for port in random.sample(CANDIDATES, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError("no free TCP port was found")
