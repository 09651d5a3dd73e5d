"""How the org's allowances are spent, by us and by others, and what happens at their end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.sandbox.client import Client

HOUR = 3_600


def settings(client: Client, **wanted: Any) -> Any:
    return client.session.post(client.served.url + "/_sandbox/settings", json=wanted)


def usage(client: Client) -> tuple[int, int]:
    """Return the usage that the header tells, and that /limits told in the same answer."""
    answer = client.call("GET", "/limits")
    used, most = answer.headers["Sforce-Limit-Info"].removeprefix("api-usage=").split("/")
    daily = answer.json()["DailyApiRequests"]
    assert daily["Max"] == int(most)
    return int(used), daily["Max"] - daily["Remaining"]


def test_the_header_and_limits_tell_the_same_usage(client: Client) -> None:
    assert [usage(client) for _ in range(3)] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize(
    ("hours", "others"), [(0, 0), (0.5, 250), (1, 500), (10, 5_000), (24, 12_000), (25, 12_000), (1_000, 12_000)]
)
def test_others_spend_with_the_clock_for_a_rolling_day(client: Client, hours: float, others: int) -> None:
    assert settings(client, others={"calls_per_hour": 500}).status_code == 200
    client.org.clock.advance(hours * HOUR)
    client.log_in()
    assert usage(client) == (others + 1, others + 1)


def test_others_may_have_spent_before_the_org_was_started(client: Client) -> None:
    settings(client, others={"calls_per_hour": 60, "since": "2026-03-02T07:00:00Z"})
    assert usage(client)[0] == 121


def test_calls_leave_the_window_after_a_day(client: Client) -> None:
    for _ in range(5):
        client.call("GET", "/limits")
    client.org.clock.advance(23 * HOUR)
    client.log_in()
    assert usage(client)[0] == 6
    client.org.clock.advance(HOUR)
    client.log_in()
    assert usage(client)[0] == 2


def test_an_allowance_that_others_spent_refuses_until_the_window_has_room(client: Client) -> None:
    settings(client, daily_api_requests=1_000, others={"calls_per_hour": 100})
    client.org.clock.advance(10 * HOUR)
    client.log_in()
    refused = client.call("GET", "/limits")
    assert (refused.status_code, refused.json()) == (
        403,
        [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}],
    )
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=1000/1000"
    settings(client, others={"calls_per_hour": 10})
    assert client.call("GET", "/limits").status_code == 200


def test_what_remains_is_never_less_than_nothing(client: Client) -> None:
    client.call("GET", "/limits")
    settings(client, daily_api_requests=1, others={"calls_per_hour": 1_000})
    client.org.clock.advance(HOUR)
    refused = client.call("GET", "/limits")
    assert refused.headers["Sforce-Limit-Info"] == "api-usage=1001/1"
    settings(client, daily_api_requests=1_002)
    assert client.call("GET", "/limits").json()["DailyApiRequests"] == {"Max": 1_002, "Remaining": 0}


def test_the_apps_own_share_is_in_the_header_when_it_is_set(client: Client) -> None:
    settings(client, app_api_requests=250, others={"calls_per_hour": 10})
    client.org.clock.advance(HOUR)
    header = client.call("GET", "/limits").headers["Sforce-Limit-Info"]
    assert header == "api-usage=11/100000; per-app-api-usage=1/250(appName=sandbox-client)"


def test_other_limits_are_what_the_settings_say(client: Client) -> None:
    settings(client, limits={"DataStorageMB": {"Max": 5, "Remaining": 0}, "DailyWorkflowEmails": {"Max": 9, "Remaining": 8}})
    found = client.call("GET", "/limits").json()
    assert found["DataStorageMB"] == {"Max": 5, "Remaining": 0}
    assert found["DailyWorkflowEmails"] == {"Max": 9, "Remaining": 8}
    assert found["SingleEmail"] == {"Max": 5_000, "Remaining": 5_000}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"others": {"calls": 5}}, "others takes calls_per_hour and since, not 'calls'"),
        ({"others": {"calls_per_hour": -1}}, "calls_per_hour takes a whole number from 0, not -1"),
        ({"others": {"calls_per_hour": 1, "since": "noon"}}, "since 'noon' is not a moment"),
        ({"limits": {"DailyApiRequests": {"Max": 5, "Remaining": 0}}}, "set daily_api_requests"),
        ({"limits": {"DataStorageMB": 5}}, 'DataStorageMB takes {"Max": 100, "Remaining": 40}, not 5'),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(client: Client, wanted: dict[str, Any], said: str) -> None:
    answer = settings(client, **wanted)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


class LongRequests:
    """So many requests that stay under way until the block ends."""

    def __init__(self, client: Client, count: int, **slow: Any) -> None:
        self.client = client
        fault = {"does": "slow", "kind": "describe", "before": True, **slow}
        answer = client.session.post(client.served.url + "/_sandbox/faults", json={"faults": [fault]})
        assert answer.status_code == 200, answer.text
        self.threads = [threading.Thread(target=client.call, args=("GET", "/sobjects/Lead/describe")) for _ in range(count)]

    def __enter__(self) -> None:
        before = self.client.org.journal.since(0)[-1]["n"]
        for thread in self.threads:
            thread.start()
        arrived = threading.Event()
        while len(self.client.org.journal.since(before)) < len(self.threads):
            assert not arrived.wait(0.01)

    def __exit__(self, *_: object) -> None:
        self.client.org.faults.replace(())
        for thread in self.threads:
            thread.join()


def test_long_requests_keep_new_ones_out_until_they_end(client: Client) -> None:
    settings(client, concurrent_long_requests=2)
    with LongRequests(client, 2, org_seconds=25), Client(client.served) as other:
        refused = other.call("GET", "/limits")
        assert (refused.status_code, refused.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert refused.json()[0]["message"].startswith("ConcurrentRequests")
    assert client.call("GET", "/limits").status_code == 200


def test_a_request_is_long_once_the_clock_says_so(client: Client) -> None:
    settings(client, concurrent_long_requests=1)
    with LongRequests(client, 1, org_seconds=19), Client(client.served) as other:
        assert other.call("GET", "/limits").status_code == 200
        settings(client, long_request_seconds=15)
        assert other.call("GET", "/limits").status_code == 403
        settings(client, long_request_seconds=20)
        assert other.call("GET", "/limits").status_code == 200


def test_short_requests_are_not_capped(client: Client) -> None:
    settings(client, concurrent_long_requests=1)
    with LongRequests(client, 4, org_seconds=5), Client(client.served) as other:
        assert other.call("GET", "/limits").status_code == 200
