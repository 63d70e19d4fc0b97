"""What administrators see of a running system: its dispatcher, the replicas that Ray reports, the measured storage."""

import asyncio

from cli.users import database_url
from db import dispatchers
from db.dispatchers import Seen
from db.engine import connect, sessions
from db.storage import figures
from pipeline.contract.progress import Stage
from tests.e2e.conftest import RunningSystem
from tests.e2e.test_system import wait_until


async def read(system: RunningSystem) -> tuple[list[Seen], dict[str, figures.Figures]]:
    engine = connect(database_url(system.data_dir.path), pool_size=1)
    async with sessions(engine)() as session:
        found = await dispatchers.listed(session), await figures.latest(session)
    await engine.dispose()
    return found


def current(system: RunningSystem) -> Seen | None:
    """The dispatcher that runs now: one that another test killed is listed as lost."""
    owner = f":{system.pids()['dispatcher']}:"
    return next((seen for seen in asyncio.run(read(system))[0] if owner in seen.dispatcher.owner), None)


def test_the_dispatcher_its_replicas_and_the_storage_are_seen(system: RunningSystem) -> None:
    wait_until(lambda: figures.STORED in asyncio.run(read(system))[1])
    expected = {stage.value: {"running": 1} for stage in Stage}
    wait_until(lambda: (seen := current(system)) is not None and seen.dispatcher.replicas == expected)
    seen = current(system)
    assert seen is not None
    assert not seen.lost
