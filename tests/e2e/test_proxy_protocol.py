"""The PROXY protocol, in (accept-proxy) and out (send-proxy, send-proxy-v2), with HAProxy as a peer where it is there."""
import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess

import pytest

from peers import Client, Origin, get, listening_ports, wait_until
from test_tls import TlsClient, ca, TlsOrigin  # noqa: F401

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.9 4711 443\r\n"
V2 = SIGNATURE + b"\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("192.0.2.7") + \
    socket.inet_aton("198.51.100.9") + struct.pack("!HH", 4711, 443)
V6 = b"PROXY TCP6 2001:db8::7 2001:db8::9 4711 443\r\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"

ACCEPT = """
    defaults
        mode http
        log 127.0.0.1:@log@ local0
        option httplog
        timeout client 2s
        timeout http-request {request}
    frontend web
        bind 127.0.0.1:@web@ accept-proxy name in {words}
        http-request return status 200 content-type text/plain lf-string %[src]:%[src_port]>%[dst]:%[dst_port]
"""


@pytest.fixture
def accepting(ballast, syslog, ca):
    def start(words="", request="2s"):
        lb = ballast(ACCEPT.format(words=words, request=request), log=syslog, ca=ca.dir)
        lb.web, lb.syslog = lb.port["web"], syslog
        return lb
    return start


REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("header,addresses", [(V1, "192.0.2.7:4711>198.51.100.9:443"),
                                              (V2, "192.0.2.7:4711>198.51.100.9:443"),
                                              (V6, "2001:db8::7:4711>2001:db8::9:443")])
def test_addresses_are_those_of_the_header(accepting, header, addresses):
    lb = accepting()
    with Client(lb.web) as c:
        c.send(header + REQUEST)
        assert c.response().text == addresses
        c.send(REQUEST)  # and stay so
        assert c.response().text == addresses
    lb.syslog.wait(r": (192\.0\.2\.7|2001:db8::7):4711 \[", 2)


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
def test_a_header_without_addresses_leaves_the_connections_own(accepting, header):
    lb = accepting()
    with Client(lb.web) as c:
        c.send(header + REQUEST)
        assert c.response().text == f"127.0.0.1:{c.sock.getsockname()[1]}>127.0.0.1:{lb.web}"


@pytest.mark.parametrize("header", [V1, V2])
def test_a_header_in_single_bytes_is_understood(accepting, header):
    lb = accepting()
    with Client(lb.web) as c:
        for byte in header + REQUEST:
            c.send(bytes([byte]))
        assert c.response().text.startswith("192.0.2.7:4711>")


@pytest.mark.parametrize("header", [V1, V2])
def test_the_header_stands_before_the_handshake(accepting, ca, header):
    lb = accepting("ssl crt @ca@/site.pem")
    with TlsClient(lb.web, ca=ca, before=header) as c:
        c.send(REQUEST)
        assert c.response().text == "192.0.2.7:4711>198.51.100.9:443"


@pytest.mark.parametrize("data,message", [
    (REQUEST, "Received something which does not look like a PROXY protocol header"),
    (b"PROXY TCP4 1.2.3.4\r\n" + REQUEST, "Received an invalid PROXY protocol header"),
    (SIGNATURE + b"\x2f\x11\x00\x00", "Received an unhandled protocol in the PROXY protocol header"),
    (V1[:20], "Truncated PROXY protocol header received"),
    (b"", "Connection closed while waiting for PROXY protocol header")])
def test_what_is_no_header_ends_the_connection_and_is_logged(accepting, data, message):
    lb = accepting()
    with Client(lb.web) as c:
        with contextlib.suppress(OSError):  # it may be gone by now
            c.send(data).shutdown()
        assert c.until_close() == b""
    lb.syslog.wait(r" web/in: " + message)


def test_a_header_that_never_comes_times_out(accepting):
    lb = accepting(request="100ms")
    with Client(lb.web) as c:
        assert c.closed(2)
    lb.syslog.wait(" web/in: Timeout while waiting for PROXY protocol header")


SEND = """
    defaults
        mode {mode}
        timeout connect 1s
        timeout client 2s
        timeout server 2s
        http-reuse always
    frontend web
        bind 127.0.0.1:@web@
        bind 127.0.0.1:@secure@ ssl crt @ca@/site.pem
        bind unix@@dir@/web.sock
        default_backend app
    backend app
        server s1 127.0.0.1:@o@ {words}
"""


class HeaderOrigin(Origin):
    """Keeps what each connection begins with: a header of version 1 or 2."""

    def __init__(self, context=None, **more):
        self.headers, self.context = [], context
        super().__init__(**more)

    def _serve(self, sock, number):
        sock.settimeout(5)
        try:
            head = self.exactly(sock, 12)
            if head.startswith(SIGNATURE):
                head += self.exactly(sock, 4)
                head += self.exactly(sock, struct.unpack("!H", head[14:16])[0])
            while not head.startswith(SIGNATURE) and not head.endswith(b"\r\n"):
                head += self.exactly(sock, 1)
            self.headers.append(head)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        super()._serve(sock, number)

    @staticmethod
    def exactly(sock, n):
        data = b""
        while len(data) < n:
            more = sock.recv(n - len(data))
            if not more:
                raise OSError("ended")
            data += more
        return data


@pytest.fixture
def sending(ballast, ca):
    origins = []

    def start(words, mode="http", context=None):
        o = HeaderOrigin(context)
        origins.append(o)
        lb = ballast(SEND.format(words=words, mode=mode), o=o, ca=ca.dir)
        lb.origin = o
        return lb
    yield start
    for o in origins:
        o.stop()


def expected(version, client_port, port):
    if version == 1:
        return b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (client_port, port)
    return SIGNATURE + b"\x21\x11\x00\x0c\x7f\0\0\x01\x7f\0\0\x01" + struct.pack("!HH", client_port, port)


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("version,words", [(1, "send-proxy"), (2, "send-proxy-v2")])
def test_each_connection_to_the_server_names_its_client(sending, mode, version, words):
    lb = sending(words, mode)
    wanted = []
    for _ in range(3):
        with Client(lb.port["web"]) as c:
            assert c.request().status == 200 and c.request().status == 200
            wanted.append(expected(version, c.sock.getsockname()[1], lb.port["web"]))
    assert lb.origin.headers == wanted  # none is shared by two clients


def test_the_header_goes_before_the_handshake_and_tells_the_protocol(sending, ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca.path("site.pem"))
    lb = sending("send-proxy-v2 ssl verify none", context=context)
    with TlsClient(lb.port["secure"], ca=ca, alpn=["http/1.1"]) as c:
        assert c.request().status == 200
    assert lb.origin.headers[0].endswith(b"\x01\x00\x08http/1.1")


@pytest.mark.parametrize("words,header", [("send-proxy", b"PROXY UNKNOWN\r\n"),
                                          ("send-proxy-v2", SIGNATURE + b"\x21\0\0\0")])
def test_a_client_on_a_unix_socket_has_no_address(sending, words, header):
    lb = sending(words)
    with Client(0, host=os.path.join(lb.dir, "web.sock"), family=socket.AF_UNIX) as c:
        assert c.request().status == 200
    assert lb.origin.headers == [header]


def test_health_checks_say_that_they_are_nobodys(sending):
    lb = sending("send-proxy-v2 check inter 100ms")
    wait_until(lambda: LOCAL in lb.origin.headers, 3, "a check")
    lb = sending("send-proxy check inter 100ms")
    wait_until(lambda: any(h.endswith(b" %d\r\n" % lb.origin.port) for h in lb.origin.headers), 3, "a check")


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2", "send-proxy-v2 ssl verify none"])
def test_haproxy_understands_it_and_is_understood(ballast, ca, tmp_path, words):
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not program:
        pytest.skip("no haproxy")
    lb = ballast("""
        defaults
            mode http
            timeout connect 1s
            timeout client 2s
            timeout server 2s
        frontend first
            bind 127.0.0.1:@first@
            default_backend hap
        backend hap
            server s 127.0.0.1:@hap@ """ + words + """
        frontend last
            bind 127.0.0.1:@last@ accept-proxy
            http-request return status 200 content-type text/plain lf-string %[src]:%[src_port]>%[dst_port]
    """)
    config = tmp_path / "hap.cfg"
    tls = f"ssl crt {ca.path('site.pem')}" if "ssl" in words else ""
    config.write_text(f"""
defaults
    mode http
    timeout connect 1s
    timeout client 2s
    timeout server 2s
listen l
    bind 127.0.0.1:{lb.port['hap']} accept-proxy {tls}
    server s 127.0.0.1:{lb.port['last']} {words.split()[0]}
""")
    hap = subprocess.Popen([program, "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: lb.port["hap"] in listening_ports(), 5, "haproxy")
        with Client(lb.port["first"]) as c:
            assert c.request().text == f"127.0.0.1:{c.sock.getsockname()[1]}>{lb.port['first']}"
        assert get(lb.port["first"]).status == 200
    finally:
        hap.terminate()
        hap.wait(5)
