"""Debian's OpenStack Swift with its S3 middleware on 127.0.0.1: an S3 store that verifies signatures."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from db.embedded import free_port

# tempauth requires a memcache, which S3 requests do not use. Connections to port 1 are refused at once.
ACCESS_KEY, SECRET_KEY = "test:tester", "testing-secret"
_KINDS = ("account", "container", "object", "proxy")
_USER = "swift" if os.geteuid() == 0 else os.environ.get("USER", "")
_PROXY = f"""[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {{port}}
workers = 0
user = {_USER}
swift_dir = {{etc}}
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:slo]
use = egg:swift#slo
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {SECRET_KEY} .admin
"""
_STORE = f"""[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {{port}}
workers = 0
user = {_USER}
swift_dir = {{etc}}
devices = {{devices}}
mount_check = false
[pipeline:main]
pipeline = {{kind}}-server
[app:{{kind}}-server]
use = egg:swift#{{kind}}
"""
_CLUSTER = """[swift-hash]
swift_hash_path_suffix = tests
[storage-policy:0]
name = only
default = yes
"""
_RINGS = """
import ast, sys
from swift.common.ring import RingBuilder
for path, port in ast.literal_eval(sys.argv[1]):
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(path)
"""


def missing() -> str:
    """Why Swift cannot run here; empty if it can."""
    absent = [name for name in (f"swift-{kind}-server" for kind in _KINDS) if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A Swift of four processes with its files in a directory; yields host:port. It exits after ten minutes."""
    etc, devices = folder / "etc", folder / "devices"
    etc.mkdir(parents=True)
    (devices / "d1").mkdir(parents=True)
    (etc / "swift.conf").write_text(_CLUSTER)
    ports = {kind: free_port() for kind in _KINDS}
    for kind in _KINDS[:3]:
        (etc / f"{kind}.conf").write_text(_STORE.format(port=ports[kind], etc=etc, devices=devices, kind=kind))
    _make_rings(etc, ports)
    (etc / "proxy.conf").write_text(_PROXY.format(port=ports["proxy"], etc=etc))
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", _USER, str(folder)], check=True)
    processes = [_start(folder, kind) for kind in ports]
    try:
        for port in ports.values():
            _wait(port)
        yield f"127.0.0.1:{ports['proxy']}"
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            process.wait(10)


def _start(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    command = ["timeout", "600", f"swift-{kind}-server", str(folder / "etc" / f"{kind}.conf"), "--verbose"]
    environment = {**os.environ, "SWIFT_DIR": str(folder / "etc"), "PYTHONWARNINGS": "ignore"}
    with (folder / f"{kind}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)


def _make_rings(etc: Path, ports: dict[str, int]) -> None:
    devices = [(str(etc / f"{kind}.ring.gz"), port) for kind, port in ports.items() if kind != "proxy"]
    builder = subprocess.run(
        ["/usr/bin/python3", "-W", "ignore", "-c", _RINGS, repr(devices)], capture_output=True, check=False
    )
    assert builder.returncode == 0, builder.stderr.decode()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
