"""Log lines: their formats, variables, what is not logged, and the ways they go."""
import json
import os
import re
import socket
import threading
import time

import pytest

from peers import Client, Syslog, exchange, get, response, wait_until

DEFAULTS = """
    defaults
        mode http
        log global
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
"""
DATE = r"\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]"


@pytest.fixture
def logged(ballast, origin, syslog):
    """logged("lines", handler, target="format raw local0", head="global lines") gives (port, origin, syslog)."""
    def start(lines, handler=None, target="local0", head="", **more):
        o = origin(handler, **more) if handler else origin(**more)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(f"""
    global
        nbthread 1
        stats socket @dir@/sock level admin
        log 127.0.0.1:@log@ {target}
{head}""" + DEFAULTS + f"""
    frontend web
        bind 127.0.0.1:@web@
{body}
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
        syslog.lb = lb
        return lb.port["web"], o, syslog
    return start


def text_of(line):
    """Without the syslog header."""
    return re.sub(r"^<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d \w+\[\d+\]: ", "", line).rstrip("\n")


# ---- formats ----

def test_httplog(logged):
    port, o, log = logged("option httplog")
    get(port, "/x?y")
    line = text_of(log.wait("GET /x")[0])
    assert re.fullmatch(rf'127\.0\.0\.1:\d+ {DATE} web app/s1 \d+/\d+/\d+/\d+/\d+ 200 \d+ - - ---- 1/1/0/0/0 0/0 "GET /x\?y HTTP/1\.1"',
                        line), line


def test_httplog_clf(logged):
    port, o, log = logged("option httplog clf")
    get(port, "/x")
    line = text_of(log.wait("GET /x")[0])
    assert re.match(r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /x HTTP/1\.1" 200 \d+ "" "" \d+ \d{3} "web" "app" "s1" ', line), line


def test_the_default_format(logged):
    port, o, log = logged("")
    get(port)
    line = text_of(log.wait("Connect from")[0])
    assert re.fullmatch(rf"Connect from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:{port} \(web/HTTP\)", line), line


def test_tcplog(ballast, origin, syslog):
    o = origin()
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + """
        mode tcp
        option tcplog
    listen door
        bind 127.0.0.1:@door@
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    with Client(lb.port["door"]) as c:
        c.request(fields=[("Connection", "close")])
    line = text_of(syslog.wait("door/s1")[0])
    assert re.fullmatch(rf"127\.0\.0\.1:\d+ {DATE} door door/s1 \d+/\d+/\d+ \d+ (--|CD) 1/1/0/0/0 0/0", line), line


VARIABLES = {
    "%ci": r"127\.0\.0\.1", "%cp": r"\d+", "%fi": r"127\.0\.0\.1", "%fp": "PORT", "%si": r"127\.0\.0\.1", "%sp": "ORIGIN",
    "%bi": r"127\.0\.0\.1", "%bp": r"\d{4,5}", "%f": "web", "%ft": "web", "%b": "app", "%s": "s1", "%ts": "--", "%tsc": "----", "%B": r"\d\d+", "%U": r"\d\d+", "%ST": "200",
    "%ac": "1", "%fc": "1", "%bc": "0", "%sc": "0", "%rc": "0", "%sq": "0", "%bq": "0", "%rt": r"\d+", "%pid": r"\d+",
    "%H": r"\S+", "%r": r"GET /a/b\?c=d HTTP/1\.1", "%HM": "GET", "%HU": r"/a/b\?c=d", "%HP": "/a/b", "%HPO": "/a/b",
    "%HQ": r"\?c=d", "%HV": r"HTTP/1\.1",
    "%Th": "0", "%Ti": r"\d+", "%TR": r"\d+", "%Tq": r"\d+", "%Tw": "0", "%Tc": r"\d+", "%Tr": r"[56789]\d|1\d\d",
    "%Td": r"\d+", "%Ta": r"[56789]\d|1\d\d", "%Tt": r"[56789]\d|1\d\d", "%Tu": r"[56789]\d|1\d\d",
    "%t": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}", "%tr": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}",
    "%T": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", "%Tl": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
    "%trg": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", "%trl": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
    "%Ts": r"\d{10}", "%ms": r"\d{1,3}",
    "%[src]": r"127\.0\.0\.1", "%[dst_port]": "PORT",
    "%CC": "-", "%CS": "-", "%%": "%", "%{+Q}HP": '"/a/b"',
    "%lc": r"\d+",
}


def test_every_variable(logged):
    names = list(VARIABLES)
    port, o, log = logged('log-format "' + "|".join(names) + '"',
                          lambda q: [0.06, response(200, b"x" * 10)])
    get(port, "/a/b?c=d")
    line = text_of(log.wait("GET")[0])
    got = line.split("|")
    assert len(got) == len(names), line
    wrong = []
    for name, value in zip(names, got):
        expected = VARIABLES[name].replace("PORT", str(port)).replace("ORIGIN", str(o.port))
        if not re.fullmatch(expected, value):
            wrong.append((name, value, expected))
    assert not wrong


@pytest.mark.parametrize("form, expected", [
    ("%{+Q}[src]", '"127.0.0.1"'),
    ("%{+Q}o %HM %HP", '"GET" "/q"'),
    ("%{+Q}o %HM %{-Q}HP", '"GET" /q'),
    ("%{+Q,+E}HP", '"/q"'),
    ("%{+X}o %ci %fi %bi", "7F000001 7F000001 7F000001"),
    ("%[src,length]", "9"),
    ("%(named)HM", "GET"),
    ("a\\ b %HM 100%%", "a\\ b GET 100%"),
])
def test_flags_and_expressions(logged, form, expected):
    port, o, log = logged(f"log-format '{form}'")
    get(port, "/q")
    wait_until(lambda: log.lines)
    assert text_of(log.lines[-1]) == expected


def test_an_expression_of_the_request_is_refused_at_load(run_ballast):
    done = run_ballast("-c", config=DEFAULTS + """
    frontend web
        bind 127.0.0.1:1
        log-format %[req.hdr(x)]
    """)
    assert done.returncode == 1 and "req.hdr" in done.stderr


def test_bytes_and_times_of_a_request_with_a_body(logged):
    port, o, log = logged('log-format "%HM %U %B %ST %Tr/%Td/%Ta"', lambda q: response(201, b"y" * 100))
    with Client(port) as c:
        c.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n" + "b" * 50)
        r = c.response()
    line = text_of(log.wait("POST")[0]).split()
    assert 49 + 50 <= int(line[1]) < 110, "head and body from the client"
    assert int(line[2]) == len(r.raw), "head and body to the client"
    assert line[3] == "201"


def test_a_bad_request_is_logged(logged):
    port, o, log = logged("option httplog")
    assert exchange(port, "GET nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    line = text_of(log.wait("BADREQ")[0])
    assert re.search(r'web web/<NOSRV> -?\d+/-1/-1/-1/\d+ 400 \d+ - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"', line), line


# ---- what is logged, and when ----

def test_dontlognull(logged, client):
    port, o, log = logged("option httplog\noption dontlognull")
    client(port).close()
    get(port, "/after")
    log.wait("/after")
    time.sleep(0.05)
    assert len(log.matching(" web ")) == 1


def test_null_connections_are_logged_otherwise(logged, client):
    port, o, log = logged("option httplog")
    client(port).close()
    line = log.wait("BADREQ")[0]
    assert re.search(r" 400 \d+ - - CR-- ", line), line


def test_dontlog_normal(logged):
    port, o, log = logged("option httplog\noption dontlog-normal", lambda q: response(int(q.target[1:])))
    for status in (200, 302, 404, 500, 200):
        get(port, f"/{status}")
    log.wait("GET /500")
    time.sleep(0.05)
    assert [re.search(r"GET /(\d+)", l)[1] for l in log.lines] == ["500"] or \
        [re.search(r"GET /(\d+)", l)[1] for l in log.lines] == ["404", "500"]


def test_logasap_logs_with_the_head(logged):
    go = threading.Event()

    def answer(q):
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
        go.wait(5)
        yield b"done"
    port, o, log = logged("option httplog\noption logasap", answer)
    with Client(port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        line = text_of(log.wait("GET /slow")[0])
        go.set()
        assert c.response().text == "done"
    assert re.search(r" app/s1 \d+/\d+/\d+/\d+/\+\d+ 200 \+\d+ - - ---- ", line), line
    assert len(log.matching("/slow")) == 1


def test_a_set_log_level(logged):
    port, o, log = logged("""
        option httplog
        http-request set-log-level silent if { path /quiet }
        http-request set-log-level crit if { path /loud }
    """)
    for path in ("/quiet", "/loud", "/normal"):
        get(port, path)
    log.wait("/normal")
    assert not log.matching("/quiet")
    assert log.wait("/loud")[0].startswith("<130>")


# ---- where it goes ----

@pytest.mark.parametrize("target, pattern", [
    ("local0", r"<134>\w{3} [ \d]\d \d\d:\d\d:\d\d \w+\[\d+\]: LINE\n?"),
    ("local7 debug", r"<190>.*LINE\n?"),
    ("format rfc3164 daemon", r"<30>\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \w+\[\d+\]: LINE\n?"),
    ("format rfc5424 local0", r"<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-Z]\S* \S+ \w+ \d+ - - LINE\n?"),
    ("format raw local0", r"LINE\n?"),
    ("format short local0", r"<6>LINE\n?"),
    ("format priority local0", r"<134>LINE\n?"),
    ("format timed local0", r"<6>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d LINE\n?"),
    ("format iso local0", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d LINE\n?"),
])
def test_syslog_formats(logged, target, pattern):
    port, o, log = logged('log-format LINE', target=target)
    get(port)
    line = log.wait("LINE")[0]
    assert re.fullmatch(pattern, line), line


def test_a_levels_filter(logged):
    port, o, log = logged('log-format "LINE %ST"', lambda q: response(200), target="local0 notice")
    get(port)
    time.sleep(0.1)
    assert not log.matching("LINE"), "requests are of level info"


def test_the_least_level(logged):
    port, o, log = logged('log-format LINE', target="local0 info warning")
    get(port)
    assert log.wait("LINE")[0].startswith("<134>")


def test_len_cuts_lines(logged):
    port, o, log = logged('log-format "%HP LINE"', target="len 80 format raw local0")
    get(port, "/" + "x" * 200)
    wait_until(lambda: log.lines)
    assert len(log.lines[0]) <= 80 and log.lines[0].startswith("/xxx")


def test_log_tag_and_host(logged):
    port, o, log = logged("log-format LINE\nlog-tag shop", head="        log-send-hostname edge1\n")
    get(port)
    assert re.match(r"<134>\w{3} [ \d]\d \d\d:\d\d:\d\d edge1 shop\[\d+\]: LINE", log.wait("LINE")[0])


def test_stdout(ballast, origin):
    o = origin()
    lb = ballast("""
    global
        log stdout format raw local0
    """ + DEFAULTS + """
        option httplog
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@
    """, o=o)
    get(lb.port["web"], "/to-stdout")
    lb.wait_log(r'^127\.0\.0\.1:\d+ .* "GET /to-stdout HTTP/1\.1"$')


def test_a_unix_datagram_socket_that_comes_back(ballast, origin, tmp_path):
    path = str(tmp_path / "dev-log")

    def receiver():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(path)
        s.settimeout(3)
        return s
    o = origin()
    first = receiver()
    lb = ballast(f"""
    global
        log {path} local0
    """ + DEFAULTS + """
        log-format "LINE %HP"
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@
    """, o=o)
    get(lb.port["web"], "/one")
    assert b"LINE /one" in first.recv(65536)
    first.close()
    os.unlink(path)
    get(lb.port["web"], "/lost")
    second = receiver()
    get(lb.port["web"], "/two")
    while b"LINE /two" not in second.recv(65536):
        pass  # "/lost" may have been late enough
    second.close()


def test_several_targets_and_a_frontends_own(ballast, origin, syslog):
    own = Syslog()
    o = origin()
    lb = ballast("""
    global
        log 127.0.0.1:@log@ local0
    """ + DEFAULTS + """
        log-format "LINE %f"
    frontend one
        bind 127.0.0.1:@one@
        log 127.0.0.1:@own@ local3
        default_backend app
    frontend two
        bind 127.0.0.1:@two@
        no log
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog, own=own)
    get(lb.port["one"])
    get(lb.port["two"])
    assert own.wait("LINE one")[0].startswith("<158>")
    syslog.wait("LINE one")
    time.sleep(0.05)
    assert not syslog.matching("LINE two")
    own.stop()


def test_a_receiver_that_is_gone_slows_nothing(ballast, origin):
    o = origin()
    lb = ballast("""
    global
        log 127.0.0.1:@nobody@ local0
    """ + DEFAULTS + """
        option httplog
    listen web
        bind 127.0.0.1:@web@
        server s1 127.0.0.1:@o@
    """, o=o)
    with Client(lb.port["web"]) as c:
        assert [c.request().status for _ in range(20)] == [200] * 20


# ---- JSON, errors, structured data ----

def test_json_lines_are_objects_with_documented_keys(ballast, origin, syslog):
    lb = ballast("""
    defaults
        mode http
        timeout connect 1s
        timeout client 1s
        timeout server 1s
        option jsonlog
        log 127.0.0.1:@log@ len 8192 format raw local0
    frontend web
        bind 127.0.0.1:@web@
        http-request deny if { path /no }
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
    listen stream
        mode tcp
        bind 127.0.0.1:@stream@
        server s1 127.0.0.1:@o@
    """, o=origin(), log=syslog)
    exchange(lb.port["web"], b'GET /a"\\b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    exchange(lb.port["web"], b"GET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    exchange(lb.port["web"], b"GET /ok?\xc3\xa9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    exchange(lb.port["stream"], b"GET /t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    syslog.wait("ms_total", 4)
    rows = [json.loads(l) for l in syslog.lines]
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "doc", "logs.md"), encoding="utf-8") as f:
        page = f.read()
    for row in rows:
        assert all(f"`{k}`" in page for k in row), row
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"])
        assert row["client_ip"] == "127.0.0.1" and row["client_port"] > 0 and row["ms_total"] >= 0
    denied = next(r for r in rows if r.get("uri") == "/no")
    assert (denied["status"], denied["state"], denied["server"], denied["backend"]) == (403, "PR", None, None)
    tcp = next(r for r in rows if r["frontend"] == "stream")
    assert "method" not in tcp and tcp["server"] == "s1" and tcp["bytes_out"] > 0


def test_what_went_wrong_has_a_format_of_its_own(ballast, syslog):
    lb = ballast("""
    frontend web
        mode http
        timeout client 1s
        bind 127.0.0.1:@web@
        log 127.0.0.1:@log@ format raw local0
        log-format "fine %ST"
        error-log-format "wrong %ST %ts"
        http-request return status 200 if { path /fine }
        http-request deny if { path /denied }
    """, log=syslog)
    for path in "/fine", "/denied", "/nowhere":
        exchange(lb.port["web"], f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    syslog.wait("fine 200")
    syslog.wait("wrong 403 PR")
    syslog.wait("wrong 503 SC")


def test_structured_data_goes_to_targets_that_take_it(ballast, syslog):
    lb = ballast("""
    frontend web
        mode http
        timeout client 1s
        bind 127.0.0.1:@web@
        log 127.0.0.1:@log@ format rfc5424 local0
        log 127.0.0.1:@log@ format local local1
        log-format "text %ST"
        log-format-sd "[x@1234 bytes=\\"%B\\" status=\\"%ST\\"]"
        http-request return status 200
    """, log=syslog)
    exchange(lb.port["web"], b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert syslog.wait(r' - \[x@1234 bytes="\d+" status="200"\] text 200$')
    assert syslog.wait(r"<142>.*\]: text 200$")
