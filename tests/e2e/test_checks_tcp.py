"""Health checks in steps: tcp-check, http-check connect, the options that name a ready sequence (redis-check, ...)."""
import os
import shutil
import socket
import subprocess
import threading

import pytest

from peers import free_port, get, listening_ports, response, wait_until

HEAD = """
    global
        log 127.0.0.1:@log@ local0
        stats socket @dir@/sock level admin
        ssl-server-verify none
    defaults
        mode tcp
        log global
        timeout connect 200ms
        timeout client 5s
        timeout server 5s
        timeout check 150ms
        default-server inter 100ms fall 1 rise 1
        option log-health-checks
"""


class Peer:
    """A TCP server; `talk(sock)` has each connection."""

    def __init__(self, talk):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.talk = talk
        self.seen = []
        self.count = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                sock = self.listener.accept()[0]
                sock.settimeout(5)
                self.count += 1
                threading.Thread(target=self.serve, args=(sock,), daemon=True).start()
        except OSError:
            pass

    def serve(self, sock):
        try:
            self.talk(self, sock)
        except OSError:
            pass
        sock.close()

    def read(self, sock):
        data = sock.recv(4096)
        if data:
            self.seen.append(data)
        return data

    def stop(self):
        self.listener.close()


def says(*lines):
    """Each line is sent: the first one at once, the others for what comes; then silence."""
    def talk(peer, sock):
        for i, line in enumerate(lines):
            if i and not peer.read(sock):
                return
            sock.sendall(line)
        while peer.read(sock):
            pass
    return talk


def answers(line, close=False):
    def talk(peer, sock):
        while peer.read(sock):
            sock.sendall(line)
            if close:
                return
    return talk


def echo(peer, sock):
    while data := peer.read(sock):
        sock.sendall(data)


def closes(peer, sock):
    pass


def hang(peer, sock):
    while peer.read(sock):
        pass


@pytest.fixture
def peer():
    made = []

    def start(talk):
        made.append(Peer(talk))
        return made[-1]
    yield start
    for p in made:
        p.stop()


@pytest.fixture
def ballast(ballast):
    """Waits for the stats socket: there is nothing else to connect to."""
    def start(*args, **more):
        lb = ballast(*args, **more)
        wait_until(lambda: os.path.exists(lb.dir + "/sock"))
        return lb
    return start


@pytest.fixture
def checked(ballast, syslog, peer):
    """checked("lines", talk, "words") gives (lb, peer); the server is app/s."""
    def start(lines, talk, words="", **ports):
        p = peer(talk)
        body = "".join(f"        {l.strip()}\n" for l in lines.strip().splitlines())
        lb = ballast(HEAD + "    backend app\n" + body + f"        server s 127.0.0.1:@p@ check {words}\n", p=p.port,
                     log=syslog, **ports)
        wait_until(lambda: lb.stat("app", "s")["check_status"] not in ("INI", ""))
        return lb, p
    return start


def result(lb):
    row = lb.stat("app", "s")
    return row["check_status"], row["check_code"], row["last_chk"]


TCP = "option tcp-check\n tcp-check connect\n "


@pytest.mark.parametrize("lines, talk, expected", [
    # what Debian's HAProxy says of the same, word for word
    ("option tcp-check", hang, ("L4OK", "", "")),
    ("option tcp-check\n tcp-check connect", hang, ("L4OK", "", "(tcp-check)")),
    ("option tcp-check\n tcp-check send QUIT", hang, ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check expect string 220", says(b"220 hello\r\n"), ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check expect string 555", says(b"220 hello\r\n"),
     ("L7TOUT", "", " at step 2 of tcp-check (expect string '555')")),
    (TCP + "tcp-check expect comment why string 555", says(b"220 hello\r\n"),
     ("L7TOUT", "", " at step 2 of tcp-check (expect string '555') comment: 'why'")),
    (TCP + "tcp-check expect ! string 220", says(b"220 hello\r\n"),
     ("L7RSP", "", "TCPCHK matched unwanted content '220' at step 2")),
    (TCP + "tcp-check expect !rstring ^22", says(b"220 hello\r\n"),
     ("L7RSP", "", "TCPCHK matched unwanted content (regex) at step 2")),
    (TCP + "tcp-check expect rstring ^55", says(b"220 hello\r\n"),
     ("L7TOUT", "", " at step 2 of tcp-check (expect regex)")),
    (TCP + "tcp-check expect binary 555555", says(b"220"),
     ("L7TOUT", "", " at step 2 of tcp-check (expect binary 'UUU')")),
    (TCP + "tcp-check expect min-recv 3 binary 555555", says(b"220"),
     ("L7RSP", "", "TCPCHK did not match content (binary) at step 2")),
    (TCP + "tcp-check expect rbinary ^3232", says(b"220"), ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check expect min-recv 3 rbinary ^55", says(b"220"),
     ("L7RSP", "", "TCPCHK did not match content (binary regex) at step 2")),
    (TCP + "tcp-check expect string PONG", closes, ("L7RSP", "", "TCPCHK got an empty response at step 2")),
    (TCP + "tcp-check send PING\n tcp-check expect string PONGPONG", answers(b"PART", True),
     ("L7RSP", "", "TCPCHK did not match content 'PONGPONG' at step 3")),
    (TCP + "tcp-check send PING\n tcp-check comment c2\n tcp-check expect string PONG", echo,
     ("L7TOUT", "", " at step 4 of tcp-check (expect string 'PONG') comment: 'c2'")),
    (TCP + "tcp-check expect min-recv 0 error-status L7STS on-error bad-%[int(5)] status-code int(17) string 555",
     says(b"220"), ("L7STS", "17", "bad-5")),
    (TCP + "tcp-check expect ok-status L6OK on-success good-%[int(5)] string 220", says(b"220"),
     ("L6OK", "", "good-5")),
    (TCP + "tcp-check expect tout-status L4TOUT string 555", hang,
     ("L4TOUT", "", " at step 2 of tcp-check (expect string '555')")),
    (TCP + "tcp-check expect status-code int(17) string 220", says(b"220"), ("L7OK", "17", "(tcp-check)")),
    ("option tcp-check\n tcp-check set-var(check.x) str(foo)\n tcp-check connect\n"
     "tcp-check send-lf %[var(check.x)]bar\n tcp-check expect string-lf foo%[str(bar)]", echo,
     ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check set-var-fmt(check.h) 6%[int(1)]\n tcp-check send-binary-lf %[var(check.h)]62\n"
     "tcp-check expect binary-lf 6162\n tcp-check unset-var(check.h)", echo, ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check send-binary 61006263\n tcp-check expect string bc", echo, ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check send abc\n tcp-check expect ok-status L6OK string abc\n tcp-check send abc", echo,
     ("L7OK", "0", "(tcp-check)")),
    (TCP + "tcp-check send abcdef\n tcp-check expect string abc\n tcp-check expect string def\n"
     "tcp-check send xyz\n tcp-check expect min-recv 3 ! string abc", echo, ("L7OK", "0", "(tcp-check)")),
    ("option tcp-check\n tcp-check connect ssl", hang, ("L6TOUT", "", " at step 1 of tcp-check (connect)")),
])
def test_steps_and_what_they_tell(checked, lines, talk, expected):
    lb, _ = checked(lines, talk)
    assert result(lb) == expected
    passed = expected[0].endswith("OK")
    assert lb.stat("app", "s")["status"] == ("UP" if passed else "DOWN")


def test_a_server_that_speaks_no_tls(checked):
    lb, _ = checked("option tcp-check\n tcp-check connect ssl", answers(b"no TLS\r\n", True))
    status, _, text = result(lb)
    assert status == "L6RSP"
    assert text.startswith("SSL handshake failure") and text.endswith(" at step 1 of tcp-check (connect)")


@pytest.mark.parametrize("lines, message", [
    ("tcp-check connect port @gone@ comment here",
     "Connection refused at step 1 of tcp-check (connect port @gone@) comment: 'here'"),
    ("tcp-check comment before\n tcp-check connect port @gone@",
     "Connection refused at step 2 of tcp-check (connect port @gone@) comment: 'before'"),
    ("tcp-check connect\n tcp-check expect string 220\n tcp-check connect addr 127.0.0.1 port @gone@",
     "Connection refused at step 3 of tcp-check (connect port @gone@)"),
])
def test_a_refused_connection_is_told_with_its_step(checked, lines, message):
    lb, _ = checked("option tcp-check\n" + lines, says(b"220\r\n"))
    wait_until(lambda: lb.stat("app", "s")["status"] == "DOWN")
    assert result(lb) == ("L4CON", "", message.replace("@gone@", str(lb.port["gone"])))


def test_an_implied_connection_has_no_number(ballast, syslog):
    lb = ballast(HEAD + """
    backend app
        option tcp-check
        tcp-check expect string 220
        server s 127.0.0.1:@gone@ check
    """, log=syslog)
    wait_until(lambda: lb.stat("app", "s")["status"] == "DOWN")
    assert result(lb) == ("L4CON", "", "Connection refused at initial connection step of tcp-check")


def test_several_connections_in_one_check(checked, peer):
    other = peer(echo)
    lb, first = checked("""
        option tcp-check
        tcp-check set-var(check.port) int(@other@)
        tcp-check connect linger
        tcp-check expect string 220
        tcp-check connect port var(check.port)
        tcp-check send hello
        tcp-check expect string hello
    """, says(b"220\r\n"), other=other.port)
    assert result(lb) == ("L7OK", "0", "(tcp-check)")
    assert other.seen[0] == b"hello"


def test_a_check_may_begin_with_a_proxy_header(checked):
    lb, p = checked("option tcp-check\n tcp-check connect send-proxy\n tcp-check send PING\n"
                    "tcp-check expect string PING", echo)
    wait_until(lambda: b"PING" in b"".join(p.seen))
    assert b"".join(p.seen).startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


def test_default_takes_what_the_server_line_says(checked):
    lb, p = checked("option tcp-check\n tcp-check connect default\n tcp-check send PING\n"
                    "tcp-check expect string PING", echo, "send-proxy")
    wait_until(lambda: b"PING" in b"".join(p.seen))
    assert b"".join(p.seen).startswith(b"PROXY TCP4 ")


def test_without_default_it_does_not(checked):
    lb, p = checked("option tcp-check\n tcp-check connect\n tcp-check send PING\n tcp-check expect string PING", echo,
                    "send-proxy")
    wait_until(lambda: p.seen)
    assert p.seen[0] == b"PING"


def test_a_server_that_is_about_to_leave_gets_nothing_new(ballast, origin, syslog):
    answer = [response(200)]
    o = origin(lambda q: answer[0])
    lb = ballast(HEAD + """
    backend app
        option httpchk GET /
        http-check disable-on-404
        http-check expect status 200
        server s 127.0.0.1:@o@ check rise 2
    """, o=o, log=syslog)
    wait_until(lambda: lb.stat("app", "s")["check_status"] == "L7OK")
    answer[0] = response(404, reason="Not Found")
    wait_until(lambda: lb.stat("app", "s")["status"] == "NOLB")
    assert result(lb)[:2] == ("L7OKC", "404")
    syslog.wait(r"Health check for server app/s conditionally succeeded, reason: Layer7 check conditionally passed, "
                r"code: 404,")
    answer[0] = response(200)
    wait_until(lambda: lb.stat("app", "s")["status"] == "UP")
    answer[0] = response(500)
    wait_until(lambda: lb.stat("app", "s")["status"].startswith("DOWN"))
    answer[0] = response(404, reason="Not Found")
    wait_until(lambda: result(lb)[0] == "L7OKC")
    assert lb.stat("app", "s")["status"].startswith("DOWN")


def test_http_requests_on_several_connections(ballast, origin, syslog):
    one, two = origin(lambda q: response(200, b"one")), origin(lambda q: response(200, b"two"))
    lb = ballast(HEAD + """
    backend app
        option httpchk GET /first HTTP/1.1
        http-check connect
        http-check send hdr Host a.example
        http-check expect string one
        http-check connect port @two@
        http-check send meth GET uri /second
        http-check expect string two
        server s 127.0.0.1:@one@ check
    """, one=one, two=two, log=syslog)
    assert one.wait_requests(1)[0].target == "/first"
    assert one.requests[0].field("Host") == "a.example"
    assert two.wait_requests(1)[0].target == "/second"
    wait_until(lambda: result(lb) == ("L7OK", "200", ""))
    two.stop()
    wait_until(lambda: lb.stat("app", "s")["status"] == "DOWN")
    assert result(lb) == ("L4CON", "", "Connection refused")


# --- ready sequences ---

LDAP_OK = bytes.fromhex("300c02010161070a010004000400")
MYSQL = (b"\x0a5.7.1-test\0" + b"\1\0\0\0" + b"abcdefgh\0" + b"\xff\xf7\x08\2\0" + b"\0\0\x15" + b"\0" * 10 +
         b"ijklmnopqrst\0")


def packet(number, says):
    return len(says).to_bytes(3, "little") + bytes([number]) + says


@pytest.mark.parametrize("option, talk, expected", [
    ("smtpchk", says(b"220 a ESMTP\r\n", b"250-a\r\n250 SIZE\r\n", b"221 bye\r\n"), ("L7OK", "221", "bye")),
    ("smtpchk EHLO a.example", says(b"220 a\r\n", b"250 a\r\n", b"221 bye\r\n"), ("L7OK", "221", "bye")),
    ("smtpchk", says(b"421 too busy\r\n"), ("L7STS", "421", "too busy")),
    ("smtpchk", says(b"220 a\r\n", b"550 go away\r\n"), ("L7STS", "550", "go away")),
    ("smtpchk", says(b"hello\r\n"), ("L7RSP", "", "hello")),
    ("smtpchk", hang, ("L7TOUT", "", "")),
    ("smtpchk", closes, ("L7RSP", "", "TCPCHK got an empty response at step 1")),
    ("redis-check", answers(b"+PONG\r\n"), ("L7OK", "0", "Redis server is ok")),
    ("redis-check", answers(b"-NOAUTH Authentication required.\r\n"),
     ("L7STS", "0", "-NOAUTH Authentication required.")),
    ("redis-check", answers(b"+PO", True), ("L7RSP", "", "the response broke off")),
    ("ldap-check", answers(LDAP_OK), ("L7OK", "0", "")),
    ("ldap-check", answers(bytes.fromhex("30840000000c02010161840000000" "30a0131")),
     ("L7STS", "49", "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9")),
    ("ldap-check", answers(b"HTTP/1.0 400 no\r\n"), ("L7RSP", "", "Not LDAPv3 protocol")),
    ("pgsql-check user me", answers(bytes.fromhex("520000000800000000")), ("L7OK", "0", "PostgreSQL server is ok")),
    ("pgsql-check user me", answers(b"E\0\0\0\x24SFATAL\0C28000\0Mno entry for me\0\0"), ("L7RSP", "", "no entry for me")),
    ("pgsql-check user me", echo, ("L7STS", "0", "PostgreSQL unknown error")),
    ("mysql-check", says(packet(0, MYSQL)), ("L7OK", "0", "")),
    ("mysql-check user me", says(packet(0, MYSQL), packet(2, b"\0\0\0\2\0\0\0")), ("L7OK", "0", "")),
    ("mysql-check", says(packet(0, b"\xff\x6a\x04Host blocked")), ("L7STS", "1130", "Host blocked")),
    ("mysql-check user me pre-41", says(packet(0, MYSQL), packet(2, b"\xff\x15\x04#28000Access denied")),
     ("L7STS", "1045", "#28000Access denied")),
    ("mysql-check", says(b"220 mail\r\n" * 3000), ("L7RSP", "", "the response broke off")),
    ("ssl-hello-chk", answers(bytes.fromhex("15030000020228")), ("L6OK", "", "")),
    ("ssl-hello-chk", answers(b"HTTP/1.0 400 no\r\n"), ("L6RSP", "", "")),
    ("ssl-hello-chk", hang, ("L6TOUT", "", "")),
])
def test_ready_sequences(checked, option, talk, expected):
    lb, _ = checked(f"option {option}", talk)
    assert result(lb) == expected


def test_what_ready_sequences_send(checked):
    _, p = checked("option pgsql-check user me", answers(bytes.fromhex("520000000800000000")))
    assert p.seen[0] == bytes.fromhex("000000110003000075736572006d650000")
    _, p = checked("option ldap-check", answers(LDAP_OK))
    assert p.seen[0] == bytes.fromhex("300c020101600702010304008000")
    _, p = checked("option mysql-check user me", says(packet(0, MYSQL), packet(2, b"\0\0\0\2\0\0\0")))
    assert p.seen[0][:4] == b"\x24\0\0\1" and p.seen[0][36:] == b"me\0\0\1\0\0\0\1"


def test_a_real_redis(ballast, syslog, tmp_path):
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server")
    port = free_port()
    redis = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path)],
                             stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: port in listening_ports())
        lb = ballast(HEAD + """
    backend app
        option redis-check
        server s 127.0.0.1:@p@ check
    backend steps
        option tcp-check
        tcp-check connect
        tcp-check send PING\\r\\n
        tcp-check expect string +PONG
        tcp-check send info\\ replication\\r\\n
        tcp-check expect string role:master
        tcp-check send QUIT\\r\\n
        tcp-check expect string +OK
        server s 127.0.0.1:@p@ check
        """, p=port, log=syslog)
        wait_until(lambda: result(lb) == ("L7OK", "0", "Redis server is ok"))
        wait_until(lambda: lb.stat("steps", "s")["check_status"] == "L7OK")
        redis.terminate()
        redis.wait()
        wait_until(lambda: lb.stat("steps", "s")["status"] == "DOWN" and lb.stat("app", "s")["status"] == "DOWN")
    finally:
        redis.kill()
        redis.wait()


def test_a_real_tls_server_answers_the_old_greeting(ballast, syslog, tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=a.example", "-days", "2"], cwd=tmp_path,
                   check=True, capture_output=True)
    tls = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-key", "key.pem", "-cert",
                            "cert.pem", "-alpn", "one,two", "-servername", "b.example", "-cert2", "cert.pem", "-key2",
                            "key.pem"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: port in listening_ports())
        lb = ballast(HEAD + """
    backend app
        option ssl-hello-chk
        server s 127.0.0.1:@p@ check
    backend steps
        option tcp-check
        tcp-check connect ssl sni b.example alpn two
        server s 127.0.0.1:@p@ check
    backend word
        server s 127.0.0.1:@p@ check check-ssl check-sni b.example check-alpn one verify none
        """, p=port, log=syslog)
        wait_until(lambda: result(lb) == ("L6OK", "", ""))
        wait_until(lambda: lb.stat("steps", "s")["check_status"] == "L6OK")
        wait_until(lambda: lb.stat("word", "s")["check_status"] == "L6OK")
    finally:
        tls.kill()
        tls.wait()


# --- check-reuse-pool ---

def test_http_checks_share_the_connections_of_requests(ballast, origin, syslog):
    """Of one thread: idle connections of others come to it only after a while."""
    o = origin()
    lb = ballast(HEAD.replace("ssl-server-verify none", "nbthread 1") + """
    listen app
        mode http
        bind 127.0.0.1:@web@
        http-reuse always
        option httpchk GET /health HTTP/1.1
        http-check send hdr Host a.example
        http-check expect status 200
        server s 127.0.0.1:@o@ check inter 30ms check-reuse-pool
    """, o=o, log=syslog)
    o.wait_requests(5)
    assert get(lb.port["web"], "/page").status == 200
    o.wait_requests(10)
    assert result(lb) == ("L7OK", "200", "")
    assert {q.field("Connection") for q in o.requests if q.target == "/health"} == {"keep-alive"}
    assert len({q.connection for q in o.requests}) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_no_failure(ballast, peer, syslog):
    def talk(p, sock):
        if p.read(sock):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            p.read(sock)  # the second request meets a closed connection

    p = peer(talk)
    lb = ballast(HEAD + """
    backend app
        mode http
        option httpchk GET /health HTTP/1.1
        http-check send hdr Host a.example
        server s 127.0.0.1:@p@ check inter 30ms check-reuse-pool
    """, p=p.port, log=syslog)
    wait_until(lambda: p.count > 4)
    row = lb.stat("app", "s")
    assert (row["status"], row["chkfail"]) == ("UP", "0")


def test_without_keep_alive_checks_have_connections_of_their_own(ballast, origin, syslog):
    o = origin()
    ballast(HEAD + """
    backend app
        mode http
        option httpchk GET /health HTTP/1.1
        server s 127.0.0.1:@o@ check inter 30ms
    """, o=o, log=syslog)
    o.wait_requests(3)
    assert {q.field("Connection") for q in o.requests} == {"close"}
