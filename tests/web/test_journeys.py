"""What people do in the web app, in a real browser against a real system."""

import asyncio
import os
import re
import signal
from collections.abc import Callable

import httpx
import pytest

from tests.web.conftest import JOURNEY_TIMEOUT_SECONDS, WebSystem, register
from tests.web.videos import add_videos

ALL = pytest.mark.skipif(
    os.environ.get("AURA_TEST_WEB") != "all", reason="the short run of the browser; all of it: make test-web"
)
Journey = Callable[..., str]
VIDEOS = 1000
MARKUP = """</title></script><img src=x onerror="globalThis.hacked=1"><svg onload=globalThis.hacked=1> prompt"""
# As long as the journey itself may take.
LONG = pytest.mark.timeout(JOURNEY_TIMEOUT_SECONDS)


@pytest.mark.slow
def test_a_newcomer_makes_a_video_and_finds_it_after_a_reload_and_on_another_device(run_journey: Journey) -> None:
    run_journey("generate")


@pytest.mark.slow
def test_the_keyboard_is_enough(run_journey: Journey) -> None:
    run_journey("keyboard")


@ALL
def test_a_video_is_found_named_finished_compared_and_restored(run_journey: Journey) -> None:
    run_journey("gallery")


@ALL
def test_a_video_is_generated_found_finished_shared_watched_reported_and_moderated(run_journey: Journey) -> None:
    run_journey("share")


@ALL
def test_a_gallery_of_a_thousand_videos_loads_what_is_near_the_view(
    run_journey: Journey, web_system: WebSystem
) -> None:
    owner = register(web_system, "collector")
    asyncio.run(add_videos(web_system.data_dir, owner.email, [f"a red circle, number {n}" for n in range(VIDEOS)]))
    print(run_journey("many", AURA_OWNER=owner.as_json(), AURA_VIDEOS=str(VIDEOS)))  # noqa: T201  (the measured counts)


@ALL
@LONG
def test_interactions_are_painted_within_200_ms(run_journey: Journey, web_system: WebSystem) -> None:
    owner = register(web_system, "regular")
    asyncio.run(add_videos(web_system.data_dir, owner.email, ["a red circle moving right"] * (VIDEOS // 4)))
    print(run_journey("speed", AURA_OWNER=owner.as_json()))  # noqa: T201  (the measured times)


@ALL
@LONG
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_page_and_dialog_is_accessible_and_holds_its_place(
    run_journey: Journey, web_system: WebSystem, theme: str
) -> None:
    owner = register(web_system, f"maker-{theme}")
    asyncio.run(add_videos(web_system.data_dir, owner.email, ["a blue square bouncing", "a yellow star moving up"]))
    print(run_journey("pages", AURA_OWNER=owner.as_json(), AURA_THEME=theme))  # noqa: T201  (the measured shifts)


@ALL
def test_the_landing_page_loads_few_scripts(run_journey: Journey) -> None:
    print(run_journey("scripts"))  # noqa: T201  (the measured size)


@ALL
def test_the_checks_find_what_they_look_for(run_journey: Journey) -> None:
    run_journey("checks")


@ALL
def test_texts_that_look_like_markup_stay_text_on_every_page(run_journey: Journey, web_system: WebSystem) -> None:
    owner = register(web_system, "attacker")
    asyncio.run(add_videos(web_system.data_dir, owner.email, [MARKUP] * 3))
    print(run_journey("hostile", AURA_OWNER=owner.as_json(), AURA_MARKUP=MARKUP))  # noqa: T201  (the number of places)


@ALL
def test_every_page_says_that_it_loads_failed_or_is_offline(run_journey: Journey) -> None:
    run_journey("states")


@ALL
def test_a_job_survives_the_loss_of_sockets_streams_network_and_token(run_journey: Journey) -> None:
    run_journey("network")


@ALL
def test_a_killed_gateway_is_waited_for_and_nothing_is_lost(run_journey: Journey) -> None:
    print(run_journey("gateway"))  # noqa: T201  (the measured times)


@ALL
def test_tokens_expire_and_sessions_end_in_mid_job(run_journey: Journey) -> None:
    print(run_journey("session"))  # noqa: T201  (the numbers of renewals)


@ALL
def test_a_passkey_is_added_used_and_removed(run_journey: Journey) -> None:
    run_journey("passkey")


@ALL
def test_an_account_from_its_name_to_its_deletion(run_journey: Journey) -> None:
    run_journey("account")


def test_pages_have_strict_headers_and_a_nonce_of_their_own(web_system: WebSystem) -> None:
    answers = [httpx.get(web_system.url) for _ in range(2)]
    nonces = [
        re.search(r"script-src 'self' 'nonce-([^']+)'", answer.headers["content-security-policy"]) for answer in answers
    ]
    assert all(nonces)
    assert len({nonce[1] for nonce in nonces if nonce}) == 2
    assert answers[0].headers["cache-control"] == "private, no-store"
    assert answers[0].headers["x-frame-options"] == "DENY"


def test_the_gateway_is_reached_through_the_origin_of_the_web_app(web_system: WebSystem) -> None:
    assert httpx.get(f"{web_system.url}/readyz").json()["status"] == "ok"
    answer = httpx.get(f"{web_system.url}/api/me")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_the_web_server_gets_no_secret(web_system: WebSystem) -> None:
    pid = web_system.pids()["web"]
    with open(f"/proc/{pid}/environ", "rb") as file:
        names = {entry.partition(b"=")[0].decode() for entry in file.read().split(b"\0")}
    assert {"GATEWAY_URL", "PORT"} <= names
    assert not {name for name in names if re.search("SECRET|DATABASE|PASSWORD|TOKEN|KEY$", name)}


def test_a_web_server_that_exits_is_started_again(web_system: WebSystem) -> None:
    before = web_system.pids()["web"]
    os.kill(before, signal.SIGKILL)
    with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
        answer = client.get(web_system.url, timeout=30)
    assert answer.status_code == 200
    assert web_system.pids()["web"] != before
