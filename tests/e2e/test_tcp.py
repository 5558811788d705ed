"""TCP sessions: bytes both ways, ends of either side, times, and every kind of address to listen on and connect to."""
import hashlib
import os
import re
import socket
import threading
import time

import pytest

from peers import Client, Origin, free_port, get, listening_ports, reset, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
    defaults
        mode tcp
        log global
        option tcplog
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
"""
STATE = re.compile(r" \d+/-?\d+/\+?\d+ \+?\d+ (\S\S) ")


@pytest.fixture
def tcp(ballast, origin, syslog):
    """tcp(connection, "lines", server="options") gives (port, origin, syslog); connection(sock, origin) is the server."""
    def start(connection, lines="", server="", **more):
        o = origin(connection=connection)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(HEAD + f"""
    listen door
        bind 127.0.0.1:@door@
{body}
        server s1 127.0.0.1:@o@ {server}
    """, o=o, log=syslog, **more)
        syslog.lb = lb
        return lb.port["door"], o, syslog
    return start


def connect(port, host="127.0.0.1"):
    s = socket.create_connection((host, port), 5)
    s.settimeout(5)
    return s


def read_all(sock):
    out = bytearray()
    while True:
        try:
            data = sock.recv(1 << 16)
        except ConnectionError:
            return bytes(out), "reset"
        if not data:
            return bytes(out), "end"
        out += data


def echo(sock, _):
    while data := sock.recv(65536):
        sock.sendall(data)


def state(log, pattern="door/s1"):
    return STATE.search(log.wait(pattern)[0])[1]


def pattern(size, seed=1):
    block = hashlib.sha256(str(seed).encode()).digest() * 1024
    return (block * (size // len(block) + 1))[:size]


# ---- bytes ----

def test_bytes_pass_both_ways(tcp):
    port, o, log = tcp(echo)
    with connect(port) as s:
        for size in (1, 10, 1000, 100000):
            s.sendall(pattern(size))
            got = b""
            while len(got) < size:
                got += s.recv(65536)
            assert got == pattern(size)
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == (b"", "end")
    assert state(log) == "--"


def test_the_server_speaks_first(tcp):
    port, o, log = tcp(lambda sock, _: sock.sendall(b"220 welcome\r\n"))
    with connect(port) as s:
        assert read_all(s) == (b"220 welcome\r\n", "end")


SPLICES = ["", "option splice-auto", "option splice-request\noption splice-response", "no option splice-auto"]


@pytest.mark.parametrize("splice", SPLICES)
def test_big_transfers_both_ways_at_once(tcp, splice):
    size = 8 << 20
    seen = {}

    def serve(sock, _):
        sender = threading.Thread(target=lambda: (sock.sendall(pattern(size, 2)), sock.shutdown(socket.SHUT_WR)))
        sender.start()
        seen["request"] = read_all(sock)[0]
        sender.join()
    port, o, log = tcp(serve, splice)
    with connect(port) as s:
        sender = threading.Thread(target=lambda: (s.sendall(pattern(size, 1)), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got, end = read_all(s)
        sender.join()
    assert end == "end" and got == pattern(size, 2)
    wait_until(lambda: "request" in seen)
    assert seen["request"] == pattern(size, 1)
    line = log.wait("door/s1")[0]
    assert f" {size} -- " in line, line


@pytest.mark.parametrize("splice", SPLICES[:2])
def test_a_slow_reader_holds_the_sender_back(tcp, splice):
    """The server can send no more than the buffers between hold while the client reads nothing."""
    sent = [0]

    def serve(sock, _):
        sock.settimeout(0.3)
        block = pattern(1 << 16)
        try:
            for _ in range(1024):
                sock.sendall(block)
                sent[0] += len(block)
        except TimeoutError:
            pass
    port, o, log = tcp(serve, splice)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        s.connect(("127.0.0.1", port))
        time.sleep(0.5)
        assert sent[0] < 48 << 20, "64 MiB were taken though nobody reads"
        s.settimeout(5)
        got, _ = read_all(s)
    assert len(got) >= sent[0]


# ---- ends ----

def test_a_half_closed_client_still_gets_the_answer(tcp):
    def serve(sock, _):
        request, _ = read_all(sock)
        time.sleep(0.05)
        sock.sendall(b"answer to " + request)
    port, o, log = tcp(serve)
    with connect(port) as s:
        s.sendall(b"question")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == (b"answer to question", "end")
    assert state(log) == "--"


def test_a_half_closed_server_still_gets_the_rest(tcp):
    rest = []

    def serve(sock, _):
        sock.sendall(b"goodbye")
        sock.shutdown(socket.SHUT_WR)
        rest.append(read_all(sock)[0])
    port, o, log = tcp(serve)
    with connect(port) as s:
        assert read_all(s) == (b"goodbye", "end")
        s.sendall(b"one more thing")
        s.shutdown(socket.SHUT_WR)
        wait_until(lambda: rest)
    assert rest == [b"one more thing"]
    assert state(log) == "--"


def test_a_reset_by_the_client_reaches_the_server(tcp):
    ended = []

    def serve(sock, _):
        sock.sendall(b"x")
        ended.append(read_all(sock)[1])
    port, o, log = tcp(serve)
    s = connect(port)
    assert s.recv(1) == b"x"
    reset(s)
    wait_until(lambda: ended)
    assert state(log) == "CD"


def test_a_reset_by_the_server_reaches_the_client(tcp):
    def serve(sock, _):
        sock.recv(10)
        reset(sock)
    port, o, log = tcp(serve)
    with connect(port) as s:
        s.sendall(b"x")
        data, _ = read_all(s)
        assert data == b""
    assert state(log) == "SD"


def test_nolinger_does_not_cut_what_was_sent(tcp):
    port, o, log = tcp(lambda sock, _: sock.sendall(pattern(1 << 20)))
    with connect(port) as s:
        assert read_all(s) == (pattern(1 << 20), "end")


# ---- times ----

def hold(sock, _):
    read_all(sock)


@pytest.mark.parametrize("timeouts, expected", [
    ("timeout client 100ms", "cD"),
    ("timeout server 100ms", "sD"),
    ("timeout tunnel 100ms", "cD|sD"),
])
def test_a_silent_session_times_out(tcp, timeouts, expected):
    port, o, log = tcp(hold, timeouts)
    began = time.monotonic()
    with connect(port) as s:
        s.sendall(b"x")
        read_all(s)
    assert 0.08 < time.monotonic() - began < 2
    assert state(log) in expected.split("|")


def test_traffic_keeps_a_session_alive(tcp):
    port, o, log = tcp(echo, "timeout client 300ms\ntimeout server 300ms")
    with connect(port) as s:
        for _ in range(10):
            s.sendall(b"x")
            assert s.recv(1) == b"x"
            time.sleep(0.06)


def test_client_fin_bounds_a_half_closed_session(tcp):
    port, o, log = tcp(lambda sock, _: (sock.recv(1), time.sleep(2)), "timeout client-fin 100ms\ntimeout server 5s")
    began = time.monotonic()
    with connect(port) as s:
        s.sendall(b"x")
        s.shutdown(socket.SHUT_WR)
        read_all(s)
    assert time.monotonic() - began < 1.5


def test_a_refused_server(ballast, syslog):
    lb = ballast(HEAD + """
    listen door
        bind 127.0.0.1:@door@
        retries 1
        timeout connect 50ms
        server s1 127.0.0.1:@refused@
    """, log=syslog)
    with connect(lb.port["door"]) as s:
        assert read_all(s)[0] == b""
    line = syslog.wait("door/s1")[0]
    assert re.search(r" \d/-1/\d+ 0 SC 1/1/0/0/1 0/0", line), line


def test_redispatch_in_tcp_mode(ballast, origin, syslog):
    o = origin(connection=echo)
    lb = ballast(HEAD + """
    listen door
        bind 127.0.0.1:@door@
        option redispatch
        server dead 127.0.0.1:@refused@
        server live 127.0.0.1:@o@
    """, o=o, log=syslog)
    for _ in range(4):
        with connect(lb.port["door"]) as s:
            s.sendall(b"x")
            assert s.recv(1) == b"x"


def test_use_backend_in_tcp_mode(ballast, origin, syslog):
    a, b = (origin(connection=lambda sock, _, n=n: sock.sendall(n)) for n in (b"a", b"b"))
    lb = ballast(HEAD + """
    frontend door
        bind 127.0.0.1:@one@
        bind 127.0.0.1:@two@
        use_backend a if { dst_port @one@ }
        default_backend b
    backend a
        server s 127.0.0.1:@a@
    backend b
        server s 127.0.0.1:@b@
    """, a=a, b=b, log=syslog)
    assert read_all(connect(lb.port["one"]))[0] == b"a"
    assert read_all(connect(lb.port["two"]))[0] == b"b"


def test_queue_in_tcp_mode(tcp):
    port, o, log = tcp(echo, "timeout queue 5s", "maxconn 1")
    first = connect(port)
    first.sendall(b"1")
    assert first.recv(1) == b"1"
    second = connect(port)  # only now: another thread might take it before the first
    second.sendall(b"2")
    second.settimeout(0.1)
    with pytest.raises(TimeoutError):
        second.recv(1)
    first.close()
    second.settimeout(5)
    assert second.recv(1) == b"2"
    second.close()


# ---- addresses ----

def test_source_address(tcp):
    port, o, log = tcp(lambda sock, _: sock.sendall(sock.getpeername()[0].encode()), server="source 127.0.0.9")
    assert read_all(connect(port))[0] == b"127.0.0.9"


def test_source_address_of_the_backend(tcp):
    port, o, log = tcp(lambda sock, _: sock.sendall(sock.getpeername()[0].encode()), "source 127.0.0.7")
    assert read_all(connect(port))[0] == b"127.0.0.7"


def unix_server(address, answer=b"from unix"):
    s = socket.socket(socket.AF_UNIX)
    s.bind(address)
    s.listen(5)

    def serve():
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            with c:
                data = c.recv(100)
                c.sendall(answer + b" " + data)
    threading.Thread(target=serve, daemon=True).start()
    return s


def abstract(name):
    """As HAProxy has them: filled up to the full length."""
    return ("\0" + name).ljust(108, "\0")


@pytest.mark.parametrize("kind", ["unix", "abns"])
def test_unix_sockets_on_both_sides(ballast, syslog, tmp_path, kind):
    name = f"ballast-test-{os.getpid()}-{free_port()}"
    at = {"unix": str(tmp_path / "origin"), "abns": abstract(name + "-o")}[kind]
    server = unix_server(at)
    bind = {"unix": f"unix@{tmp_path}/front", "abns": f"abns@{name}-f"}[kind]
    origin_at = {"unix": f"unix@{at}", "abns": f"abns@{name}-o"}[kind]
    lb = ballast(HEAD + f"""
    listen door
        bind {bind} mode 666
        bind 127.0.0.1:@door@
        server s1 {origin_at}
    """, log=syslog)
    for where in ({"unix": f"{tmp_path}/front", "abns": abstract(name + "-f")}[kind], None):
        s = socket.socket(socket.AF_UNIX) if where else connect(lb.port["door"])
        if where:
            s.connect(where)
        s.settimeout(5)
        s.sendall(b"hello")
        assert read_all(s)[0] == b"from unix hello"
        s.close()
    if kind == "unix":
        assert os.stat(f"{tmp_path}/front").st_mode & 0o777 == 0o666
    assert syslog.wait("unix:1|127.0.0.1")
    server.close()


def test_http_over_unix_sockets(ballast, syslog, tmp_path):
    lb = ballast(HEAD + f"""
    listen web
        mode http
        option httplog
        option forwardfor
        bind unix@{tmp_path}/web
        bind 127.0.0.1:@web@
        http-request return status 200 content-type text/plain lf-string "at %[dst_port]"
    """, log=syslog)
    with Client(None, host=f"{tmp_path}/web", family=socket.AF_UNIX) as c:
        assert c.request(target="/u").status == 200
    assert get(lb.port["web"]).text == f"at {lb.port['web']}"
    assert syslog.wait("GET /u ")


def test_a_unix_socket_is_removed_at_the_end(ballast, syslog, tmp_path):
    lb = ballast(HEAD + f"""
    listen door
        bind unix@{tmp_path}/front
        bind 127.0.0.1:@door@
        server s1 127.0.0.1:1
    """, log=syslog)
    assert os.path.exists(tmp_path / "front")
    lb.stop()
    assert not os.path.exists(tmp_path / "front")


def test_a_port_range_and_several_addresses_on_a_line(ballast, origin, syslog):
    o = origin(connection=lambda sock, _: sock.sendall(b"yes"))
    while True:  # three free ports in a row
        first = free_port()
        if not {first, first + 1, first + 2} & listening_ports() and first < 60000:
            break
    lb = ballast(HEAD + f"""
    listen door
        bind 127.0.0.1:{first}-{first + 2},127.0.0.1:@other@
        bind 127.0.0.2:@door@
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    for port in (first, first + 1, first + 2, lb.port["other"]):
        assert read_all(connect(port))[0] == b"yes"
    assert read_all(connect(lb.port["door"], "127.0.0.2"))[0] == b"yes"


def test_a_server_port_relative_to_the_clients(ballast, origin, syslog):
    o = origin(connection=lambda sock, _: sock.sendall(b"yes"))
    lb = ballast(HEAD + """
    listen door
        bind 127.0.0.2:@o@
        server s1 127.0.0.1
    listen plus
        bind 127.0.0.1:@near@
        server s1 127.0.0.1:+1
    """, o=o, near=o.port - 1, log=syslog, wait=False)
    wait_until(lambda: o.port - 1 in listening_ports())
    assert read_all(connect(o.port, "127.0.0.2"))[0] == b"yes"
    assert read_all(connect(o.port - 1))[0] == b"yes"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
@pytest.mark.parametrize("bind, v4, v6", [
    ("::1:@door@", False, True),
    ("[::1]:@door@", False, True),
    (":::@door@ v4v6", True, True),
    (":::@door@ v6only", False, True),
    ("*:@door@", True, False),
    (":@door@", True, False),
    ("ipv6@::1:@door@", False, True),
    ("ipv4@127.0.0.1:@door@", True, False),
])
def test_ip_versions(ballast, syslog, bind, v4, v6):
    o = Origin(connection=lambda sock, _: sock.sendall(b"yes"))
    lb = ballast(HEAD + f"""
    listen door
        bind {bind}
        server s1 127.0.0.1:@o@
    """, o=o, log=syslog)
    for host, works in (("127.0.0.1", v4), ("::1", v6)):
        try:
            with connect(lb.port["door"], host) as s:
                assert read_all(s)[0] == b"yes"
            assert works, host
        except ConnectionRefusedError:
            assert not works, host
    if v6:
        assert syslog.wait(r"::1:\d+ \[")
    o.stop()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on loopback")
def test_an_ipv6_server(ballast, syslog):
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        s.listen()
        lb = ballast(HEAD + f"""
    listen door
        bind 127.0.0.1:@door@
        server s1 [::1]:{s.getsockname()[1]}
    """, log=syslog)
        c = connect(lb.port["door"])
        accepted, _ = s.accept()
        accepted.sendall(b"six")
        accepted.close()
        assert read_all(c)[0] == b"six"


def test_an_inherited_descriptor(origin, tmp_path):
    """bind fd@N: the socket was opened by whoever started Ballast."""
    import subprocess

    from server import program
    o = origin(connection=lambda sock, _: sock.sendall(b"inherited"))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    fd = listener.fileno()
    (tmp_path / "lb.cfg").write_text(f"""
    defaults
        mode tcp
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    listen door
        bind fd@{fd}
        server s1 127.0.0.1:{o.port}
""")
    process = subprocess.Popen([program(), "-f", str(tmp_path / "lb.cfg")], pass_fds=[fd])
    listener.close()
    try:
        assert read_all(connect(port)) == (b"inherited", "end")
    finally:
        process.terminate()
        process.wait(5)


def test_many_sessions_at_once(tcp):
    port, o, log = tcp(echo)
    failures = []

    def run(i):
        try:
            data = pattern(20000, i)
            with connect(port) as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                assert read_all(s) == (data, "end")
        except Exception as e:  # pylint: disable=broad-except
            failures.append(e)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(60)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    assert log.lb.stat("door")["scur"] == "0"
