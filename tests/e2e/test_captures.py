"""Captures for the log, tarpit, early hints, plain redirects; with Debian's HAProxy, its log lines are the same."""
import re
import shutil
import subprocess
import time

import pytest

from peers import Client, Syslog, exchange, free_port, get, listening_ports, response, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
    defaults
        mode http
        log global
        timeout connect 500ms
        timeout client 2s
        timeout server 2s
"""


@pytest.fixture
def web(ballast, origin, syslog):
    """web("front lines", "back lines", handler) gives a Ballast with httplog; lb.web is its port."""
    def start(front="", back="", handler=None, option="option httplog"):
        def lines(text):
            return "".join(f"        {l.strip()}\n" for l in text.strip().splitlines())
        o = origin(handler) if handler else origin()
        lb = ballast(HEAD + f"""
    frontend web
        {option}
        bind 127.0.0.1:@web@
{lines(front)}
        default_backend app
    backend app
{lines(back)}
        server s1 127.0.0.1:@o@
""", o=o, log=syslog)
        lb.web, lb.syslog, lb.origin = lb.port["web"], syslog, o
        return lb
    return start


# ---- captures ----

def test_the_last_value_of_a_field_is_kept_to_its_length(web):
    lb = web("capture request header X-A len 3\ncapture request header Host len 20\ncapture response header Server len 5",
             handler=lambda r: response(200, fields=[("Server", "long-name")]))
    get(lb.web, "/x", fields=[("X-A", "one"), ("x-a", "2222")])
    lb.syslog.wait(r' \{222\|test\.local\} \{long-\} "GET /x HTTP/1\.1"')
    get(lb.web, "/y")
    lb.syslog.wait(r' \{\|test\.local\} \{long-\} "GET /y HTTP/1\.1"')


def test_what_is_kept_is_as_it_came(web):
    lb = web("capture request header X-A len 9\nhttp-request set-header X-A other")
    get(lb.web, fields=[("X-A", "mine")])
    lb.syslog.wait(r" \{mine\} ")
    assert lb.origin.requests[0].field("X-A") == "other"


def test_a_capture_cannot_forge_the_line(web):
    lb = web("capture request header X-A len 99")
    get(lb.web, fields=[("X-A", 'a|b} {c "d" #')])
    lb.syslog.wait(re.escape(' {a#7Cb#7D #7Bc #22d#22 #23} "GET '))


def test_a_cookie_is_kept_by_how_its_name_begins(web):
    lb = web("capture cookie SESS len 12", handler=lambda r: response(200, fields=[
        ("Set-Cookie", "A=b"), ("Set-Cookie", "SESSION=fresh; path=/")]))
    get(lb.web, fields=[("Cookie", "x=y; SESSION=0123456789; SESS=2")])
    lb.syslog.wait(r" SESSION=0123 SESSION=fres ---- ")
    get(lb.web)
    lb.syslog.wait(r" - SESSION=fres ---- ")


def test_rules_keep_what_they_like(web):
    lb = web("declare capture request len 6\ndeclare capture response len 8\n"
             "http-request capture path len 4\nhttp-request capture src id 0 if { path_beg /s }\n"
             "http-response capture status id 0\nhttp-after-response set-header X-C %[capture.req.hdr(1)]%[capture.res.hdr(0)]")
    assert get(lb.web, "/some").field("X-C") == "/som200"
    lb.syslog.wait(r' \{127\.0\.\|/som\} \{200\} "GET /some ')
    get(lb.web, "/x")
    lb.syslog.wait(r' \{\|/x\} \{200\} "GET /x ')


def test_a_backend_fills_slots_of_the_frontend(web):
    lb = web("declare capture request len 20", "http-request capture str(here) id 0\nhttp-request capture str(no) id 7")
    get(lb.web)
    lb.syslog.wait(r" \{here\} ")


def test_a_rule_with_its_own_slot_leaves_other_frontends_alone(ballast, origin, syslog):
    o = origin()
    lb = ballast(HEAD + """
    frontend web
        option httplog
        bind 127.0.0.1:@web@
        capture request header X len 9
        default_backend both
    listen both
        option httplog
        bind 127.0.0.1:@both@
        http-request capture str(mine) len 9
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    get(lb.port["web"], "/a", fields=[("X", "y")])
    syslog.wait(r" \{y\} \"GET /a ")
    get(lb.port["both"], "/b")
    syslog.wait(r" \{mine\} \"GET /b ")


def test_converters_keep_what_passes(web):
    lb = web("declare capture request len 9\nhttp-request set-header X-P %[path,capture-req(0),upper]")
    get(lb.web, "/abc")
    lb.syslog.wait(r" \{/abc\} ")
    assert lb.origin.requests[0].field("X-P") == "/ABC"


def test_a_tcp_session_keeps_what_its_client_asked_for(ballast, origin, syslog):
    o = origin(connection=lambda sock, _: sock.sendall(sock.recv(99)))
    lb = ballast(HEAD + """
    listen door
        mode tcp
        log-format name=%[capture.req.hdr(0)]
        bind 127.0.0.1:@door@
        tcp-request inspect-delay 1s
        tcp-request content capture req.payload(0,4) len 3
        tcp-request content accept if { req.len ge 4 }
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    with Client(lb.port["door"]) as c:
        c.send(b"ab")
        time.sleep(0.02)
        c.send(b"cd")
        assert c.until_close() == b"abcd"
    syslog.wait("name=abc$|name=abc\\b")


@pytest.mark.parametrize("section,line,part", [
    ("frontend", "capture request header X", "'len' and a length"),
    ("frontend", "capture request X len 3", "expected 'header'"),
    ("frontend", "capture cookie A len 3\ncapture cookie B len 3", "only one cookie"),
    ("frontend", "http-request capture path id 0", "no slot 0 was declared"),
    ("frontend", "http-response capture status len 3", "for rules on requests only"),
    ("frontend", "http-request capture path", "'len' or 'id'"),
    ("backend", "http-request capture path len 3", "only a frontend has slots"),
    ("backend", "capture request header X len 3", "cannot stand in a backend section"),
    ("defaults d", "declare capture request len 3", "cannot stand in a defaults section"),
])
def test_a_capture_that_cannot_be_is_refused(run_ballast, section, line, part):
    name = section if " " in section else section + " x"
    body = "\n".join("    " + l for l in line.split("\n"))
    done = run_ballast("-c", config=f"{name}\n    mode http\n{body}\n")
    assert done.returncode == 1
    assert part in done.stdout + done.stderr


# ---- tarpit ----

def test_a_tarpit_answers_late(web):
    lb = web("timeout tarpit 150ms\nhttp-request tarpit deny_status 429 if { path /429 }\nhttp-request tarpit")
    for path, status in (("/429", 429), ("/", 500)):
        began = time.monotonic()
        assert get(lb.web, path).status == status
        assert time.monotonic() - began >= 0.14
        lb.syslog.wait(rf" web/<NOSRV> 0/1[4-9]\d/-1/-1/1[4-9]\d {status} .* PT-- ")
    assert lb.stat("web", "FRONTEND")["dreq"] == "2"


def test_a_tarpit_keeps_its_verdict(web):
    lb = web("timeout tarpit 200ms\nhttp-request tarpit if { rand(2) 0 }\nhttp-request return status 200")
    for _ in range(8):
        began = time.monotonic()
        assert get(lb.web).status == (500 if time.monotonic() - began >= 0.18 else 200)


def test_without_its_own_time_a_tarpit_takes_that_of_connect(web):
    lb = web("http-request tarpit")
    began = time.monotonic()
    assert get(lb.web).status == 500
    assert 0.5 <= time.monotonic() - began < 1


def test_a_client_may_leave_a_tarpit(web):
    lb = web("timeout tarpit 10s\nhttp-request tarpit")
    with Client(lb.web) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: lb.stat("web", "FRONTEND")["dreq"] == "1")
        c.reset()
    lb.syslog.wait(" PT-- ")


# ---- early hints ----

def test_hints_come_before_the_answer(web):
    lb = web('http-request early-hint Link "</a.css>; rel=preload"\nhttp-request early-hint Link "<%[path]>"\n'
             "http-request set-header X y\nhttp-request early-hint Z z if { path /z }")
    with Client(lb.web) as c:
        for path, count in (("/", 1), ("/z", 2)):
            c.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            interim = []
            assert c.response(interim=interim).status == 200
            assert [i.status for i in interim] == [103] * count
            assert interim[0].all("Link") == ["</a.css>; rel=preload", f"<{path}>"]
    old = exchange(lb.web, b"GET / HTTP/1.0\r\n\r\n")
    assert old.startswith(b"HTTP/1.1 200")


# ---- redirect lines ----

@pytest.mark.parametrize("line,location,status", [
    ("redirect location /a%[path]?x", "/a%[path]?x", 302),
    ("redirect prefix https://b code 301", "https://b/p?q=1", 301),
    ("redirect prefix / drop-query append-slash code 303", "/p/", 303),
    ("redirect scheme https code 307", "https://h.example/p?q=1", 307),
    ("redirect location /a keep-query code 308", "/a?q=1", 308),
    ("redirect location / set-cookie A=b", "/", 302),
])
def test_a_plain_redirect(web, line, location, status):
    lb = web(line + "\nhttp-request set-var(txn.first) str(yes)\nhttp-after-response set-header First %[var(txn.first)]")
    r = exchange(lb.web, b"GET /p?q=1 HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n\r\n").decode()
    assert r.startswith(f"HTTP/1.1 {status} ") and f"\r\nLocation: {location}\r\n" in r
    assert "\r\nFirst: yes\r\n" in r
    assert ("Set-Cookie: A=b" in r) == ("set-cookie" in line)


def test_a_backend_redirects(web):
    lb = web("", "redirect location /x if { path /y }")
    assert get(lb.web, "/y").status == 302
    assert get(lb.web, "/z").status == 200


# ---- the same file through HAProxy ----

HAPROXY = shutil.which("haproxy")
BODY = """
        declare capture request len 5
        declare capture response len 6
        capture request header X-A len 8
        capture response header X-Req len 10
        capture response header Location len 10
        capture cookie SESS len 12
        tcp-request content capture src len 20
        http-request capture path,upper len 6
        http-request capture int(42) id 0
        http-request return status 200 hdr Location /local hdr C %[capture.req.hdr(3)] if { path /local }
        http-request redirect location /redirected if { path /redir }
        http-response capture res.hdr(set-cookie) id 0
        http-after-response set-header R %[capture.res.hdr(1)]
        default_backend b
"""
SAME = HEAD.replace("        stats socket @dir@/sock level admin\n", "") + f"""
    frontend http
        option httplog
        bind 127.0.0.1:@http@
{BODY}
    frontend clf
        option httplog clf
        bind 127.0.0.1:@clf@
{BODY}
    frontend own
        log-format "%hr %hs|%hrl %hsl|%CC %CS|%{{+Q}}hr %{{+Q}}hs|%{{+Q}}hrl %{{+Q}}hsl|%{{+Q}}CC"
        bind 127.0.0.1:@own@
{BODY}
    frontend none
        option httplog clf
        bind 127.0.0.1:@none@
        default_backend b
    backend b
        server s 127.0.0.1:@o@
"""


def calls():
    for name in ("http", "clf", "own", "none"):
        for path, fields in (("/abcdefghij", ""), ("/local", ""), ("/redir", ""), ("/x", (
                "X-A: one\r\nX-A: t{w|o\"# long\r\nCookie: A=b; SESSION=12345678901234; SESS=2\r\n"))):
            yield name, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n".encode()


def comparable(line):
    """Without dates, ports, times and byte counts, which are each run's own."""
    line = re.sub(r"\[\d\d/[^\]]*\]", "", line.rstrip().split(": ", 1)[1])
    line = re.sub(r"127\.0\.0\.1:\d+", "", line)
    line = re.sub(r" (\d+/-?\d+/-?\d+/-?\d+/\d+) (\d{3}) \d+ ", r" \2 ", line)
    return re.sub(r'(HTTP/1.1" \d{3}) \d+ "" "" \d+ \d+ ("\w+" "\w+" "[^"]+") [-\d ]+', r"\1 \2 ", line)


def lines_of(port, log):
    out = []
    for name, data in calls():
        seen = len(log.lines)
        exchange(port[name], data)
        wait_until(lambda: len(log.lines) > seen)
        out.append(comparable(log.lines[-1]))
    return out


@pytest.mark.skipif(not HAPROXY, reason="no haproxy")
def test_haproxy_logs_the_same(ballast, origin, syslog, tmp_path):
    o, theirs = origin(lambda r: response(200, b"ok", fields=[
        ("X-Req", r.start), ("Set-Cookie", "A=srv; path=/"), ("Connection", "close")])), Syslog()
    lb = ballast(SAME, o=o, log=syslog)
    ports = {n: free_port() for n in ("http", "clf", "own", "none")}
    ports.update(o=o.port, log=theirs.port)
    config = tmp_path / "haproxy.cfg"
    config.write_text(re.sub(r"@(\w+)@", lambda m: str(ports[m[1]]), SAME))
    process = subprocess.Popen([HAPROXY, "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: ports["own"] in listening_ports())
        expected = lines_of(ports, theirs)
    finally:
        process.kill()
        process.wait()
        theirs.stop()
    assert lines_of(lb.port, syslog) == expected
