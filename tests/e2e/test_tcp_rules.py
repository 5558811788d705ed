"""tcp-request and tcp-response rules, in mode tcp and http; http-after-response; and where Debian's HAProxy is there, the
same file through both."""
import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from peers import Client, Syslog, exchange, free_port, get, listening_ports, response, wait_until
from test_proxy_protocol import V1
from test_tls import OPENSSL, TlsClient, ca, tls_origin  # noqa: F401

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
        nbthread 2
    defaults
        log global
        timeout connect 500ms
        timeout client 2s
        timeout server 2s
"""


def greeter(sock, _):
    """Says who it is, then echoes."""
    sock.sendall(b"hi;")
    while data := sock.recv(65536):
        sock.sendall(data)


@pytest.fixture
def tcp(ballast, origin, syslog):
    """tcp("front lines", "back lines") gives a Ballast in mode tcp before a greeter; lb.door is its port."""
    def start(front="", back="", connection=greeter, head=""):
        def lines(text):
            return "".join(f"        {l.strip()}\n" for l in text.strip().splitlines())
        o = origin(connection=connection)
        lb = ballast(HEAD + head + f"""
    frontend door
        mode tcp
        option tcplog
        bind 127.0.0.1:@door@
{lines(front)}
        default_backend app
    backend app
        mode tcp
{lines(back)}
        server s1 127.0.0.1:@o@
""", o=o, log=syslog)
        lb.door, lb.syslog, lb.origin = lb.port["door"], syslog, o
        return lb
    return start


def say(port, *pieces, seconds=1.0):
    """Sends the pieces (numbers are pauses); what came back until the end, or None after `seconds` without one."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.settimeout(seconds)
        out = b""
        try:
            for p in pieces:
                if isinstance(p, bytes):
                    s.sendall(p)
                else:
                    time.sleep(p)
            while data := s.recv(65536):
                out += data
        except (ConnectionError, BrokenPipeError):
            return out
        except TimeoutError:
            return out or None
        return out


# ---- connection ----

def test_a_refused_connection_is_closed_counted_and_not_logged(tcp):
    lb = tcp("tcp-request connection reject if { src 127.0.0.0/8 }")
    assert say(lb.door, b"x") == b""
    assert lb.origin.connections == 0
    stat = lb.stat("door", "FRONTEND")
    assert (stat["dcon"], stat["stot"], stat["conn_tot"]) == ("1", "0", "1")
    assert not lb.syslog.lines


def test_an_accepted_connection_meets_no_further_rule_of_its_set(tcp):
    lb = tcp("tcp-request connection accept if { src 127.0.0.1 }\ntcp-request connection reject")
    assert say(lb.door, b"x") == b"hi;x"


def test_a_connection_is_counted_in_a_table_as_long_as_it_lasts(tcp):
    lb = tcp("stick-table type ip size 10 store conn_cur,conn_cnt,gpc0\ntcp-request connection track-sc0 src\n"
             "tcp-request connection sc-inc-gpc0(0)\ntcp-request connection reject if { sc0_conn_cur gt 1 }")
    with Client(lb.door) as c:
        assert c.stream.exactly(3) == b"hi;"
        assert "conn_cur=1" in lb.cli("show table door")
        assert say(lb.door, b"x") == b""
        assert re.search(r"use=1 .* gpc0=2 conn_cnt=2 conn_cur=1", lb.cli("show table door"))
    wait_until(lambda: "conn_cur=0" in lb.cli("show table door"))


def test_requests_of_a_tracked_connection_count_each(ballast, origin):
    lb = ballast(HEAD + """
    frontend web
        mode http
        bind 127.0.0.1:@web@
        stick-table type ip size 10 store conn_cnt,http_req_cnt,sess_cnt
        tcp-request connection track-sc0 src
        http-request return status 200 hdr N %[sc0_http_req_cnt] hdr C %[sc0_conn_cnt]
    """, log=1)
    with Client(lb.port["web"]) as c:
        for n in (1, 2, 3):
            r = c.request()
            assert (r.field("N"), r.field("C")) == (str(n), "1")
    assert "http_req_cnt=3" in lb.cli("show table web") and "sess_cnt=1" in lb.cli("show table web")


def test_one_client_is_asked_for_a_proxy_header(tcp):
    lb = tcp("tcp-request connection expect-proxy layer4 if { src 127.0.0.1 }\n"
             "tcp-request session reject unless { src 192.0.2.7 }")
    assert say(lb.door, V1 + b"x") == b"hi;x"
    lb.syslog.wait(r": 192\.0\.2\.7:4711 \[")
    assert say(lb.door, V1.replace(b"192.0.2.7", b"192.0.2.8") + b"x") == b""
    assert lb.stat("door", "FRONTEND")["dses"] == "1"


def test_addresses_can_be_changed_for_a_whole_connection(ballast):
    lb = ballast(HEAD + """
    frontend web
        mode http
        bind 127.0.0.1:@web@
        tcp-request connection set-src src,ipmask(8)
        tcp-request connection set-src-port int(7)
        tcp-request session set-dst ipv6(2001:db8::1)
        tcp-request session set-dst-port int(8)
        http-request set-src ipv4(192.0.2.1) if { path /mine }
        http-request return status 200 content-type text/plain lf-string %[src]:%[src_port]>%[dst]:%[dst_port]
    """, log=1)
    with Client(lb.port["web"]) as c:
        assert c.request().text == "127.0.0.0:7>2001:db8::1:8"
        assert c.request("GET", "/mine").text == "192.0.2.1:7>2001:db8::1:8"
        assert c.request().text == "127.0.0.0:7>2001:db8::1:8"


def test_a_changed_address_is_told_to_the_server_and_the_log(ballast, origin, syslog):
    o = origin()
    lb = ballast(HEAD + """
    listen web
        mode http
        option httplog
        option forwardfor
        bind 127.0.0.1:@web@
        http-request set-src hdr(real)
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    assert get(lb.port["web"], fields=[("Real", "203.0.113.9")]).status == 200
    assert o.requests[0].field("X-Forwarded-For") == "203.0.113.9"
    syslog.wait(r": 203\.0\.113\.9:\d+ \[")


def test_a_server_without_an_address_is_where_the_client_wants_to_go(ballast, origin):
    a, b = origin(lambda r: response(200, b"a")), origin(lambda r: response(200, b"b"))
    lb = ballast(HEAD + """
    listen web
        mode http
        bind 127.0.0.1:@web@
        http-reuse always
        http-request set-dst ipv4(127.0.0.1)
        http-request set-dst-port hdr(port)
        server any 0.0.0.0:0
    """, log=1)
    with Client(lb.port["web"]) as c:
        for o, text in ((a, "a"), (b, "b"), (a, "a"), (b, "b")):
            assert c.request(fields=[("Port", str(o.port))]).text == text
    assert (a.connections, b.connections) == (1, 1)


# ---- session ----

def test_session_rules_know_tls_and_keep_variables_for_requests(ballast, ca):
    lb = ballast(HEAD + """
    frontend web
        mode http
        bind 127.0.0.1:@web@ ssl crt @ca@/site.pem
        tcp-request session set-var(sess.name) ssl_fc_sni
        tcp-request session reject if { ssl_fc_sni other.test }
        http-request return status 200 content-type text/plain lf-string %[var(sess.name)]
    """, ca=ca.dir, log=1)
    with TlsClient(lb.port["web"], name="site.test") as c:
        assert c.request().text == "site.test"
        assert c.request().text == "site.test"
    with contextlib.suppress(OSError), TlsClient(lb.port["web"], name="other.test") as c:
        assert c.request() is None
    assert lb.stat("web", "FRONTEND")["dses"] == "1"


@pytest.mark.parametrize("what", ["connection", "session"])
def test_such_rules_can_set_no_variable_of_a_request(run_ballast, what):
    done = run_ballast("-c", config=f"""
        frontend f
            bind 127.0.0.1:80
            tcp-request {what} set-var(txn.a) src
    """)
    assert done.returncode == 1
    assert f"tcp-request {what} rules can set variables of scope 'sess' and 'proc' only" in done.stdout + done.stderr


# ---- content, mode tcp ----

def test_contents_are_waited_for_until_they_decide(tcp):
    lb = tcp("tcp-request inspect-delay 2s\ntcp-request content accept if { req.len ge 4 }\n"
             "tcp-request content reject")
    assert say(lb.door, b"ab", 0.05, b"cd", seconds=0.5) == b"hi;abcd"
    assert say(lb.door, b"ab", seconds=0.3) is None


def test_when_the_time_is_over_what_is_there_decides(tcp):
    lb = tcp("tcp-request inspect-delay 100ms\ntcp-request content reject if { req.len gt 0 }\n"
             "tcp-request content accept if WAIT_END")
    began = time.monotonic()
    assert say(lb.door, seconds=0.5) == b"hi;"
    assert time.monotonic() - began > 0.09
    assert say(lb.door, b"x") == b""
    lb.syslog.wait(r" door door/<NOSRV> -1/-1/\d+ 0 PR ")


def test_without_a_delay_nothing_is_waited_for(tcp):
    lb = tcp("tcp-request content reject if { req.len gt 0 }")
    with Client(lb.door) as c:
        assert c.stream.exactly(3) == b"hi;"


def test_an_end_of_the_client_decides(tcp):
    lb = tcp("tcp-request inspect-delay 10s\ntcp-request content reject if { req.len lt 3 } WAIT_END")
    with Client(lb.door) as c:
        c.send(b"ab")
        c.shutdown()
        assert c.until_close() == b""
    with Client(lb.door) as c:
        c.send(b"abc")
        c.shutdown()
        assert c.until_close() == b"hi;abc"


def test_a_full_buffer_decides(tcp):
    lb = tcp("tcp-request inspect-delay 10s\ntcp-request content reject if { req.len gt 100000 }")
    data = bytes(range(256)) * 200
    with Client(lb.door) as c:
        c.send(data)
        c.shutdown()
        assert c.until_close() == b"hi;" + data


def test_a_client_that_waits_too_long_is_timed_out(tcp):
    lb = tcp("timeout client 100ms\ntcp-request inspect-delay 10s\ntcp-request content accept if { req.len gt 0 }")
    assert say(lb.door) == b""
    lb.syslog.wait(r" cR ")


def test_a_client_that_leaves_is_forgotten(tcp):
    lb = tcp("tcp-request inspect-delay 10s\ntcp-request content accept if { req.len gt 5 }")
    with Client(lb.door) as c:
        c.send(b"x")
        wait_until(lambda: lb.stat("door", "FRONTEND")["scur"] == "1")
        c.reset()
    wait_until(lambda: lb.stat("door", "FRONTEND")["scur"] == "0")
    assert lb.origin.connections == 0


def test_rules_of_the_backend_have_their_own_time(tcp):
    lb = tcp("tcp-request inspect-delay 100ms\ntcp-request content accept if WAIT_END",
             "tcp-request inspect-delay 100ms\ntcp-request content accept if WAIT_END")
    began = time.monotonic()
    assert say(lb.door, b"x", seconds=1) == b"hi;x"
    assert time.monotonic() - began > 0.18


def test_an_http_request_in_a_tcp_session_is_seen(tcp):
    lb = tcp("tcp-request inspect-delay 2s\ntcp-request content reject if HTTP { path_beg /private }\n"
             "tcp-request content set-var(sess.host) req.hdr(host)\n"
             "tcp-request content accept if HTTP\ntcp-request content reject\nlog-format %[var(sess.host)]")
    assert say(lb.door, b"GET /private/x HT", 0.05, b"TP/1.1\r\nHost: a\r\n\r\n", seconds=0.5) == b""
    request = b"GET /x HTTP/1.1\r\nHost: b.example\r\n\r\n"
    assert say(lb.door, request[:20], 0.05, request[20:], seconds=0.5) == b"hi;" + request
    lb.syslog.wait("b.example")
    assert say(lb.door, b"EHLO x\r\n\r\n", seconds=0.5) == b""


def test_what_is_tracked_may_have_to_be_waited_for(tcp):
    lb = tcp("stick-table type string size 10 store conn_cnt\ntcp-request inspect-delay 2s\n"
             "tcp-request content track-sc0 req.payload(0,4)")
    assert say(lb.door, b"ab", 0.05, b"cdef", seconds=0.5) == b"hi;abcdef"
    assert "key=abcd " in lb.cli("show table door")


def test_a_backend_is_chosen_by_the_first_bytes(tcp):
    lb = tcp("tcp-request inspect-delay 2s\ntcp-request content accept if { req.len ge 3 }\n"
             "use_backend other if { req.payload(0,3) -m str SSH }",
             head="""
    backend other
        mode tcp
        retries 0
        server s1 127.0.0.1:1
""")
    assert say(lb.door, b"GET", seconds=0.5) == b"hi;GET"
    assert say(lb.door, b"SSH") == b""
    lb.syslog.wait(r" other/s1 ")


# ---- content, mode http ----

@pytest.fixture
def http(ballast, origin, syslog):
    def start(front="", back="", handler=None):
        def lines(text):
            return "".join(f"        {l.strip()}\n" for l in text.strip().splitlines())
        o = origin(handler) if handler else origin()
        lb = ballast(HEAD + f"""
    frontend web
        mode http
        option httplog
        bind 127.0.0.1:@web@
{lines(front)}
        default_backend app
    backend app
        mode http
{lines(back)}
        server s1 127.0.0.1:@o@
""", o=o, log=syslog)
        lb.web, lb.syslog, lb.origin = lb.port["web"], syslog, o
        return lb
    return start


def test_content_rules_run_before_those_of_http(http):
    lb = http("http-request set-header X-Order second-%[var(txn.a)]\ntcp-request content set-var(txn.a) str(first)\n"
              "tcp-request content reject if { path /no }")
    assert get(lb.web).status == 200
    assert lb.origin.requests[0].field("X-Order") == "second-first"
    assert exchange(lb.web, b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n") == b""
    lb.syslog.wait(r" web/<NOSRV> .* -1 0 - - PR-- ")
    assert lb.stat("web", "FRONTEND")["dreq"] == "1"


def test_a_request_can_be_delayed(http):
    lb = http("tcp-request inspect-delay 400ms\ntcp-request content accept if !{ path /slow }\n"
              "tcp-request content accept if WAIT_END")
    for path in ("/", "/slow"):
        began = time.monotonic()
        assert get(lb.web, path).status == 200
        assert (time.monotonic() - began > 0.38) == (path == "/slow")


def test_an_http_rule_rejects_without_an_answer(http):
    lb = http("http-request reject if { path /no }")
    assert exchange(lb.web, b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n") == b""
    lb.syslog.wait(r"-1 0 - - PR-- ")


def test_a_response_is_rejected_or_its_server_left(http):
    lb = http(back="tcp-response content reject if { res.hdr(x) no }\ntcp-response content close if { res.hdr(x) close }",
              handler=lambda r: response(200, b"ok", fields=[("X", r.target[1:])]))
    assert exchange(lb.web, b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n") == b""
    lb.syslog.wait(r" app/s1 .* PH-- ")
    with Client(lb.web) as c:
        for path in ("/close", "/a", "/b"):
            assert c.request("GET", path).text == "ok"
    assert lb.origin.connections == 3


# ---- tcp-response ----

def test_a_servers_first_bytes_are_looked_at(tcp):
    lb = tcp(back="tcp-response inspect-delay 2s\ntcp-response content reject if { res.payload(0,3) -m str hi; } "
                  "{ res.len gt 3 }\ntcp-response content accept if { res.len gt 3 }")
    with Client(lb.door) as c:
        assert c.silent(0.1)
        c.send(b"x")
        assert c.until_close() == b""
    lb.syslog.wait(r" PD ")
    assert lb.stat("app")["dresp"] == "1"


def test_a_servers_bytes_pass_when_their_time_is_over(tcp):
    lb = tcp(back="tcp-response inspect-delay 100ms\ntcp-response content accept if { res.len gt 100 }")
    began = time.monotonic()
    with Client(lb.door) as c:
        assert c.stream.exactly(3) == b"hi;"
        assert time.monotonic() - began > 0.09
        c.send(b"more")
        assert c.stream.exactly(4) == b"more"


def test_a_rule_closes_the_servers_connection_behind_what_it_sent(tcp):
    lb = tcp(back="tcp-response inspect-delay 1s\ntcp-response content close if { res.payload(0,0) -m sub bye }")
    with Client(lb.door) as c:
        c.send(b"bye")
        assert c.until_close() == b"hi;bye"
    lb.syslog.wait(r" -- ")


# ---- http-after-response ----

AFTER = "http-after-response set-header X-After %[status]"


@pytest.mark.parametrize("path,status", [("/", 200), ("/deny", 403), ("/redirect", 302), ("/return", 201)])
def test_all_responses_meet_the_after_rules(http, path, status):
    lb = http(f"http-request deny if {{ path /deny }}\nhttp-request redirect location /a if {{ path /redirect }}\n"
              f"http-request return status 201 if {{ path /return }}\n{AFTER}")
    r = get(lb.web, path)
    assert (r.status, r.field("X-After")) == (status, str(status))


def test_a_failed_server_and_a_bad_request_do_and_do_not(http):
    lb = http(AFTER, "http-after-response add-header X-Back 1")
    lb.origin.stop()
    r = get(lb.web)
    assert (r.status, r.field("X-After"), r.field("X-Back")) == (503, "503", "1")
    bad = exchange(lb.web, b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
    assert bad.startswith(b"HTTP/1.1 400") and b"X-After" not in bad


def test_the_backends_after_rules_run_first(http):
    lb = http("http-after-response set-status 202 if { res.hdr(x) back }", "http-after-response set-header X back")
    assert get(lb.web).status == 202
    lb.syslog.wait(" 202 ")


def test_a_failed_after_rule_ends_in_a_plain_500(http):
    lb = http("http-request return status 204\nhttp-after-response set-status 200\n"
              "http-after-response set-header X 1")
    r = get(lb.web)
    assert (r.status, r.field("X")) == (500, None)


@pytest.mark.parametrize("line,part", [
    ("tcp-request content deny", "action 'deny' is not for tcp-request content rules"),
    ("tcp-request content use-service x", "tcp-request content action 'use-service' is not supported"),
    ("tcp-request content do-resolve(txn.a,b) src", "is not supported by Ballast"),
    ("tcp-request content set-nice 3", "is not supported by Ballast"),
    ("http-after-response return", "action 'return' is not for http-after-response rules"),
    ("tcp-request connection accept if { req.len 0 }", "never matches"),
    ("tcp-request content set-mark hello", "unknown fetch 'hello'"),
    ("tcp-request content set-tos 256", "expects a number from 0 to 255"),
    ("tcp-request content", "expects an action"),
    ("tcp-request something", "unknown tcp-request 'something'"),
    ("tcp-request session expect-proxy layer4", "is not for tcp-request session rules"),
])
def test_what_cannot_be_is_told_at_load(run_ballast, line, part):
    done = run_ballast("-c", config=f"""
        frontend f
            mode http
            timeout client 1s
            bind 127.0.0.1:80
            {line}
    """)
    assert part in done.stdout + done.stderr


# ---- TLS that is not decrypted ----

def sni_config():
    here = os.path.dirname(__file__)
    with open(os.path.join(here, "..", "..", "examples", "sni.cfg"), encoding="utf-8") as f:
        return f.read()


@pytest.fixture
def sni(ballast, tls_origin, ca):
    """examples/sni.cfg on free ports; lb.origins by the name of their backend."""
    ca.make("sni", "www.example.com", "shop.example.com", "mail.example.com", "other.example.net")
    names = {"9443": "site-www", "9444": "site-shop", "9445": "mail", "9446": "acme"}
    text, origins = sni_config(), {}
    for port, name in names.items():
        origins[name] = tls_origin(ca.path("sni.pem"), lambda r, n=name: response(200, n.encode()))
        text = text.replace(port, str(origins[name].port))
    lb = ballast(text.replace("127.0.0.1:8443", "127.0.0.1:@door@"))
    lb.door, lb.origins = lb.port["door"], origins
    return lb


@pytest.mark.parametrize("name,backend", [
    ("www.example.com", "site-www"), ("shop.example.com", "site-shop"), ("SHOP.example.com", "site-shop"),
    ("mail.example.com", "mail"), ("none.example.com", "site-www"), ("other.example.net", "site-www")])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_goes_where_its_name_says(sni, ca, name, backend, version):
    context = ssl.create_default_context(cafile=ca.path("ca.pem"))
    context.check_hostname = name.lower() not in ("none.example.com",)
    context.minimum_version = context.maximum_version = version
    with TlsClient(sni.door, ca, name=name, context=context) as c:
        assert c.request().text == backend
    assert sni.origins[backend].names[-1].lower() == name.lower()


def test_tls_goes_where_its_protocol_says(sni, ca):
    with TlsClient(sni.door, name="shop.example.com", alpn=["acme-tls/1"]) as c:
        assert c.request().text == "acme"


def test_openssl_and_curl_come_through(sni, ca):
    done = subprocess.run(OPENSSL + ["s_client", "-connect", f"127.0.0.1:{sni.door}", "-servername", "shop.example.com",
                                     "-CAfile", ca.path("ca.pem"), "-verify_return_error"],
                          input=b"", capture_output=True, timeout=20)
    assert b"Verification: OK" in done.stdout, done.stderr
    assert sni.origins["site-shop"].names == ["shop.example.com"]
    if shutil.which("curl"):
        url = f"https://mail.example.com:{sni.door}/"
        done = subprocess.run(["curl", "-s", "--http1.1", "--cacert", ca.path("ca.pem"), "--resolve",
                               f"mail.example.com:{sni.door}:127.0.0.1", url], capture_output=True, timeout=20)
        assert done.stdout == b"mail"


def hello_of(name):
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    sock = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        sock.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("cut", ["packets", "records"])
def test_a_hello_in_pieces_is_routed_all_the_same(sni, cut):
    hello = hello_of("shop.example.com")
    pieces = [hello[i:i + 40] for i in range(0, len(hello), 40)]
    if cut == "records":
        body = hello[5:]
        parts = [body[i:i + 40] for i in range(0, len(body), 40)]
        pieces = [hello[:3] + len(p).to_bytes(2, "big") + p for p in parts]
    with socket.create_connection(("127.0.0.1", sni.door), 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for p in pieces:
            s.sendall(p)
            time.sleep(0.002)
        assert s.recv(5)[:2] == b"\x16\x03"
    assert sni.origins["site-shop"].names == ["shop.example.com"]


def test_what_is_no_tls_is_refused(sni):
    assert say(sni.door, b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n") == b""
    assert not any(o.connections for o in sni.origins.values())


# ---- the same file through HAProxy ----

HAPROXY = shutil.which("haproxy")
SAME = """
    global
        log 127.0.0.1:@log@ local0
    defaults
        log global
        timeout connect 500ms
        timeout client 1s
        timeout server 1s
    frontend h
        mode http
        option httplog
        bind 127.0.0.1:@h@
        tcp-request content set-var(txn.c) path
        tcp-request content reject if { path /content-reject }
        http-request reject if { path /reject }
        http-request set-header X-C %[var(txn.c)]
        http-request deny if { path /deny }
        http-request return status 200 content-type text/plain string hello if { path /return }
        redirect prefix http://x.example code 301 drop-query append-slash set-cookie A=1 if { path_beg /prefix }
        redirect scheme https code 308 if { path_beg /scheme }
        http-after-response set-header X-After %[status]
        http-after-response add-header X-After2 %[res.hdr(x-after)] if { status ge 300 }
        http-after-response set-status 418 if { path_end /teapot } or { res.hdr(x-teapot) -m found }
        default_backend hb
    backend hb
        mode http
        redirect location /elsewhere?x=%[path] if { path /back }
        http-after-response set-header X-Back 1
        server s 127.0.0.1:@o@
    frontend t
        mode tcp
        option tcplog
        bind 127.0.0.1:@t@
        tcp-request inspect-delay 150ms
        tcp-request content reject if { req.payload(0,3) -m str BAD }
        tcp-request content reject if HTTP { path /http-reject }
        tcp-request content accept if { req.ssl_hello_type 1 }
        tcp-request content accept if { req.len gt 5 }
        default_backend tb
    backend tb
        mode tcp
        tcp-response inspect-delay 150ms
        tcp-response content reject if { res.payload(0,8) -m str HTTP/1.0 }
        tcp-response content accept if { res.len gt 8 }
        server s 127.0.0.1:@o@
"""


def http_calls():
    for path in ("/", "/content-reject", "/reject", "/deny", "/return", "/prefix/a?b=c", "/scheme/a?b", "/back",
                 "/teapot"):
        yield "h", f"GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n".encode()


def tcp_calls():
    request = "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    yield "t", b"BAD"
    yield "t", request.format("/http-reject").encode()
    yield "t", request.format("/ok").encode()
    yield "t", request.format("/old").encode()


def handler(request):
    return response(200, b"ok " + request.target.encode(), fields=[("Connection", "close")],
                    version="HTTP/1.0" if request.target == "/old" else "HTTP/1.1")


def comparable(answer):
    """Status, fields in lower case and any order, body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    kept = sorted(name.lower() + b":" + value for name, _, value in (f.partition(b":") for f in fields)
                  if name.lower() not in (b"connection", b"content-length", b"date"))
    # the texts of error pages are each program's own
    page = body if not body.startswith(b"<html>") else b""
    return first, kept, page


def log_fields(line):
    """Proxy and server, status and termination state."""
    m = re.search(r"\] (\S+ \S+) [-\d/+]+ (?:(-?\d+) )?\d+ (?:- - )?(\S+) ", line)
    return m and m.groups()


def through(port, log, calls):
    out = []
    for name, data in calls:
        seen = len(log.lines)
        answer = exchange(port[name], data)
        wait_until(lambda: len(log.lines) > seen, what=f"a log line for {data[:40]}")
        out.append((data[:30], comparable(answer), log_fields(log.lines[-1])))
    return out


@pytest.mark.skipif(not HAPROXY, reason="no haproxy")
def test_haproxy_does_the_same(ballast, origin, syslog, tmp_path):
    o, other_log = origin(handler), Syslog()
    calls = list(http_calls()) + list(tcp_calls())
    lb = ballast(SAME, o=o, log=syslog)
    ours = through(lb.port, syslog, calls)
    ports = {"h": free_port(), "t": free_port(), "o": o.port, "log": other_log.port}
    config = tmp_path / "haproxy.cfg"
    config.write_text(re.sub(r"@(\w+)@", lambda m: str(ports[m[1]]), SAME))
    process = subprocess.Popen([HAPROXY, "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: {ports["h"], ports["t"]} <= listening_ports())
        theirs = through(ports, other_log, calls)
    finally:
        process.kill()
        process.wait()
        other_log.stop()
    for a, b in zip(ours, theirs):
        assert a == b
