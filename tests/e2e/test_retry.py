"""retry-on: a request that failed is sent again, where its event is named and the request is still there."""
import time

import pytest

from peers import CLOSE, RESET, Client, get, response


@pytest.fixture
def retrying(ballast, origin):
    """retrying(lines, bad) -> (port, bad origin, good origin): the bad one is chosen first."""
    def start(lines, bad):
        o = [origin(bad), origin(lambda r: response(200, b"good " + r.body))]
        lb = ballast(f"""
        global
            stats socket @dir@/sock level admin
        defaults
            mode http
            timeout client 2s
            timeout server 150ms
            timeout connect 200ms
            retries 1
            option redispatch
        listen web
            bind 127.0.0.1:@web@
            balance first
            {lines}
            server a 127.0.0.1:@a@
            server b 127.0.0.1:@b@
        """, a=o[0], b=o[1])
        start.lb = lb
        return lb.port["web"], o[0], o[1]
    return start


def slow(request):
    time.sleep(0.4)
    return response(200, "late")


EVENTS = [
    ("empty-response", lambda r: [CLOSE], 502),
    ("empty-response", lambda r: [RESET], 502),
    ("junk-response", lambda r: b"what?\r\n\r\n", 502),
    ("junk-response", lambda r: [b"HTTP/1.1 200 OK\r\nContent-", CLOSE], 502),
    ("response-timeout", slow, 504),
    ("503", lambda r: response(503, "no"), 503),
    ("404", lambda r: response(404, "no"), 404),
]
NAMES = ["closed", "reset", "junk", "cut-head", "late", "503", "404"]


@pytest.mark.parametrize("event, bad, status", EVENTS, ids=NAMES)
def test_the_event_that_is_named_is_retried(retrying, event, bad, status):
    port, a, b = retrying("retry-on " + event, bad)
    with Client(port) as c:
        r = c.request("POST", "/", body=b"body")
    assert (r.status, r.text) == (200, "good body")
    assert (len(a.requests), len(b.requests)) == (1, 1)


@pytest.mark.parametrize("event, bad, status", EVENTS, ids=NAMES)
def test_no_other_event_is(retrying, event, bad, status):
    port, a, b = retrying("retry-on conn-failure 429", bad)
    assert get(port).status == status
    assert len(b.requests) == 0


def test_none_does_not_even_retry_connections(retrying):
    port, a, b = retrying("retry-on none", lambda r: [CLOSE])
    a.stop()
    assert get(port).status == 503
    assert len(b.requests) == 0


def test_all_retryable_errors_are_what_the_manual_lists(retrying):
    for event, bad, status in EVENTS:
        port, a, b = retrying("retry-on all-retryable-errors", bad)
        assert get(port).status == (404 if event == "404" else 200), event


def test_a_later_line_replaces_an_earlier_one(retrying):
    port, a, b = retrying("retry-on 503\n    retry-on 404", lambda r: response(503, "no"))
    assert get(port).status == 503


def test_when_retries_are_used_up_the_last_failure_is_answered(retrying):
    port, a, b = retrying("retry-on 503\n    no option redispatch\n    retries 2", lambda r: response(503, "no"))
    assert (get(port).status, get(port).text) == (503, "no")
    assert (len(a.requests), len(b.requests)) == (6, 0)


def send_in_two(port, head, body):
    with Client(port) as c:
        c.send(head)
        time.sleep(0.05)
        c.send(body)
        return c.response("POST")


@pytest.mark.parametrize("head, body", [
    (b"Content-Length: 5000", b"x" * 5000),
    (b"Transfer-Encoding: chunked", b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"),
], ids=["length", "chunked"])
def test_a_body_that_comes_behind_its_head_is_held_for_the_next_try(retrying, head, body):
    port, a, b = retrying("retry-on 503", lambda r: response(503, "no"))
    r = send_in_two(port, b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n", body)
    assert (r.status, r.text) == (200, "good " + "x" * 5000)
    assert a.requests[0].body == b.requests[0].body == b"x" * 5000


def test_a_chunk_size_that_is_cut_between_two_reads_is_held_too(retrying):
    port, a, b = retrying("retry-on 503", lambda r: response(503, "no"))
    r = send_in_two(port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1",
                    b"0\r\n" + b"y" * 16 + b"\r\n0\r\n\r\n")
    assert (r.status, r.text) == (200, "good abc" + "y" * 16)


def test_a_request_behind_a_held_one_is_served_in_its_turn(retrying):
    port, a, b = retrying("retry-on 503", lambda r: response(503, "no"))
    with Client(port) as c:
        c.send(b"POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(0.05)
        c.send(b"3\r\nabc\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.response("POST").text == "good abc"
        assert c.response().text == "good "
    assert [r.target for r in b.requests] == ["/1", "/2"]


def test_a_body_larger_than_the_buffer_is_not_sent_again(retrying):
    port, a, b = retrying("retry-on 503", lambda r: response(503, "no"))
    r = send_in_two(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n", b"x" * 20000)
    assert r.status == 503
    r = send_in_two(port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
                    b"4e20\r\n" + b"x" * 20000 + b"\r\n0\r\n\r\n")
    assert r.status == 503
    assert len(b.requests) == 0
    assert [r.body for r in a.requests] == [b"x" * 20000] * 2


def test_an_answer_that_began_is_never_retried(retrying):
    port, a, b = retrying("retry-on all-retryable-errors",
                          lambda r: [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", CLOSE])
    with Client(port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert c.until_close().endswith(b"abc")
    assert len(b.requests) == 0


def test_disable_l7_retry_leaves_only_connections_to_be_retried(retrying):
    port, a, b = retrying("""retry-on all-retryable-errors
            http-request disable-l7-retry if METH_POST""", lambda r: response(503, "no"))
    with Client(port) as c:
        assert c.request("POST", "/", body=b"x").status == 503
        assert c.request("GET", "/").status == 200
    a.stop()
    with Client(port) as c:
        assert c.request("POST", "/", body=b"x").status == 200


def test_a_retried_failure_shows_at_its_server_only(retrying):
    port, a, b = retrying("retry-on 503", lambda r: response(503, "no"))
    assert get(port).status == 200
    bad, back = retrying.lb.stat("web", "a"), retrying.lb.stat("web")
    assert (bad["hrsp_5xx"], bad["wretr"], bad["wredis"]) == ("1", "1", "1")
    assert (back["hrsp_5xx"], back["hrsp_2xx"]) == ("0", "1")


def test_the_log_tells_how_many_tries_it_took(ballast, origin, syslog):
    bad, good = origin(lambda r: response(503, "no")), origin()
    lb = ballast("""
    defaults
        mode http
        timeout client 2s
        timeout server 2s
        timeout connect 200ms
        option redispatch
    listen web
        bind 127.0.0.1:@web@
        log 127.0.0.1:@log@ local0
        option httplog
        balance first
        retry-on 503
        server a 127.0.0.1:@a@
        server b 127.0.0.1:@b@
    """, a=bad, b=good, log=syslog)
    assert get(lb.port["web"]).status == 200
    line, = syslog.wait("web/b ")
    assert "/+1 " in line


def test_in_tcp_mode_it_is_ignored_as_the_manual_says(ballast, origin):
    dead, good = origin(), origin()
    dead.stop()
    lb = ballast("""
    listen web
        mode tcp
        bind 127.0.0.1:@web@
        timeout client 2s
        timeout server 2s
        timeout connect 200ms
        option redispatch
        balance first
        retry-on none
        server a 127.0.0.1:@a@
        server b 127.0.0.1:@b@
    """, a=dead, b=good)
    assert get(lb.port["web"]).status == 200


@pytest.mark.parametrize("line", ["retry-on", "retry-on none 503", "retry-on 402", "retry-on 503 none"])
def test_wrong_lines_are_refused(run_ballast, line):
    r = run_ballast("-c", config=f"""
    listen web
        mode http
        bind 127.0.0.1:1
        {line}
    """)
    assert r.returncode == 1 and "retry-on" in r.stderr or "event" in r.stderr


def test_early_data_is_refused_by_name(run_ballast):
    r = run_ballast("-c", config="""
    listen web
        mode http
        bind 127.0.0.1:1
        retry-on conn-failure 0rtt-rejected
    """)
    assert r.returncode == 1
    assert "'0rtt-rejected' is not supported by Ballast (yet)" in r.stderr
