"""Health checks: what makes a server go DOWN and UP, what is said about it, and what it does to traffic."""
import os
import re
import threading
import time

import pytest

from peers import Client, get, response, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
    defaults
        mode http
        log global
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
        timeout check 200ms
        default-server inter 40ms fastinter 20ms downinter 20ms fall 2 rise 2
"""


@pytest.fixture
def checked(ballast, origin, syslog):
    """checked("lines", "server options", handler) gives (lb, origin, syslog)."""
    def start(lines="", options="check", handler=None, **more):
        o = origin(handler, **more) if handler else origin(**more)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(HEAD + f"""
    listen web
        bind 127.0.0.1:@web@
{body}
        server s1 127.0.0.1:@o@ {options}
    """, o=o, log=syslog)
        return lb, o, syslog
    return start


class Health:
    """An origin's handler whose /health can be told what to answer."""

    def __init__(self):
        self.answer = response(200, b"all well")
        self.seen = []

    def __call__(self, q):
        if "/health" in q.target or q.method == "OPTIONS":
            self.seen.append(q)
            return self.answer
        return response(200, b"page")


DOWN = r"Server web/s1 is DOWN, reason: "


def test_a_server_that_refuses_goes_down_and_comes_up(checked):
    lb, o, log = checked()
    assert get(lb.port["web"]).status == 200
    o.stop()
    line = log.wait(DOWN)[0]
    assert re.search(r'is DOWN, reason: Layer4 connection problem, info: "[^"]*Connection refused[^"]*", check duration: \d+ms\. '
                     r"0 active and 0 backup servers left\. 0 sessions active, 0 requeued, 0 remaining in queue\.", line), line
    assert log.wait(r"web has no server available!|backend web has no server available!")
    assert get(lb.port["web"]).status == 503
    assert lb.stat("web", "s1")["status"] == "DOWN"
    o.start()
    line = log.wait(r"Server web/s1 is UP")[0]
    assert re.search(r"is UP, reason: Layer4 check passed, check duration: \d+ms\. 1 active and 0 backup servers online\. "
                     r"0 sessions requeued, 0 total in queue\.", line), line
    assert get(lb.port["web"]).status == 200
    assert lb.stat("web", "s1")["status"] == "UP"


def test_levels_of_state_changes(checked):
    lb, o, log = checked()
    o.stop()
    assert log.wait(DOWN)[0].startswith("<129>"), "local0.alert"
    assert log.wait("has no server available")[0].startswith("<128>"), "local0.emerg"
    o.start()
    assert log.wait("is UP")[0].startswith("<133>"), "local0.notice"


@pytest.mark.parametrize("fall, failures, down", [(3, 2, False), (3, 3, True), (1, 1, True)])
def test_fall_counts_failures_in_a_row(checked, fall, failures, down):
    health, left = Health(), []

    def handler(q):
        if q.target == "/health" and left:
            left.pop()
            return response(500, b"")
        return health(q)
    lb, o, log = checked("option httpchk GET /health", f"check fall {fall} rise 1", handler)
    o.wait_requests(2)
    left.extend(range(failures))
    wait_until(lambda: not left)
    count = len(o.requests)
    o.wait_requests(count + 2)
    assert bool(log.matching(DOWN)) == down


def test_rise_counts_successes_in_a_row(checked):
    health = Health()
    health.answer = response(503)
    lb, o, log = checked("option httpchk GET /health", "check fall 1 rise 3", health)
    log.wait(DOWN)
    before = len(health.seen)
    health.answer = response(200)
    log.wait("Server web/s1 is UP")
    assert len(health.seen) - before >= 3


@pytest.mark.parametrize("answer, reason", [
    (response(500), r'Layer7 wrong status, code: 500, info: "OK"'),
    (response(404, reason="Not Found"), r'Layer7 wrong status, code: 404, info: "Not Found"'),
    (b"no http at all\r\n\r\n", r"Layer7 invalid response"),
    ([0.5], r"Layer7 timeout"),
    (None, r"Layer7 invalid response|Socket error"),
])
def test_what_an_http_check_says(checked, answer, reason):
    health = Health()
    health.answer = answer
    lb, o, log = checked("option httpchk GET /health", "check fall 1", health)
    line = log.wait(DOWN)[0]
    assert re.search(reason, line), line


def test_the_default_http_check_is_options_slash(checked):
    lb, o, log = checked("option httpchk", handler=Health())
    q = o.wait_requests(1)[0]
    assert (q.method, q.target, q.version) == ("OPTIONS", "/", "HTTP/1.0")


def test_http_check_send_makes_the_request(checked):
    lb, o, log = checked("""
        option httpchk
        http-check send meth POST uri /health ver HTTP/1.1 hdr Host checked.example hdr X-Check yes body "are you well"
    """, handler=Health())
    q = o.wait_requests(1)[0]
    assert (q.method, q.target, q.version) == ("POST", "/health", "HTTP/1.1")
    assert (q.field("Host"), q.field("X-Check"), q.text) == ("checked.example", "yes", "are you well")
    assert q.field("Content-Length") == "12"


@pytest.mark.parametrize("expect, good, bad", [
    ("status 200,404", response(404), response(500)),
    ("status 200-299", response(204, length=False), response(301)),
    ("! status 500-599", response(404), response(503)),
    ("string well", response(200, "all well"), response(200, "ill")),
    ("! string ill", response(200, "all well"), response(200, "ill")),
    ("rstatus ^2[0-9]4", response(204, length=False), response(200)),
    ('rstring "w[aeiou]ll"', response(200, "wall"), response(200, "wxll")),
    ("hdr name x-health value good", response(200, fields=[("X-Health", "good")]), response(200, fields=[("X-Health", "bad")])),
])
def test_http_check_expect(checked, expect, good, bad):
    lines = f"option httpchk GET /health\nhttp-check expect {expect}"
    health = Health()
    health.answer = good
    lb, o, log = checked(lines, "check fall 1 rise 1", health)
    o.wait_requests(3)
    assert not log.matching(DOWN)
    health.answer = bad
    log.wait(DOWN)
    health.answer = good
    log.wait("is UP")


def test_a_check_tells_the_server_who_it_is_and_what_failed(checked):
    health = Health()
    lb, o, log = checked("""
        option httpchk
        http-check send meth GET uri-lf /health/%[be_name]/%s hdr X-Id %[srv_id]
        http-check expect status 200
        http-check expect comment "the page" on-error "%[srv_name] says %[res.hdr(x-why)]" string well
    """, "check fall 1 rise 1", health)
    q = o.wait_requests(1)[0]
    assert (q.target, q.field("X-Id")) == ("/health/web/s1", "1")
    health.answer = response(200, "ill", fields=[("X-Why", "no disk")])
    line = log.wait(DOWN)[0]
    assert 'Layer7 invalid response, info: "s1 says no disk comment: the page", check duration:' in line, line


def test_a_check_of_another_port_and_address(checked, origin):
    other = origin(Health())
    lb, o, log = checked("option httpchk GET /health", f"check port {other.port} fall 1")
    other.wait_requests(2)
    assert not o.requests
    other.stop()
    log.wait(DOWN)


def test_log_health_checks_tells_of_each_change(checked):
    health = Health()
    lb, o, log = checked("option httpchk GET /health\noption log-health-checks", "check fall 3 rise 2", health)
    log.wait(r"Health check for server web/s1 succeeded, reason: Layer7 check passed, code: 200, check duration: \d+ms, status: 3/3 UP\.")
    health.answer = response(500)
    log.wait(r'Health check for server web/s1 failed, reason: Layer7 wrong status, code: 500, info: "OK", check duration: \d+ms, status: 2/3 UP\.')
    log.wait(r"Health check for server web/s1 failed, .* status: 1/3 UP\.")
    log.wait(r"Health check for server web/s1 failed, .* status: 0/2 DOWN\.")
    health.answer = response(200)
    log.wait(r"Health check for server web/s1 succeeded, .* status: 1/2 DOWN\.")
    log.wait(r"Health check for server web/s1 succeeded, .* status: 3/3 UP\.", 2)


def test_requests_in_the_queue_leave_a_server_that_goes_down(ballast, origin, syslog):
    gate = threading.Event()
    held = origin(lambda q: (gate.wait(5), response(200, b"held"))[1] if q.target == "/hold" else response(200, b"held"))
    other = origin(lambda q: response(200, b"other"))
    lb = ballast(HEAD + """
        timeout queue 5s
    listen web
        bind 127.0.0.1:@web@
        balance roundrobin
        server s1 127.0.0.1:@a@ check fall 1 maxconn 1
        server s2 127.0.0.1:@b@ check fall 1 rise 1 backup
    """, a=held, b=other, log=syslog)
    c = Client(lb.port["web"]).send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
    held.wait_requests(1)
    waiting = Client(lb.port["web"]).send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: lb.stat("web")["qcur"] == "1")
    lb.cli("set server web/s1 health down")
    assert waiting.response().text == "other"
    gate.set()
    assert c.response().text == "held"
    for each in (c, waiting):
        each.close()


def test_a_server_without_check_stays_up(checked):
    lb, o, log = checked(options="")
    o.stop()
    assert get(lb.port["web"]).status == 503
    time.sleep(0.1)
    assert not log.matching(DOWN)
    assert lb.stat("web", "s1")["status"] == "no check"


def test_operator_and_checks(checked):
    lb, o, log = checked()
    lb.cli("disable server web/s1")
    assert log.wait(r"Server web/s1 is going DOWN for maintenance|is DOWN for maintenance")
    assert lb.stat("web", "s1")["status"] == "MAINT"
    assert get(lb.port["web"]).status == 503
    lb.cli("enable server web/s1")
    wait_until(lambda: lb.stat("web", "s1")["status"].startswith("UP"))
    lb.cli("set server web/s1 state drain")
    assert lb.stat("web", "s1")["status"].startswith("DRAIN")
    assert get(lb.port["web"]).status == 503
    lb.cli("set server web/s1 state ready")
    assert get(lb.port["web"]).status == 200


def test_a_backend_alone_is_checked(ballast, origin, syslog):
    """No bind line: with a stats socket that is enough to run."""
    o = origin()
    lb = ballast(HEAD + "    backend web\n        server s1 127.0.0.1:@o@ check\n", o=o, log=syslog)
    wait_until(lambda: o.connections >= 2)
    wait_until(lambda: os.path.exists(lb.dir + "/sock"))
    assert lb.stat("web", "s1")["status"] == "UP"


def test_checks_of_many_servers_are_spread(ballast, origin, syslog):
    """Twenty servers with one check each 400 ms: no moment has them all."""
    times = []
    o = origin(lambda q: (times.append(time.monotonic()), response(200))[1])
    ballast(HEAD + """
    backend web
        option httpchk GET /health
        default-server inter 400ms
""" + "".join(f"        server s{i} 127.0.0.1:@o@ check\n" for i in range(20)), o=o, log=syslog)
    o.wait_requests(60)  # the first round comes early
    later = sorted(times)[20:40]
    assert later[-1] - later[0] > 0.1
