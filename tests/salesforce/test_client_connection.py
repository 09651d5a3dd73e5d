from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from pydantic import SecretStr
from urllib3.exceptions import MaxRetryError, NameResolutionError

from syncd.errors import (
    AnswerLost,
    BudgetSpent,
    FieldHidden,
    LoginRefused,
    OrgRefused,
    OrgUnreachable,
    SyncdError,
)
from syncd.ports import OrgWriter, Pull, Update
from syncd.salesforce.access import OrgAccess
from syncd.salesforce.errors import NotThere
from syncd.salesforce.org import SalesforceOrg
from syncd.salesforce.throttle import GROWS_AFTER, MOST
from tests.salesforce.client_wire import (
    EXPIRED,
    HTML,
    NOW,
    ORG_ID,
    SECRET,
    TOKEN,
    URL,
    USER_ID,
    Answer,
    Wire,
    composite,
    row,
    rows_page,
)

ID_URL = f"{URL}/id/{ORG_ID}/{USER_ID}"
READ: Answer = (200, [row(1, Status="New")])
LEAD = str(row(1)["Id"])
BUSY = (503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])


def read(org: OrgWriter) -> object:
    return org.read("Lead", [LEAD], ["Status"]).records[LEAD].fields["Status"]


def update(org: OrgWriter) -> str:
    return org.update([Update("Lead", LEAD, {"Status": "Open"}, NOW)])[0].status


def test_the_package_does_not_load_simple_salesforce() -> None:
    code = "import sys, syncd.salesforce, syncd.salesforce.org; sys.exit('simple_salesforce' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


def test_identity_costs_one_login_and_no_api_call(wire: Wire) -> None:
    wire.login()
    with wire.org() as org:
        assert org.identity() == org.identity()
        assert org.identity().org_id == "00Dxx0000001abcEAA"
        assert len(org.identity().user_id) == 18
        assert (wire.tokens, org.usage().ours) == (1, 0)


def test_the_clock_is_that_of_the_date_header_and_shows_how_far_the_host_is_off(wire: Wire) -> None:
    wire.login(Date="Mon, 02 Mar 2026 08:59:59 GMT")
    wire.answers(READ)
    with wire.org() as org:
        assert org.now() == NOW - timedelta(seconds=1)
        assert org.read("Lead", [LEAD], ["Status"]).asked_at == NOW - timedelta(seconds=1)
        assert org.now() == NOW
        assert org.skew() == timedelta(seconds=90)


def test_every_request_names_syncd_and_asks_for_no_side_effects(wire: Wire) -> None:
    wire.login()
    wire.answers(READ)
    with wire.org() as org:
        read(org)
    sent = wire.sent[-1].headers
    assert sent["Sforce-Call-Options"].startswith("client=syncd/")
    assert (sent["Sforce-Mru"], sent["X-PrettyPrint"], sent["Accept-Encoding"]) == ("updateMru=false", "0", "gzip")
    assert sent["Authorization"] == f"Bearer {TOKEN}1"
    assert (wire.sent[-1].url or "").startswith(f"{URL}/services/data/v62.0/")


def test_a_netrc_entry_does_not_replace_the_token(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    wire.login()
    wire.answers(READ)
    with pytest.MonkeyPatch.context() as patch, wire.org() as org:
        patch.setenv("NETRC", str(netrc))
        read(org)
    assert wire.sent[-1].headers["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ConnectionError("reset"),
        requests.ReadTimeout("slow"),
        requests.exceptions.ChunkedEncodingError("cut"),
        BUSY,
        (500, [{"errorCode": "UNKNOWN_EXCEPTION", "message": "oops"}]),
        (502, HTML),
        (429, ""),
        (420, HTML),
        (406, ""),
        (200, HTML),
        (200, '[{"Id":'),
    ],
)
def test_a_read_is_asked_again_when_that_can_help_and_never_for_ever(wire: Wire, trouble: Answer) -> None:
    wire.login()
    wire.answers(trouble, trouble, READ)
    with wire.org() as org:
        assert read(org) == "New"
        assert len(wire.slept_s) == 2
        wire.answers(trouble)
        wire.sent.clear()
        with pytest.raises(OrgUnreachable) as failed:
            read(org)
    assert len(wire.sent) == 5
    assert URL in str(failed.value) or "503" in str(failed.value) or "answered" in str(failed.value)
    assert not failed.value.permanent


def test_retry_after_is_obeyed_within_the_deadline(wire: Wire) -> None:
    wire.login()
    wire.answers((*BUSY, {"Retry-After": "40"}), (*BUSY, {"Retry-After": "Mon, 02 Mar 2026 09:00:50 GMT"}), READ)
    with wire.org() as org:
        assert read(org) == "New"
        assert [round(wait) for wait in wire.slept_s] == [40, 50]
        wire.answers((*BUSY, {"Retry-After": "3600"}))
        wire.sent.clear()
        with pytest.raises(OrgUnreachable, match="busy"):
            read(org)
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((400, [{"errorCode": "INVALID_FIELD", "message": "No such column 'X__c' on entity 'Lead'"}]), FieldHidden, "Lead.X__c"),
        ((400, [{"errorCode": "INVALID_TYPE", "message": "ERROR at Row:1"}]), FieldHidden, "may not read"),
        ((400, [{"errorCode": "QUERY_TIMEOUT", "message": "too long"}]), OrgUnreachable, "too long"),
        ((400, [{"errorCode": "OPERATION_TOO_LARGE", "message": "-"}]), OrgUnreachable, "asked again"),
        ((403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}]), BudgetSpent, "used up"),
        ((404, [{"errorCode": "NOT_FOUND", "message": "-"}]), NotThere, "no API version 62.0"),
        ((403, [{"errorCode": "API_DISABLED_FOR_ORG", "message": "-"}]), OrgRefused, "permission"),
        ((404, [{"errorCode": "UNSUPPORTED_API_VERSION", "message": "-"}]), OrgRefused, "62.0 is retired"),
        ((410, [{"errorCode": "GONE", "message": "-"}]), OrgRefused, "62.0 is retired"),
        ((302, "", {"Location": "/services/data/v62.0/elsewhere"}), OrgRefused, "302"),
        ((307, "", {"Location": "https://evil.example/services/data/"}), OrgRefused, "307"),
    ],
)
def test_a_refusal_says_what_it_means_at_once(wire: Wire, answer: Answer, error: type[SyncdError], words: str) -> None:
    wire.login()
    wire.answers(answer)
    with wire.org() as org, pytest.raises(error, match=words) as failed:
        read(org)
    assert len(wire.sent) == 1
    assert type(failed.value) is error
    assert failed.value.hint


CROWDED: Answer = (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}])


@pytest.mark.parametrize("call", [read, update])
def test_what_was_refused_for_too_many_at_once_is_sent_again_after_a_pause_by_fewer(
    wire: Wire, call: Callable[[OrgWriter], object]
) -> None:
    wire.login()
    done = composite((204, "")) if call is update else READ
    wire.answers(CROWDED, CROWDED, done)
    with wire.org() as org:
        assert call(org) == ("done" if call is update else "New")
        assert (len(wire.sent), len(wire.slept_s)) == (3, 2)
        assert wire.slept_s[1] > wire.slept_s[0] > 0.3
        assert org._connection._throttle.most == MOST // 4


@pytest.mark.parametrize("call", [read, update])
def test_an_org_that_stays_crowded_is_not_asked_for_ever(wire: Wire, call: Callable[[OrgWriter], object]) -> None:
    wire.login()
    wire.answers(CROWDED)
    with wire.org() as org, pytest.raises(OrgUnreachable, match="same time") as failed:
        call(org)
    assert not isinstance(failed.value, AnswerLost | BudgetSpent)
    assert len(wire.sent) == 6


def test_after_smooth_sailing_more_may_leave_again(wire: Wire) -> None:
    wire.login()
    wire.answers(CROWDED, READ)
    with wire.org() as org:
        for _ in range(GROWS_AFTER * MOST):
            read(org)
        assert org._connection._throttle.most == MOST


def test_while_few_may_leave_the_others_wait_for_their_turn(wire: Wire) -> None:
    wire.login()
    under_way, most_seen, lock = 0, 0, threading.Lock()

    def answer(_: object) -> Answer:
        nonlocal under_way, most_seen
        with lock:
            under_way += 1
            most_seen = max(most_seen, under_way)
        time.sleep(0.01)
        with lock:
            under_way -= 1
        return READ

    wire.answers(*[CROWDED] * 3, answer)
    with wire.org() as org:
        read(org)
        threads = [threading.Thread(target=read, args=(org,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert 1 <= most_seen <= MOST // 8


@pytest.mark.parametrize("call", [read, update])
def test_an_org_that_asks_to_be_left_alone_is_until_then(wire: Wire, call: Callable[[OrgWriter], object]) -> None:
    wire.login()
    wire.answers((*BUSY, {"Retry-After": "3600"}), composite((204, "")) if call is update else READ)
    now = [NOW]
    with SalesforceOrg(OrgAccess(URL, "client-id", SecretStr(SECRET)), wall=lambda: now[0], sleep=wire.slept_s.append) as org:
        with pytest.raises(OrgUnreachable):
            call(org)
        assert len(wire.sent) == 1
        for minutes in (1, 30, 59):
            now[0] = NOW + timedelta(minutes=minutes)
            with pytest.raises(OrgUnreachable, match="left alone until 2026-03-02 10:00:00 UTC") as failed:
                call(org)
            assert not isinstance(failed.value, AnswerLost)
        assert len(wire.sent) == 1
        now[0] = NOW + timedelta(minutes=61)
        call(org)
        assert len(wire.sent) == 2


def test_usage_is_read_from_failed_answers_too_and_in_both_forms(wire: Wire) -> None:
    wire.login()
    wire.answers((400, [], {"Sforce-Limit-Info": "per-app-api-usage=17/250(appName=x); api-usage=10018/100000"}))
    with wire.org() as org:
        with pytest.raises(OrgRefused):
            read(org)
        usage = org.usage()
    assert (usage.used, usage.allowed, usage.ours) == (10018, 100000, 1)


def test_an_expired_session_is_renewed_once_and_the_call_replayed_with_its_headers(wire: Wire) -> None:
    wire.login()
    wire.answers((401, EXPIRED), (200, [{"id": "00v", "success": True, "errors": []}]))
    with wire.org() as org:
        assert org.create("CampaignMember", [{"CampaignId": "701", "LeadId": LEAD}])[0].status == "done"
    assert wire.tokens == 2
    assert [each.headers["Sforce-Auto-Assign"] for each in wire.sent] == ["FALSE", "FALSE"]
    assert [each.headers["Authorization"] for each in wire.sent] == [f"Bearer {TOKEN}1", f"Bearer {TOKEN}2"]
    assert wire.body(0) == wire.body(1)


@pytest.mark.parametrize("call", [read, update])
def test_a_session_that_is_refused_again_ends_the_call(wire: Wire, call: Callable[[OrgWriter], object]) -> None:
    wire.login()
    wire.answers((401, EXPIRED))
    with wire.org() as org, pytest.raises(LoginRefused, match="just opened"):
        call(org)
    assert (len(wire.sent), wire.tokens) == (2, 2)


def test_threads_share_one_renewal(wire: Wire) -> None:
    wire.login()
    gate = threading.Barrier(4, timeout=10)
    lock = threading.Lock()
    refused = 0

    def answer(_: object) -> Answer:
        nonlocal refused
        with lock:
            is_early, refused = refused < 4, refused + 1
        if is_early:
            gate.wait()
            return 401, EXPIRED
        return READ

    wire.answers(answer)
    with wire.org() as org:
        org.identity()
        threads = [threading.Thread(target=read, args=(org,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert wire.tokens == 2
    assert refused == 8


@pytest.mark.parametrize(
    "trouble",
    [requests.ConnectionError("reset"), requests.ReadTimeout("slow"), BUSY, (502, HTML), (200, HTML), (200, {}), (500, "")],
)
def test_a_write_is_sent_once_and_a_lost_answer_is_not_guessed(wire: Wire, trouble: Answer) -> None:
    wire.login()
    wire.answers(trouble)
    with wire.org() as org, pytest.raises(AnswerLost):
        update(org)
    assert len(wire.sent) == 1
    assert wire.slept_s == []


def test_a_write_that_never_left_is_not_called_lost(wire: Wire) -> None:
    wire.login()
    unknown = NameResolutionError("acme", None, OSError("unknown"))  # type: ignore[arg-type]
    wire.answers(requests.ConnectionError(MaxRetryError(None, "/", unknown)))  # type: ignore[arg-type]
    with wire.org() as org, pytest.raises(OrgUnreachable, match="host name is unknown") as failed:
        update(org)
    assert not isinstance(failed.value, AnswerLost)


def test_a_write_beyond_the_daily_limit_is_a_spent_budget(wire: Wire) -> None:
    wire.login()
    wire.answers((403, [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]))
    with wire.org() as org, pytest.raises(BudgetSpent):
        update(org)


def test_a_write_for_which_no_login_succeeds_was_not_sent(wire: Wire) -> None:
    wire.login(status=503, body=HTML)
    with wire.org() as org, pytest.raises(OrgUnreachable) as failed:
        update(org)
    assert not isinstance(failed.value, AnswerLost)
    assert wire.tokens == 5


@pytest.mark.parametrize(
    ("status", "body", "words", "hint"),
    [
        (400, {"error": "invalid_client", "error_description": "invalid client"}, "invalid_client", "secret is wrong"),
        (400, {"error": "invalid_client_id", "error_description": "identifier invalid"}, "invalid_client_id", "consumer key"),
        (400, {"error": "invalid_grant", "error_description": "no client credentials user enabled"}, "invalid_grant", "Run As"),
        (400, {"error": "invalid_grant"}, "invalid_grant", "Run As"),
        (400, {"error": "invalid_app_access", "error_description": "app must be installed into org"}, "not installed", "Install"),
        (400, {"error": "unsupported_grant_type"}, "unsupported_grant_type", "Enable"),
        (404, {}, "refused", "My Domain"),
        (401, {"error": "inactive_user", "error_description": f"echo {SECRET}"}, "inactive_user", "Activate"),
        (401, {"error": "strange", "error_description": f"echo {SECRET}"}, "strange", "client_id"),
    ],
)
def test_a_refused_login_names_the_setting_to_change(wire: Wire, status: int, body: object, words: str, hint: str) -> None:
    wire.login(status, body)
    with wire.org() as org, pytest.raises(LoginRefused, match=words) as failed:
        org.identity()
    assert hint in failed.value.hint
    assert SECRET not in f"{failed.value} {failed.value.hint} {failed.value.__cause__}"
    assert wire.tokens == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (HTML, OrgUnreachable),
        ({}, OrgUnreachable),
        ([], OrgUnreachable),
        ({"access_token": TOKEN, "instance_url": URL, "id": "nonsense"}, OrgUnreachable),
        ({"access_token": TOKEN, "instance_url": "http://evil.example", "id": ID_URL}, OrgRefused),
    ],
)
def test_a_login_that_is_not_salesforces_is_refused_without_telling_the_token(
    wire: Wire, body: object, error: type[SyncdError]
) -> None:
    wire.login(body=body)
    with wire.org() as org, pytest.raises(error) as failed:
        org.identity()
    assert TOKEN not in str(failed.value)


def test_the_token_never_goes_to_another_host_than_this_machine_when_the_login_is_local(wire: Wire) -> None:
    elsewhere = {"access_token": TOKEN, "instance_url": "https://evil.example", "id": ID_URL}
    wire.login(body=elsewhere)
    with wire.org() as org, pytest.raises(OrgRefused, match="not this machine"):
        read(org)
    assert wire.sent == []


def test_a_missing_certificate_file_is_named_and_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/certificates.pem")
    org = SalesforceOrg(OrgAccess("https://127.0.0.1:9", "id", SecretStr(SECRET)), sleep=lambda _: None)
    with org, pytest.raises(OrgUnreachable, match=r"/nonexistent/certificates\.pem") as failed:
        org.identity()
    assert "REQUESTS_CA_BUNDLE" in failed.value.hint


@pytest.mark.parametrize("url", ["http://acme.my.salesforce.com", "http://169.254.169.254"])
def test_a_plain_login_url_elsewhere_is_refused_before_anything_is_sent(url: str) -> None:
    with SalesforceOrg(OrgAccess(url, "id", SecretStr(SECRET))) as org, pytest.raises(OrgRefused, match="nothing was sent"):
        org.identity()


def test_nothing_that_prints_itself_shows_the_secret_or_the_token(wire: Wire) -> None:
    wire.login()
    with wire.org() as org:
        org.identity()
        session = org._connection._login.current()
        assert TOKEN not in repr(session)
        assert SECRET not in repr(org._connection.access)


def test_a_missing_date_header_is_an_error_and_not_the_hosts_time(wire: Wire) -> None:
    wire.login(Date="yesterday")
    with wire.org() as org, pytest.raises(OrgUnreachable, match="Date"):
        org.now()


def test_pulls_of_nothing_ask_nothing(wire: Wire) -> None:
    with wire.org() as org:
        assert list(org.pull([])) == []
        assert org.update([]) == org.create("CampaignMember", []) == []
    assert wire.tokens == 0


def test_the_client_is_an_org_writer_by_shape(wire: Wire) -> None:
    wire.login()
    wire.answers(composite((200, rows_page(row(1)))))
    with wire.org() as org:
        writer: OrgWriter = org
        assert [page.is_last for page in writer.pull([Pull("Lead", ("Status",))]) if hasattr(page, "is_last")] == [True]
