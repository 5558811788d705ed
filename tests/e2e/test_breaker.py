"""Circuit breakers, outlier ejection, panic threshold, retry budget: Ballast's own."""
import json
import threading

import pytest

from peers import Client, get, response, wait_until


class Switch:
    """An origin's behaviour that a test changes; `hold` is an answer's delay in seconds."""

    def __init__(self, origin, name):
        self.bad, self.hold, self.name = False, 0, name
        self.origin = origin(self.answer)

    def answer(self, request):
        if self.bad:
            return response(500, "bad")
        return [self.hold, response(200, self.name)] if self.hold else response(200, self.name)

    @property
    def count(self):
        return len(self.origin.requests)


@pytest.fixture
def farm(ballast, origin, syslog):
    """farm(lines, n) -> a Ballast with n servers s1.. that are Switches: lb.s[0]..."""
    def start(lines, n=2, mode="http", defaults="", **more):
        servers = [Switch(origin, f"s{i + 1}") for i in range(n)]
        rows = "\n".join(f"            server s{i + 1} 127.0.0.1:@o{i + 1}@" for i in range(n))
        lb = ballast(f"""
        global
            stats socket @dir@/sock level admin
        defaults
            mode {mode}
            timeout client 5s
            timeout server 2s
            timeout connect 500ms
            {defaults}
        frontend web
            bind 127.0.0.1:@web@
            default_backend app
        backend app
            log 127.0.0.1:@log@ local0
            {lines}
{rows}
        """, log=syslog, **{f"o{i + 1}": s.origin for i, s in enumerate(servers)}, **more)
        lb.s, lb.web = servers, lb.port["web"]
        return lb
    return start


def view(lb, server="app/s1"):
    return json.loads(lb.cli(f"show breaker {server} json"))[0]["servers"][0]


def state(lb, server="app/s1"):
    return view(lb, server)["breaker"]


def wait_state(lb, wanted, server="app/s1"):
    wait_until(lambda: state(lb, server) == wanted, 5, f"{server} {wanted}")


def ask(lb, n, target="/"):
    with Client(lb.web) as c:
        return [c.request("GET", target).status for _ in range(n)]


# --- circuit breaker ---

def test_errors_in_a_row_open_it_and_the_server_gets_nothing_more(farm, syslog):
    lb = farm("breaker consecutive 3 open 1h")
    lb.s[0].bad = True
    statuses = ask(lb, 40)
    assert statuses.count(500) == 3
    assert lb.s[0].count == 3
    line, = syslog.wait("circuit breaker")
    assert "Server app/s1 is shut out by its circuit breaker for 60m, reason: 3 requests failed in a row, the last " \
           "one with status 500. 1 active and 0 backup servers left." in line
    v = view(lb)
    assert (v["breaker"], v["opened"]) == ("open", 1)
    assert lb.stat("app", "s1")["breaker"] == "open" and lb.stat("app", "s1")["breaker_opened"] == "1"
    assert lb.stat("app", "s2")["breaker"] == "closed"


def test_the_share_of_errors_opens_it_once_there_are_enough(farm, syslog):
    lb = farm("breaker errors 40% min 10 over 10s open 1h")
    for i in range(5):
        lb.s[0].bad = False
        ask(lb, 2)
        lb.s[0].bad = True
        ask(lb, 2)
    wait_state(lb, "open")
    assert "5 of 10 requests failed in the last 10s (50%, limit 40%)" in syslog.wait("circuit breaker")[0]


def test_slow_answers_open_it(farm, syslog):
    lb = farm("breaker errors off slow 50ms 50% min 4 open 1h")
    lb.s[0].hold = 0.12
    ask(lb, 12)
    assert state(lb) == "open"
    assert "4 of 4 answers in the last 10s took more than 50ms (100%, limit 50%)" in syslog.wait("breaker")[0]


def test_it_is_tried_again_and_closes_where_all_probes_go_well(farm, syslog):
    lb = farm("breaker consecutive 2 open 200ms half-open 2")
    lb.s[0].bad = True
    ask(lb, 6)
    lb.s[0].bad = False
    wait_state(lb, "half-open")
    assert ask(lb, 10) == [200] * 10
    assert state(lb) == "closed"
    assert "Server app/s1 is on trial by its circuit breaker, 2 requests are let through" in syslog.wait("on trial")[0]
    assert "Server app/s1 is taken back by its circuit breaker, 2 requests on trial went well" in \
        syslog.wait("taken back")[0]
    before = lb.s[0].count
    ask(lb, 10)
    assert lb.s[0].count > before + 3


def test_a_probe_that_fails_opens_it_for_longer(farm, syslog):
    lb = farm("breaker consecutive 2 open 100ms open-max 300ms half-open 2")
    lb.s[0].bad = True
    ask(lb, 6)
    for expected in ("200ms", "300ms", "300ms"):
        wait_state(lb, "half-open")
        ask(lb, 4)
        assert f"for {expected}, reason: a request on trial failed with status 500" in \
            syslog.wait("request on trial", count=1)[-1]
        syslog.lines.clear()


def test_no_more_than_the_probes_get_through(farm):
    lb = farm("breaker consecutive 1 open 200ms half-open 3")
    lb.s[0].bad = True
    ask(lb, 2)
    lb.s[0].bad, lb.s[0].hold = False, 0.15
    wait_state(lb, "half-open")
    before, statuses = lb.s[0].count, []
    threads = [threading.Thread(target=lambda: statuses.append(get(lb.web).status)) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 20
    assert lb.s[0].count - before == 3
    assert state(lb) == "closed"


def test_probes_that_clients_gave_up_are_let_through_again(farm):
    lb = farm("breaker consecutive 1 open 200ms half-open 1\n            option abortonclose")
    lb.s[0].bad = True
    ask(lb, 2)
    lb.s[0].bad, lb.s[0].hold = False, 0.5
    wait_state(lb, "half-open")
    before = lb.s[0].count
    clients = [Client(lb.web) for _ in range(8)]
    for c in clients:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: lb.s[0].count > before, 5, "a probe")
    for c in clients:
        c.reset()
    lb.s[0].hold = 0

    def closed():
        ask(lb, 2)
        return state(lb) == "closed"
    wait_until(closed, 5, "the breaker to close")


def test_where_all_are_shut_out_requests_fail_at_once(farm):
    lb = farm("breaker consecutive 1 open 1h", n=1)
    lb.s[0].bad = True
    assert ask(lb, 5) == [500, 503, 503, 503, 503]
    assert lb.s[0].count == 1


def test_where_the_only_one_has_no_probe_left_requests_fail_at_once(farm):
    lb = farm("breaker consecutive 1 open 200ms half-open 1", n=1)
    lb.s[0].bad = True
    ask(lb, 1)
    lb.s[0].bad, lb.s[0].hold = False, 0.4
    wait_state(lb, "half-open")
    first = Client(lb.web)
    first.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    lb.s[0].origin.wait_requests(2)
    assert get(lb.web).status == 503
    assert first.response().status == 200
    first.close()
    assert get(lb.web).status == 200


def test_a_cookie_does_not_hold_a_client_to_a_server_that_is_shut_out(farm):
    lb = farm("breaker consecutive 1 open 1h\n            cookie S insert\n            dynamic-cookie-key x")
    with Client(lb.web) as c:
        lb.s[0].bad = True
        lb.s[1].bad = True
        r = c.request("GET", "/")
        cookie = r.field("set-cookie")
    lb.s[0].bad = lb.s[1].bad = False
    if cookie:
        r = get(lb.web, "/", fields=[("Cookie", cookie.split(";")[0])])
        assert r.status == 200
    assert lb.cli("show breaker app").count(" open ") == 1


def test_a_hash_goes_on_to_the_next_server(farm):
    lb = farm("balance uri\n            breaker consecutive 1 open 1h", n=3)
    owner = next(i for i in range(3) if ask(lb, 1) and lb.s[i].count)
    lb.s[owner].bad = True
    assert ask(lb, 5) == [500, 200, 200, 200, 200]


def test_dead_connections_count_as_errors_and_retries_hide_them(farm):
    lb = farm("breaker consecutive 2 open 1h\n            option redispatch\n            retries 2")
    lb.s[0].origin.stop()
    assert ask(lb, 20) == [200] * 20
    assert state(lb) == "open"
    assert lb.stat("app", "s1")["econ"] == "2"


def test_in_tcp_mode_connections_are_what_counts(farm):
    lb = farm("breaker consecutive 2 open 1h\n            option redispatch", mode="tcp")
    lb.s[0].origin.stop()
    for _ in range(8):
        assert get(lb.web).status == 200
    assert view(lb)["reason"] == "2 requests failed in a row, the last one with no connection"


def test_errors_of_the_client_are_none_of_the_server(farm):
    lb = farm("breaker consecutive 1 open 1h", n=1)
    lb.s[0].answer = None
    lb.s[0].origin.handler = lambda r: response(int(r.target[1:]), "")
    for status in (404, 429, 501, 505, 499):
        assert get(lb.web, f"/{status}").status == status
    assert state(lb) == "closed"
    get(lb.web, "/502")
    assert state(lb) == "open"


def test_the_operator_opens_closes_and_lets_go(farm, syslog):
    lb = farm("breaker consecutive 1 open 1h")
    assert lb.cli("set server app/s1 breaker open").strip() == ""
    assert ask(lb, 4) == [200] * 4 and lb.s[0].count == 0
    assert view(lb)["order"] == "open"
    assert "is shut out by its circuit breaker for good, reason: changed from CLI" in syslog.wait("shut out")[0]
    lb.cli("set server app/s1 breaker close")
    assert state(lb) == "closed"
    lb.s[0].bad = True
    ask(lb, 4)
    assert state(lb) == "closed"
    lb.cli("set server app/s1 breaker auto")
    ask(lb, 2)
    assert state(lb) == "open"
    assert "expects" in lb.cli("set server app/s1 breaker x")


def test_queued_requests_leave_a_server_that_is_shut_out(farm):
    lb = farm("breaker consecutive 1 open 1h\n            timeout queue 5s", n=2)
    lb.cli("set maxconn server app/s1 1")
    lb.cli("set maxconn server app/s2 1")
    lb.s[0].hold = lb.s[1].hold = 0.1
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(get(lb.web).status)) for _ in range(8)]
    for t in threads:
        t.start()
    lb.cli("set server app/s1 breaker open")
    for t in threads:
        t.join()
    assert statuses == [200] * 8


# --- outlier ejection ---

EJECT = "outlier-ejection errors 20% over 2s min 5 every 100ms for 400ms up-to 1s max 50%"


def ejected(lb, server):
    return view(lb, server)["ejected_ms"] > 0


def test_a_server_that_fails_more_than_its_peers_is_ejected_and_comes_back(farm, syslog):
    lb = farm(EJECT, n=4)
    lb.s[1].bad = True

    def gone():
        ask(lb, 8)
        return ejected(lb, "app/s2")
    wait_until(gone, 5, "s2 to be ejected")
    line = syslog.wait("ejected as an outlier")[0]
    assert "Server app/s2 is ejected as an outlier for 400ms, reason: 100% of its requests failed in the last 2s, " \
           "its peers' median is 0%" in line
    assert lb.stat("app", "s2")["ejected"] == "1" and lb.stat("app")["ejected"] == "1"
    lb.s[1].bad = False
    wait_until(lambda: not ejected(lb, "app/s2"), 5, "s2 to be back")
    before = lb.s[1].count
    assert ask(lb, 8) == [200] * 8
    assert lb.s[1].count > before
    assert "Server app/s2 is back from its ejection" in syslog.wait("back from")[0]


def test_a_slow_server_is_ejected_too(farm, syslog):
    lb = farm("outlier-ejection latency 300% latency-floor 20ms over 5s min 4 every 100ms for 10s", n=3)
    lb.s[2].hold = 0.06

    def gone():
        ask(lb, 6)
        return ejected(lb, "app/s3")
    wait_until(gone, 8, "s3 to be ejected")
    assert "answers took" in syslog.wait("ejected as an outlier")[0]


def test_where_all_fail_alike_none_is_ejected(farm):
    lb = farm(EJECT, n=3)
    for s in lb.s:
        s.bad = True
    for _ in range(5):
        ask(lb, 12)
    assert lb.stat("app")["ejected"] == "0"


def test_no_more_than_the_cap_are_ejected(farm):
    lb = farm(EJECT.replace("max 50%", "max 20%").replace("for 400ms up-to 1s", "for 30s"), n=5)
    lb.s[0].bad = lb.s[1].bad = True

    def one():
        ask(lb, 10)
        return lb.stat("app")["ejected"] == "1"
    wait_until(one, 5, "one to be ejected")
    for _ in range(5):
        ask(lb, 10)
    assert lb.stat("app")["ejected"] == "1"


# --- panic ---

def test_below_the_threshold_health_is_ignored(farm, syslog):
    lb = farm("panic-threshold 50%", n=4)
    for i in (1, 2):
        lb.cli(f"set server app/s{i} health down")
    before = lb.s[0].count
    ask(lb, 8)
    assert lb.s[0].count == before and lb.stat("app")["panic"] == "0"
    lb.cli("set server app/s3 health down")
    line = syslog.wait("panics")[0]
    assert "backend app panics: 25% of its servers' weight is healthy, less than 50%: all servers are used" in line
    counts = [s.count for s in lb.s]
    assert ask(lb, 8) == [200] * 8
    assert [s.count - c for s, c in zip(lb.s, counts)] == [2, 2, 2, 2]
    assert lb.stat("app")["panic"] == "1"
    assert json.loads(lb.cli("show breaker app json"))[0]["panic"] is True
    lb.cli("set server app/s3 health up")
    assert "backend app no longer panics: 50% " in syslog.wait("no longer")[0]
    counts = [s.count for s in lb.s]
    ask(lb, 4)
    assert [s.count - c for s, c in zip(lb.s, counts)] == [0, 0, 2, 2]


def test_in_panic_maintenance_still_holds(farm):
    lb = farm("panic-threshold 100%", n=3)
    lb.cli("disable server app/s1")
    lb.cli("set server app/s2 health down")
    assert lb.stat("app")["panic"] == "1"
    before = lb.s[0].count
    ask(lb, 6)
    assert lb.s[0].count == before and lb.s[1].count and lb.s[2].count


def test_open_breakers_are_ignored_in_panic(farm):
    lb = farm("panic-threshold 60%\n            breaker consecutive 1 open 1h", n=2)
    lb.s[0].bad = True
    ask(lb, 2)
    lb.s[0].bad = False
    assert lb.stat("app")["panic"] == "1" and state(lb) == "open"
    before = lb.s[0].count
    assert ask(lb, 4) == [200] * 4
    assert lb.s[0].count == before + 2


def test_rules_see_panic_and_breakers(farm):
    lb = farm("panic-threshold 60%\n            breaker consecutive 1 open 1h\n"
              "            http-response set-header X-State %[srv_breaker(app/s1)],%[be_panic]", n=2)
    with Client(lb.web) as c:
        assert c.request("GET", "/").field("x-state") == "closed,0"
        lb.cli("set server app/s1 breaker open")
        assert c.request("GET", "/").field("x-state") == "open,1"


# --- retry budget ---

def test_retries_beyond_the_budget_are_answered_as_failures(farm, syslog):
    lb = farm("retry-on 500\n            retries 3\n            retry-budget 20% min 5 over 1h")
    for s in lb.s:
        s.bad = True
    assert ask(lb, 10) == [500] * 10
    assert lb.s[0].count + lb.s[1].count == 15
    assert lb.stat("app")["retries_refused"] == "9"
    line, = syslog.wait("retry budget")
    assert "backend app has used up its retry budget: 5 retries for 2 requests in the last 60m, where 5 are allowed" in \
        line
    farm_view = json.loads(lb.cli("show breaker app json"))[0]
    assert (farm_view["requests"], farm_view["retries"], farm_view["retries_allowed"]) == (10, 5, 5)


def test_the_budget_grows_with_the_requests(farm):
    lb = farm("retry-on 500\n            option redispatch\n            retry-budget 50% min 0 over 1h")
    lb.s[0].bad = True
    statuses = ask(lb, 100)
    assert int(lb.stat("app")["wretr"]) in (49, 50)
    assert 100 - statuses.count(500) >= 50


def test_connections_are_retried_within_the_budget_only(farm):
    lb = farm("option redispatch\n            retry-budget 0% min 2 over 1h")
    lb.s[0].origin.stop()
    statuses = ask(lb, 12)
    assert statuses.count(503) >= 4
    assert lb.stat("app")["wretr"] == "2" and int(lb.stat("app")["retries_refused"]) == statuses.count(503)


# --- configurations ---

@pytest.mark.parametrize("line, message", [
    ("breaker errors", "'errors' needs a value"),
    ("breaker errors 0%", "'errors' needs a percentage from 1% to 100%, not '0%'"),
    ("breaker errors 101", "not '101'"),
    ("breaker eror 5", "breaker must be errors, over"),
    ("breaker errors off", "this 'breaker' would never open"),
    ("breaker open 10s open-max 5s", "'open-max' cannot be less than 'open'"),
    ("breaker over 10ms", "'over' must be from 100 ms"),
    ("breaker half-open 0", "half-open"),
    ("outlier-ejection errors off latency off", "would never eject"),
    ("outlier-ejection for 1m up-to 1s", "'up-to' cannot be less than 'for'"),
    ("panic-threshold", "'panic-threshold' needs a percentage"),
    ("panic-threshold 101%", "from 0% to 100%"),
    ("retry-budget", "'retry-budget' needs a percentage"),
    ("retry-budget x", "not 'x'"),
    ("retry-budget 10% min", "'min' needs a value"),
])
def test_wrong_lines_are_told(run_ballast, line, message):
    r = run_ballast("-c", config=f"""
    backend app
        mode http
        timeout connect 1s
        timeout server 1s
        {line}
        server s1 127.0.0.1:1
    """)
    assert r.returncode == 1 and message in r.stderr


def test_what_defaults_say_can_be_taken_back(farm):
    lb = farm("no breaker\n            no panic-threshold\n            no outlier-ejection\n            no retry-budget",
              defaults="breaker consecutive 1\n            panic-threshold 50%\n            outlier-ejection\n"
                       "            retry-budget 20%")
    assert "app" not in lb.cli("show breaker")
    lb.s[0].bad = True
    assert ask(lb, 6).count(500) == 3
