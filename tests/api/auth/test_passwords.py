import statistics
import time

import pytest

from api.auth.passwords import Passwords, is_guessable

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


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword", "qwertyuiop123", "aaaaaaaaaaaa", "123456789012", " " * 12, "iloveyou1234", "P@ssw0rd1234",
        "letmeinletmein", "adminadminadmin", "auraanim2026", "zoe.smith2026", "x1" * 100,
    ],
)  # fmt: skip
def test_common_passwords_are_guessable(password: str) -> None:
    assert is_guessable(password, "zoe.smith@example.org")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "häßlich über straße", "9f3c1ab07e55d2", "всем привет из москвы", "7%a4{2k!0|x$"],
)
def test_others_are_not(password: str) -> None:
    assert not is_guessable(password, "zoe.smith@example.org")


@pytest.mark.parametrize(
    "password", ["4@8({[<369&#!1|0$5+7%2" * 12, "a4@b8c({[<e3g69#h!1|l0o$5s+7t%xz2" * 8, "ab" * 128, "1/1/1999" * 32]
)
def test_no_password_takes_long_to_assess(password: str) -> None:
    """zxcvbn takes minutes for 256 characters of the first kind."""
    started = time.process_time()
    is_guessable(password[:256], "zoe@example.org")
    assert time.process_time() - started < 1
