"""TLS to clients and to servers, with Python's ssl (OpenSSL), openssl s_client, curl and nginx as peers."""
import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from peers import Client, Origin, Stream, free_port, get, response, wait_until

OPENSSL = ["openssl"]


def openssl(*args, **more):
    return subprocess.run(OPENSSL + list(args), check=True, capture_output=True, **more)


class Authority:
    """Makes certificates into a folder: name.pem holds certificate and key, ca.pem the authority."""

    def __init__(self, folder, name="ca"):
        self.dir, self.name = str(folder), name
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"), "-subj", f"/CN=Test {name}")
        with open(self.path("index.txt"), "w", encoding="ascii"):
            pass
        with open(self.path("ca.cnf"), "w", encoding="ascii") as f:
            f.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.path('index.txt')}\ndefault_md=sha256\n"
                    "default_crl_days=30\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, name, *names, key="ec", days=30):
        curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-pkeyopt", "rsa_keygen_bits:2048"]
        openssl("req", "-new", "-newkey", key, *curve, "-nodes", "-keyout", self.path(name + ".key0"),
                "-out", self.path(name + ".csr"), "-subj", f"/C=DE/CN={names[0] if names else name}")
        with open(self.path(name + ".ext"), "w", encoding="ascii") as f:
            if names:
                f.write("subjectAltName=" + ",".join(f"DNS:{n}" for n in names))
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(self.name + ".pem"), "-CAkey",
                self.path(self.name + ".key"), "-days", str(days), "-extfile", self.path(name + ".ext"),
                "-out", self.path(name + ".crt0"), "-set_serial", str(abs(hash(name)) % 10**9 + 1))
        with open(self.path(name + ".pem"), "wb") as out:
            for part in (".crt0", ".key0"):
                with open(self.path(name + part), "rb") as f:
                    out.write(f.read())
        return self.path(name + ".pem")

    def revoke(self, *names):
        common = ["-config", self.path("ca.cnf"), "-cert", self.path(self.name + ".pem"), "-keyfile",
                  self.path(self.name + ".key")]
        for name in names:
            openssl("ca", *common, "-revoke", self.path(name + ".crt0"))
        openssl("ca", *common, "-gencrl", "-out", self.path("crl.pem"))
        return self.path("crl.pem")


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    a = Authority(tmp_path_factory.mktemp("ca"))
    a.make("site", "localhost", "site.test")
    a.make("rsa", "localhost", "site.test", key="rsa")
    a.make("wild", "*.wild.test")
    a.make("other", "other.test")
    a.make("client", "Ann")
    a.make("revoked", "Bob")
    a.make("expired", "Eve", days=-1)
    a.revoke("revoked")
    return a


class TlsClient(Client):
    """A Client over TLS."""

    def __init__(self, port, ca=None, name="localhost", cert=None, alpn=None, version=None, session=None,
                 ciphers=None, context=None, before=b"", **more):
        super().__init__(port, **more)
        self.sock.sendall(before)
        c = context or ssl.create_default_context(cafile=ca.path("ca.pem") if ca else None)
        if not ca:
            c.check_hostname = False
            c.verify_mode = ssl.CERT_NONE
        if cert:
            c.load_cert_chain(cert)
        if alpn:
            c.set_alpn_protocols(alpn)
        if version:
            c.minimum_version = c.maximum_version = version
        if ciphers:
            c.set_ciphers(ciphers)
        self.context = c
        try:
            self.sock = c.wrap_socket(self.sock, server_hostname=name, session=session)
        except Exception:
            self.sock.close()
            raise
        self.stream = Stream(self.sock)


def tls_get(port, target="/", fields=(), **more):
    with TlsClient(port, **more) as c:
        return c.request("GET", target, fields)


FRONT = """
    global
        nbthread 2
        {extra}
    defaults
        mode http
        log 127.0.0.1:@log@ local0
        option httplog
        timeout connect 1s
        timeout client 2s
        timeout server 2s
    frontend web
        bind 127.0.0.1:@web@ ssl {bind}
        {rules}
        default_backend app
    backend app
        server s1 127.0.0.1:@o@
"""


@pytest.fixture
def front(ballast, origin, syslog, ca):
    """front(bind words, rules="", extra="") starts a TLS frontend before an origin; lb.origin, lb.syslog."""
    def start(bind="crt @ca@/site.pem", rules="", extra="", handler=None):
        o = origin(handler) if handler else origin()
        lb = ballast(FRONT.format(bind=bind, rules=rules, extra=extra), o=o, log=syslog, ca=ca.dir)
        lb.origin, lb.syslog, lb.web = o, syslog, lb.port["web"]
        return lb
    return start


# ---- to clients ----

def test_a_request_over_tls_reaches_the_origin(front, ca):
    lb = front()
    r = tls_get(lb.web, "/x", ca=ca)
    assert r.status == 200 and r.text == "GET /x "
    assert re.search(r" web~ app/s1 ", lb.syslog.wait(r'"GET /x HTTP/1.1"')[0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_follow_each_other_on_one_connection(front, ca, version):
    lb = front()
    with TlsClient(lb.web, ca=ca, version=version) as c:
        for i in range(20):
            assert c.request("POST", f"/{i}", body=b"b" * i * 100).text == f"POST /{i} " + "b" * i * 100
    assert lb.origin.connections <= 2


def test_the_end_is_told_by_close_notify(front, ca):
    lb = front()
    with TlsClient(lb.web, ca=ca) as c:
        c.sock.suppress_ragged_eofs = False
        assert c.request("GET", "/", [("Connection", "close")]).status == 200
        assert c.sock.recv(1) == b""  # a ragged end would raise


BIG = os.urandom(3_000_000)


def test_a_large_response_comes_whole_to_a_slow_reader(front, ca):
    lb = front(handler=lambda r: response(200, BIG))
    with TlsClient(lb.web, ca=ca) as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(0.1)  # everything between fills up
        r = c.response()
    assert r.complete and r.body == BIG


def test_a_large_request_comes_whole(front, ca):
    lb = front(handler=lambda r: response(200, str(r.body == BIG)))
    with TlsClient(lb.web, ca=ca) as c:
        assert c.request("POST", "/", body=BIG).text == "True"


def test_a_chunked_response_of_many_pieces_comes_whole(front, ca):
    def handler(_):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for i in range(200):
            yield b"%x\r\n%s\r\n" % (500 + i, b"c" * (500 + i))
        yield b"0\r\n\r\n"
    lb = front(handler=handler)
    with TlsClient(lb.web, ca=ca) as c:
        r = c.request()
    assert r.complete and len(r.body) == sum(500 + i for i in range(200))


def test_pipelined_requests_in_one_record_are_all_answered(front, ca):
    lb = front()
    with TlsClient(lb.web, ca=ca) as c:
        c.send("".join(f"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n" for i in range(50)))
        for i in range(50):
            assert c.response().text == f"GET /{i} "


def test_a_request_cut_into_records_of_one_byte_is_understood(front, ca):
    lb = front()
    with TlsClient(lb.web, ca=ca) as c:
        for byte in "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n":
            c.send(byte)
        assert c.response().text == "GET /slow "


def test_a_response_and_its_ticket_leave_together(front, ca):
    """TLS 1.3: one ticket, not sent by itself but with the first answer."""
    lb = front()
    with TlsClient(lb.web, ca=ca, version=ssl.TLSVersion.TLSv1_3) as c:
        assert not c.sock.session.has_ticket
        c.request()
        assert c.sock.session.has_ticket


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("words", ["", "no-tls-tickets"])
def test_sessions_are_resumed_in_any_thread(front, ca, version, words):
    lb = front("crt @ca@/site.pem " + words, "http-response set-header X-Resumed %[ssl_fc_is_resumed]")
    with TlsClient(lb.web, ca=ca, version=version) as c:
        assert c.request().field("X-Resumed") == "0"
        session, context = c.sock.session, c.context
    for _ in range(6):
        with TlsClient(lb.web, ca=ca, context=context, session=session) as c:
            assert c.request().field("X-Resumed") == "1"
            assert c.sock.session_reused
            session = c.sock.session


def test_a_session_is_of_no_use_at_another_address(ballast, ca):
    lb = ballast("""
        defaults
            mode http
            timeout client 2s
        frontend web
            bind 127.0.0.1:@a@ ssl crt @ca@/site.pem
            bind 127.0.0.1:@b@ ssl crt @ca@/site.pem verify optional ca-file @ca@/ca.pem
            http-request return status 200
    """, ca=ca.dir)
    with TlsClient(lb.port["a"], ca=ca) as c:
        c.request()
        session, context = c.sock.session, c.context
    with TlsClient(lb.port["b"], ca=ca, context=context, session=session) as c:
        assert c.request().status == 200 and not c.sock.session_reused


# ---- certificates ----

def subject_of(port, name, ca, **more):
    with TlsClient(port, ca=ca, name=name, **more) as c:
        return dict(x for part in c.sock.getpeercert()["subject"] for x in part)["commonName"]


def key_of(port, name, sigalgs):
    out = subprocess.run(OPENSSL + ["s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-sigalgs",
                                    sigalgs], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return re.search(r"Peer signature type: (\S+)", out.stdout)[1]


def test_the_certificate_is_chosen_by_name(front, ca):
    lb = front("crt @ca@/site.pem crt @ca@/wild.pem crt @ca@/other.pem")
    assert subject_of(lb.web, "other.test", ca) == "other.test"
    assert subject_of(lb.web, "OTHER.test", ca) == "other.test"
    assert subject_of(lb.web, "a.wild.test", ca) == "*.wild.test"
    assert subject_of(lb.web, "site.test", ca) == "localhost"
    for name in ("unknown.test", "a.b.wild.test", "wild.test"):
        with pytest.raises(ssl.SSLCertVerificationError):  # the first one was shown
            subject_of(lb.web, name, ca)


def test_with_strict_sni_an_unknown_name_is_refused(front, ca):
    lb = front("crt @ca@/site.pem strict-sni")
    assert subject_of(lb.web, "site.test", ca) == "localhost"
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        TlsClient(lb.web, ca=ca, name="unknown.test")


@pytest.mark.parametrize("words", ["crt @ca@/site.pem crt @ca@/rsa.pem", "crt @ca@/rsa.pem crt @ca@/site.pem"])
def test_rsa_and_ecdsa_stand_side_by_side(front, words):
    lb = front(words)
    for name in ("site.test", "unknown.test"):
        assert key_of(lb.web, name, "ECDSA+SHA256:RSA-PSS+SHA256") == "ECDSA"
        assert key_of(lb.web, name, "RSA-PSS+SHA256") == "RSA-PSS"


def test_a_folder_of_certificates(front, ca, tmp_path):
    for name in ("other", "wild"):
        os.symlink(ca.path(name + ".pem"), tmp_path / (name + ".pem"))
    (tmp_path / ".hidden").write_text("nonsense")
    (tmp_path / "x.key").write_text("nonsense")
    lb = front(f"crt {tmp_path}")
    assert subject_of(lb.web, "other.test", ca) == "other.test"
    assert subject_of(lb.web, "a.wild.test", ca) == "*.wild.test"


def test_a_key_beside_its_certificate_and_crt_base(front, ca, tmp_path):
    for part, to in ((".crt0", "a.pem"), (".key0", "a.pem.key")):
        os.symlink(ca.path("other" + part), tmp_path / to)
    lb = front("crt a.pem", extra=f"crt-base {tmp_path}")
    assert subject_of(lb.web, "other.test", ca) == "other.test"


def test_a_key_of_another_certificate_is_refused(run_ballast, ca, tmp_path):
    mixed = tmp_path / "mixed.pem"
    mixed.write_bytes(open(ca.path("site.crt0"), "rb").read() + open(ca.path("other.key0"), "rb").read())
    r = run_ballast("-c", config=f"frontend f\n timeout client 1s\n bind :1234 ssl crt {mixed}\n")
    assert r.returncode == 1 and "is not that of its certificate" in r.stderr
    assert "PRIVATE" not in r.stderr


# ---- versions, algorithms, protocols ----

def test_tls_1_1_is_refused_by_default_and_1_2_where_1_3_is_asked_for(front, ca):
    lb = front("crt @ca@/site.pem ssl-min-ver TLSv1.3")
    with pytest.raises(ssl.SSLError):
        TlsClient(lb.web, ca=ca, version=ssl.TLSVersion.TLSv1_2)
    assert tls_get(lb.web, ca=ca).status == 200
    lb = front()
    out = subprocess.run(OPENSSL + ["s_client", "-connect", f"127.0.0.1:{lb.web}", "-tls1_1", "-cipher",
                                    "ALL:@SECLEVEL=0"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         check=False)
    assert "no protocols available" in out.stderr or "alert protocol version" in out.stderr


def test_a_cipher_is_one_of_those_listed(front, ca):
    lb = front("crt @ca@/site.pem ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES256-GCM-SHA384",
               "http-response set-header X-Cipher %[ssl_fc_cipher]/%[ssl_fc_protocol]")
    r = tls_get(lb.web, ca=ca)
    assert r.field("X-Cipher") == "ECDHE-ECDSA-AES256-GCM-SHA384/TLSv1.2"
    with pytest.raises(ssl.SSLError):
        TlsClient(lb.web, ca=ca, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")


def test_defaults_of_the_global_section_hold_where_a_line_is_silent(front, ca):
    lb = front(extra="ssl-default-bind-options ssl-min-ver TLSv1.3 strict-sni\n"
                     "        ssl-default-bind-ciphersuites TLS_CHACHA20_POLY1305_SHA256")
    with TlsClient(lb.web, ca=ca, name="site.test") as c:
        assert c.sock.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"
    with pytest.raises(ssl.SSLError):
        TlsClient(lb.web, ca=ca, name="x.test")


def test_http_1_1_is_agreed_on(front, ca):
    lb = front(rules="http-response set-header X-Alpn %[ssl_fc_alpn]")
    with TlsClient(lb.web, ca=ca, alpn=["h2", "http/1.1"]) as c:
        assert c.sock.selected_alpn_protocol() == "http/1.1"
        assert c.request().field("X-Alpn") == "http/1.1"
    with TlsClient(lb.web, ca=ca) as c:
        assert c.sock.selected_alpn_protocol() is None and c.request().status == 200


def test_renegotiation_is_refused(front, ca):
    lb = front()
    p = subprocess.Popen(OPENSSL + ["s_client", "-connect", f"127.0.0.1:{lb.web}", "-tls1_2"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    p.stdin.write(b"R\n")
    p.stdin.flush()
    out = b""
    with contextlib.suppress(subprocess.TimeoutExpired):
        out = p.communicate(timeout=3)[0]
    assert b"no renegotiation" in out or b"RENEGOTIATING" in out and b"error" in out


def test_curl_speaks_with_it(front, ca):
    lb = front()
    out = subprocess.run(["curl", "-sS", "--cacert", ca.path("ca.pem"), "--resolve", f"site.test:{lb.web}:127.0.0.1",
                          f"https://site.test:{lb.web}/a", f"https://site.test:{lb.web}/b"], capture_output=True,
                         text=True, check=False)
    assert out.stdout == "GET /a GET /b ", out.stderr


# ---- certificates of clients ----

VERIFY = "crt @ca@/site.pem ca-file @ca@/ca.pem crl-file @ca@/crl.pem verify "
SAYS = "http-response set-header X-Client %[ssl_c_used]/%[ssl_c_verify]/%[ssl_c_s_dn]"


def test_a_good_certificate_of_a_client_is_accepted(front, ca):
    lb = front(VERIFY + "required", SAYS)
    assert tls_get(lb.web, ca=ca, cert=ca.path("client.pem")).field("X-Client") == "1/0//C=DE/CN=Ann"


def test_without_a_certificate_only_optional_lets_a_client_in(front, ca):
    lb = front(VERIFY + "optional", SAYS)
    assert tls_get(lb.web, ca=ca).field("X-Client") == "0/0/"
    lb = front(VERIFY + "required", SAYS)
    with pytest.raises((ssl.SSLError, ConnectionError, AttributeError)):
        assert tls_get(lb.web, ca=ca).status
    lb.syslog.wait(r"web/1: SSL handshake failure \(.*peer did not return a certificate")


@pytest.mark.parametrize("name,reason", [("expired", "certificate has expired"), ("revoked", "certificate revoked"),
                                         ("stranger", "unable to get local issuer certificate")])
@pytest.mark.parametrize("mode", ["required", "optional"])
def test_a_bad_certificate_of_a_client_is_refused(front, ca, tmp_path, name, reason, mode):
    path = Authority(tmp_path, "strange").make("stranger", "X") if name == "stranger" else ca.path(name + ".pem")
    lb = front(VERIFY + mode)
    with pytest.raises((ssl.SSLError, ConnectionError, AttributeError)):
        assert tls_get(lb.web, ca=ca, cert=path).status
    lb.syslog.wait(r"web/1: SSL handshake failure \(error:0A000086:.*" + reason)
    assert not lb.origin.requests


# ---- handshakes that fail ----

def test_plain_http_on_a_tls_port_is_a_failed_handshake(front):
    lb = front()
    with Client(lb.web) as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.until_close()
    lb.syslog.wait(r"^\S+ .*127\.0\.0\.1:\d+ \[[^]]+\] web/1: SSL handshake failure \(.*http request\)")


def test_a_client_that_leaves_amid_the_handshake_is_logged(front):
    lb = front()
    with Client(lb.web) as c:
        c.send(b"\x16\x03\x01\x02")
    lb.syslog.wait(r"web/1: Connection closed during SSL handshake")


def test_a_handshake_that_never_comes_times_out(front):
    lb = front(rules="timeout http-request 150ms")
    begun = time.monotonic()
    with Client(lb.web) as c:
        c.send(b"\x16")
        assert c.closed(2.0)
    assert 0.1 < time.monotonic() - begun < 1.5
    lb.syslog.wait(r"web/1: Timeout during SSL handshake")


def test_garbage_of_all_kinds_harms_nobody(front, ca):
    lb = front()
    for seed in range(30):
        data = (b"\x16\x03\x01" if seed % 2 else b"") + os.urandom(seed * 20 + 1)
        with Client(lb.web) as c, contextlib.suppress(ConnectionError, TimeoutError):
            c.send(data).shutdown()
            c.until_close()
    assert tls_get(lb.web, ca=ca).status == 200


def test_maxsslconn_refuses_the_next_one(front, ca):
    lb = front(extra="maxsslconn 1")
    with TlsClient(lb.web, ca=ca) as c:
        assert c.request().status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            TlsClient(lb.web, ca=ca)
    wait_until(lambda: works(lb.web, ca), 2, "a place for the next one")


def works(port, ca):
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        return tls_get(port, ca=ca).status == 200
    return False


# ---- other uses of the connection ----

def test_a_tcp_frontend_decrypts(ballast, origin, ca):
    o = origin()
    lb = ballast("""
        defaults
            timeout client 2s
            timeout connect 1s
            timeout server 2s
        listen tcp
            bind 127.0.0.1:@web@ ssl crt @ca@/site.pem alpn h2,http/1.1
            server s 127.0.0.1:@o@
    """, o=o, ca=ca.dir)
    with TlsClient(lb.port["web"], ca=ca, alpn=["h2"]) as c:
        assert c.sock.selected_alpn_protocol() == "h2"
        assert c.request("GET", "/t").text == "GET /t "
        assert c.request("POST", "/t", body=BIG).body == b"POST /t " + BIG


def echo_after_upgrade(sock, _):
    stream = Stream(sock)
    while stream.line() not in (b"\r\n", None):
        pass
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
    while True:
        data = stream.take(len(stream.buffer)) or sock.recv(65536)
        if not data:
            return
        sock.sendall(data)


def test_an_upgraded_connection_is_a_tunnel(ballast, origin, ca):
    o = origin(connection=echo_after_upgrade)
    lb = ballast("""
        defaults
            mode http
            timeout client 2s
            timeout connect 1s
            timeout server 2s
        listen web
            bind 127.0.0.1:@web@ ssl crt @ca@/site.pem
            server s 127.0.0.1:@o@
    """, o=o, ca=ca.dir)
    with TlsClient(lb.port["web"], ca=ca) as c:
        c.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n")
        assert c.response().status == 101
        for at in range(0, len(BIG), 50_000):  # Python's ssl cannot send and receive in two threads
            c.send(BIG[at:at + 50_000])
            assert c.stream.exactly(50_000) == BIG[at:at + 50_000]


# ---- to servers ----

class TlsOrigin(Origin):
    """An Origin over TLS; `names` are the names that were asked for, `resumed` how often a session was."""

    def __init__(self, cert, *args, client_ca=None, **more):
        self.names, self.resumed = [], []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert)
        self.context.sni_callback = lambda sock, name, ctx: self.names.append(name)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        super().__init__(*args, **more)

    def _serve(self, sock, number):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except (ssl.SSLError, OSError):
            sock.close()
            return
        self.resumed.append(sock.session_reused)
        super()._serve(sock, number)


@pytest.fixture
def tls_origin():
    origins = []

    def start(cert, *args, **more):
        origins.append(TlsOrigin(cert, *args, **more))
        return origins[-1]
    yield start
    for o in origins:
        o.stop()


BACK = """
    global
        nbthread 1
    defaults
        mode http
        log 127.0.0.1:@log@ local0
        option httplog
        timeout connect 500ms
        timeout client 2s
        timeout server 2s
        retries 0
        http-reuse always
        {defaults}
    frontend web
        bind 127.0.0.1:@web@
        default_backend app
    backend app
        {rules}
        server s1 127.0.0.1:@o@ ssl {words}
"""


@pytest.fixture
def back(ballast, syslog, ca):
    def start(o, words, rules="", defaults=""):
        lb = ballast(BACK.format(words=words, rules=rules, defaults=defaults), o=o, log=syslog, ca=ca.dir)
        lb.web = lb.port["web"]
        return lb
    return start


def test_requests_go_over_tls_and_connections_are_kept(back, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"))
    lb = back(o, "ca-file @ca@/ca.pem verifyhost localhost")
    for i in range(5):
        assert get(lb.web, f"/{i}").text == f"GET /{i} "
    assert o.connections == 1 and o.names == [None]


def test_large_bodies_pass_both_ways(back, tls_origin, ca):
    o = tls_origin(ca.path("rsa.pem"), lambda r: response(200, r.body))
    lb = back(o, "verify none")
    with Client(lb.web) as c:
        threading.Thread(target=c.send, daemon=True, args=(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG,)).start()
        assert c.response().body == BIG


def test_tls_on_both_sides(ballast, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"), lambda r: response(200, r.body))
    lb = ballast("""
        defaults
            mode http
            timeout connect 1s
            timeout client 3s
            timeout server 3s
        listen web
            bind 127.0.0.1:@web@ ssl crt @ca@/site.pem
            server s 127.0.0.1:@o@ ssl verify none
    """, o=o, ca=ca.dir)
    with TlsClient(lb.port["web"], ca=ca) as c:
        assert c.request("POST", "/", body=BIG).body == BIG


def test_sessions_to_a_server_are_resumed(back, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"))
    lb = back(o, "verify none", "option httpclose")
    for _ in range(6):
        assert get(lb.web).status == 200
    assert o.connections == 6 and sum(o.resumed) >= 3  # each thread begins with one of its own


def test_no_ssl_reuse_makes_each_session_anew(back, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"))
    lb = back(o, "verify none no-ssl-reuse", "option httpclose")
    for _ in range(4):
        assert get(lb.web).status == 200
    assert o.resumed == [False] * 4


def test_the_name_asked_for_comes_from_the_request_and_divides_the_pool(back, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"))
    lb = back(o, "verify none sni req.hdr(X-Name)")
    for name in ("a.test", "b.test", "a.test", "b.test", None, "a.test", None):
        assert get(lb.web, fields=[("X-Name", name)] if name else []).status == 200
    names = {r.connection: set() for r in o.requests}
    for r in o.requests:
        names[r.connection].add(r.field("X-Name"))
    assert all(len(n) == 1 for n in names.values()), names
    assert set(o.names) == {"a.test", "b.test", None}


@pytest.mark.parametrize("words,good", [
    ("ca-file @ca@/ca.pem verifyhost localhost", True), ("ca-file @ca@/ca.pem verifyhost wrong.test", False),
    ("ca-file @ca@/ca.pem sni str(site.test)", True), ("ca-file @ca@/ca.pem sni str(wrong.test)", False),
    ("ca-file @ca@/ca.pem sni str(site.test) verifyhost wrong.test", True),
    ("ca-file @ca@/other.pem", False), ("verify none", True), ("ca-file @ca@/ca.pem", True)])
def test_the_certificate_of_a_server_is_verified(back, tls_origin, ca, syslog, words, good):
    lb = back(tls_origin(ca.path("site.pem")), words)
    r = get(lb.web)
    assert r.status == (200 if good else 503)
    if not good:
        syslog.wait(r"app/s1 .* 503 \d+ - - SC-- ")


def test_a_certificate_is_shown_to_the_server(back, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"), client_ca=ca.path("ca.pem"))
    assert get(back(o, "verify none crt @ca@/client.pem").web).status == 200
    assert get(back(o, "verify none").web).status in (502, 503)  # TLS 1.3 tells only after the handshake


def test_a_server_that_does_not_shake_hands_times_out(back, origin, ca, syslog):
    def silent(sock, _):
        while sock.recv(1000):
            pass
    lb = back(origin(connection=silent), "verify none", defaults="timeout connect 150ms")
    assert get(lb.web).status == 503
    syslog.wait(r"app/s1 .* 503 \d+ - - sC-- ")


def test_a_server_that_speaks_plain_is_unreachable(back, origin, ca):
    def plain(sock, _):
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        sock.recv(1000)
    assert get(back(origin(connection=plain), "verify none").web).status == 503


def test_a_kept_connection_that_the_server_closed_is_not_used(back, tls_origin, ca):
    def handler(r):
        yield response(200, "x")
        from peers import CLOSE
        yield CLOSE
    o = tls_origin(ca.path("site.pem"), handler)
    lb = back(o, "verify none", rules="retries 3")
    for _ in range(10):
        assert get(lb.web).status == 200


def test_nginx_over_tls_is_an_origin(back, nginx, ca, tmp_path):
    port = free_port()
    n = nginx(server=f"listen 127.0.0.1:{port} ssl; ssl_certificate {ca.path('site.pem')}; "
                     f"ssl_certificate_key {ca.path('site.pem')}; location / {{ return 200 $ssl_session_reused$ssl_server_name; }}")
    assert n
    lb = back(port, "ca-file @ca@/ca.pem sni str(site.test)")
    assert get(lb.web).text == ".site.test"
    assert get(lb.web).text in (".site.test", "rsite.test")


# ---- health checks ----

def test_checks_go_over_tls_with_their_own_name(ballast, tls_origin, ca):
    o = tls_origin(ca.path("site.pem"))
    lb = ballast("""
        global
            stats socket @dir@/sock level admin
        defaults
            mode http
            timeout connect 1s
            timeout client 1s
            timeout server 1s
        frontend web
            bind 127.0.0.1:@web@
        backend app
            option httpchk GET /health
            server s1 127.0.0.1:@o@ ssl ca-file @ca@/ca.pem check inter 100ms check-sni site.test
            server s2 127.0.0.1:@o@ check check-ssl verify none inter 100ms
            server s3 127.0.0.1:@o@ check inter 100ms fall 1
            server s4 127.0.0.1:@o@ ssl verify none check no-check-ssl inter 100ms fall 1
        backend connect
            server s1 127.0.0.1:@o@ ssl verify none check inter 100ms
            server s2 127.0.0.1:@o@ ssl ca-file @ca@/other.pem check inter 100ms fall 1
    """, o=o, ca=ca.dir)
    wait_until(lambda: lb.stat("app", "s1")["check_status"] == "L7OK", 5, "s1")
    wait_until(lambda: lb.stat("app", "s2")["check_status"] == "L7OK", 5, "s2")
    wait_until(lambda: lb.stat("app", "s3")["status"].startswith("DOWN"), 5, "s3")
    wait_until(lambda: lb.stat("app", "s4")["status"].startswith("DOWN"), 5, "s4")
    wait_until(lambda: lb.stat("connect", "s1")["check_status"] == "L6OK", 5, "connect s1")
    wait_until(lambda: lb.stat("connect", "s2")["check_status"] == "L6RSP", 5, "connect s2")
    assert "site.test" in o.names and o.requests[0].target == "/health"


def test_the_example_runs(ballast, ca, tls_origin):
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "examples", "tls.cfg"), encoding="utf-8") as f:
        text = f.read()
    o = tls_origin(ca.path("site.pem"))
    for i, p in enumerate(("8080", "8443", "8444", "8445", "9443", "9444", "9445", "9446")):
        text = re.sub(rf"\b{p}\b", f"@p{chr(97 + i)}@", text)
    text = re.sub("@p[ef]@", str(o.port), text).replace("app.example.com", "site.test")
    lb = ballast(text, env={"CERTS": ca.dir})
    r = get(lb.port["pa"], "/x")
    assert r.status == 301 and r.field("Location") == "https://test.local/x"
    with TlsClient(lb.port["pb"], ca=ca) as c:
        r = c.request("GET", "/x", [("Host", "site.test:8443")])
        assert r.status == 200 and r.field("Strict-Transport-Security")
    assert o.requests[-1].field("X-Forwarded-Proto") == "https" and o.names[-1] == "site.test"
    lb.wait_log(r'web~ app/app\d .* "GET /x HTTP/1.1" TLSv1.3 TLS_')
    with TlsClient(lb.port["pc"], ca=ca, cert=ca.path("client.pem")) as c:
        assert c.request("GET", "/y", [("Host", "site.test")]).status == 200
    assert [r for r in o.requests if r.target == "/y"][0].field("X-Client-Name") == "/C=DE/CN=Ann"
