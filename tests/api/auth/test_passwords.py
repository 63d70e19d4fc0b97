import statistics
import time

from api.auth.passwords import Passwords

PASSWORD = "correct horse battery"


async def test_verification_takes_the_same_time_without_an_account() -> None:
    """Hashing dominates the time of a login: skipping it would reveal which addresses have accounts."""
    passwords = Passwords()
    password_hash = await passwords.hash(PASSWORD)

    async def seconds(stored: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.verify("another password", stored)
        return time.perf_counter() - started

    unknown = statistics.median([await seconds(None) for _ in range(5)])
    wrong = statistics.median([await seconds(password_hash) for _ in range(5)])
    assert 0.4 < unknown / wrong < 2.5
