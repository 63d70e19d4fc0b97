import json

from tests.api.conftest import ApiUser, Server, Worker
from tests.api.events.reader import open_reader


async def test_a_snapshot_is_one_message_of_bounded_size(server: Server, alice: ApiUser, worker: Worker) -> None:
    for _ in range(60):
        await worker.enqueue(alice.id, prompt="鳥" * 2000)
    async with open_reader(server, alice.token) as reader:
        message = await reader.next()
        assert len(json.dumps(message, ensure_ascii=False).encode()) < 256 * 1024
        assert message["data"]["complete"] is False
