"""peers: what the end-to-end tests put on either side of Ballast.

Origins are raw sockets whose answer is a Python function, so that a test can send any bytes at any time and see
exactly which bytes it got. The client reads one response as RFC 9112 frames it and tells whether it was complete.
"""
import contextlib
import os
import queue
import random
import re
import socket
import struct
import threading
import time

CLOSE = object()  # in what a handler returns: close the connection in an orderly way
RESET = object()  # close it with a TCP reset

_ports = random.Random(os.getpid() ^ time.time_ns())
_given = set()


def free_port():
    """A TCP port that nobody listens on, below the range that the kernel takes for outgoing connections."""
    for _ in range(1000):
        port = _ports.randrange(10240, 32700)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port")


def listening_ports():
    """TCP ports of this network namespace that are listened on; looking leaves no trace, as a connection would."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as f:
            for row in f.readlines()[1:]:
                column = row.split()
                if column[3] == "0A":
                    ports.add(int(column[1].rsplit(":", 1)[1], 16))
    return ports


def wait_until(condition, timeout=5.0, what="the condition"):
    """Waits until condition() is true and returns its value; else fails the test."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.005)


def reset(sock):
    """Closes with a reset instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Message:
    """A request or a response as it came. `fields` is a list of (name, value) in order, `raw` all of its bytes."""

    def __init__(self, start, fields, head):
        self.start, self.fields, self.head = start, fields, head
        self.body, self.raw = b"", head
        self.trailers = []
        self.chunks = None  # sizes in order, where it was chunked
        self.complete = False  # the end that its framing promised was seen

    def all(self, name):
        """Values of every field of that name."""
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def field(self, name, default=None):
        """Value of the only field of that name; more than one fails the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def text(self):
        return self.body.decode("latin-1")


class Request(Message):
    """`connection` counts the origin's connections from 0, `number` the requests on that connection from 0."""
    connection = number = 0

    def __init__(self, start, fields, head):
        super().__init__(start, fields, head)
        self.method, self.target, self.version = (start.split(" ") + ["", ""])[:3]


class Response(Message):
    def __init__(self, start, fields, head):
        super().__init__(start, fields, head)
        part = start.split(" ", 2)
        self.version, self.status = part[0], int(part[1])
        self.reason = part[2] if len(part) > 2 else ""


def response(status=200, body=b"", fields=(), reason="OK", version="HTTP/1.1", length=True):
    """Bytes of a response; Content-Length is added unless length is false."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{version} {status} {reason}"] + [f"{n}: {v}" for n, v in fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunked(*pieces, trailers=()):
    """Pieces in the chunked coding, with the last chunk."""
    out = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)
    return out + b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n"


class Stream:
    """Reads messages from a socket; keeps what came behind them."""

    def __init__(self, sock):
        self.sock, self.buffer, self.ended = sock, b"", False

    def more(self):
        """Reads once; False at the end, be it a FIN or a reset."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.ended = not data
        self.buffer += data
        return bool(data)

    def take(self, n):
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def line(self):
        while b"\n" not in self.buffer:
            if not self.more():
                return None
        return self.take(self.buffer.index(b"\n") + 1)

    def head(self, kind):
        """The next message without its body; None where the connection ended before its head did."""
        head = b""
        while True:
            line = self.line()
            if line is None:
                self.buffer = head + self.buffer
                return None
            head += line
            if line in (b"\r\n", b"\n") and len(head) > len(line):
                break
        lines = head.decode("latin-1").split("\r\n")
        fields = [tuple(p.strip(" \t") for p in l.split(":", 1)) for l in lines[1:] if ":" in l]
        return kind(lines[0], fields, head)

    def exactly(self, n):
        while len(self.buffer) < n and self.more():
            pass
        return self.take(n)

    def chunks(self, message):
        message.chunks = []
        while True:
            line = self.line()
            if line is None:
                return
            message.raw += line
            size = int(line.split(b";")[0].strip(), 16)
            if size == 0:
                break
            data = self.exactly(size)
            message.body += data
            end = self.exactly(2)
            message.raw += data + end
            if end != b"\r\n":
                return
            message.chunks.append(size)
        while True:
            line = self.line()
            if line is None:
                return
            message.raw += line
            if line == b"\r\n":
                message.complete = True
                return
            message.trailers.append(tuple(p.strip() for p in line.decode("latin-1").split(":", 1)))

    def body(self, message, until_close):
        codings = [c.strip().lower() for v in message.all("Transfer-Encoding") for c in v.split(",")]
        lengths = message.all("Content-Length")
        if codings and codings[-1] == "chunked":
            return self.chunks(message)
        if lengths and not codings:
            message.body = self.exactly(int(lengths[0]))
            message.complete = len(message.body) == int(lengths[0])
        elif until_close:
            while self.more():
                pass
            message.body, message.complete = self.take(len(self.buffer)), True
        else:
            message.complete = True
        message.raw += message.body
        return None


class Client:
    """One connection to Ballast. Use as a context manager, or let the fixture `client` close it."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0, family=None):
        if family == socket.AF_UNIX:
            self.sock = socket.socket(family)
            self.sock.connect(host)
        else:
            self.sock = socket.create_connection((host, port), timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(timeout)
        self.stream = Stream(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends bytes, or text as Latin-1."""
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def response(self, method="GET", interim=None):
        """The next final response; interim ones (1xx but 101) are appended to `interim`. None where the connection
        ended before a head was there."""
        while True:
            r = self.stream.head(Response)
            if r is None:
                return None
            if r.status >= 200 or r.status == 101:
                break
            r.complete = True
            if interim is not None:
                interim.append(r)
        if method == "HEAD" or r.status in (101, 204, 304):
            r.complete = True
        else:
            self.stream.body(r, until_close=True)
        return r

    def request(self, method="GET", target="/", fields=(), body=None):
        """Sends one well-formed request with a token of its own, and expects the origin's echo of it if there is one
        (the default handler of Origin echoes), so that an answer meant for another client is noticed."""
        token = f"{random.getrandbits(64):016x}"
        lines = [f"{method} {target} HTTP/1.1"]
        if not any(n.lower() == "host" for n, _ in fields):
            lines.append("Host: test.local")
        lines += [f"{n}: {v}" for n, v in fields] + [f"X-Token: {token}"]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b""))
        r = self.response(method)
        if r is not None:
            assert r.field("X-Token", token) == token, "an answer to another request"
        return r

    def until_close(self):
        """Everything until the other side ends."""
        while self.stream.more():
            pass
        return self.stream.take(len(self.stream.buffer))

    def closed(self, timeout=2.0):
        """True where the other side ends within the time without sending anything more."""
        self.sock.settimeout(timeout)
        try:
            return not self.stream.buffer and not self.stream.more()
        except TimeoutError:
            return False

    def silent(self, seconds=0.2):
        """True where nothing comes for so long, and the connection stays."""
        self.sock.settimeout(seconds)
        try:
            self.stream.more()
            return False
        except TimeoutError:
            return not self.stream.buffer

    def shutdown(self):
        """Ends the sending half."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        reset(self.sock)

    def close(self):
        self.sock.close()


def get(port, target="/", fields=(), **more):
    """One GET on a connection of its own."""
    with Client(port, **more) as c:
        return c.request("GET", target, fields)


def exchange(port, data, **more):
    """Sends bytes, returns everything that comes until the other side closes (the bytes should ask for that)."""
    with Client(port, **more) as c:
        c.send(data)
        return c.until_close()


def echo_handler(request):
    """What an Origin answers by default: 200, the request's token, and `method target body`."""
    fields = [("X-Token", v) for v in request.all("X-Token")]
    body = f"{request.method} {request.target} ".encode() + request.body
    return response(200, body if request.method != "HEAD" else b"", fields)


class Origin:
    """A server on 127.0.0.1 (or another address) for tests.

    handler(request) is called for each request with its body read; it returns bytes to send as they are, or an
    iterable whose items are bytes, a number (seconds to wait), CLOSE or RESET; None closes.
    connection(sock, origin), where given, has each accepted connection for itself instead.
    `requests` holds what came, in order; `connections` counts what was accepted.
    """

    def __init__(self, handler=echo_handler, connection=None, host="127.0.0.1", port=None, name=None):
        self.handler, self.connection, self.host, self.name = handler, connection, host, name
        self.port = port or free_port()
        self.requests, self.connections, self.open = [], 0, set()
        self.lock = threading.Lock()
        self.listener = None
        self.start()

    def start(self):
        """Listens (again, after stop())."""
        self.listener = socket.create_server((self.host, self.port), backlog=1024)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """Refuses new connections and resets those that are open, as a killed server would."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for sock in list(self.open):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                number = self.connections
                self.connections += 1
                self.open.add(sock)
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        try:
            with contextlib.suppress(OSError, ValueError):
                if self.connection:
                    self.connection(sock, self)
                else:
                    self._requests(sock, number)
        finally:
            with self.lock:
                self.open.discard(sock)
            sock.close()

    def _requests(self, sock, number):
        stream, count = Stream(sock), 0
        while True:
            request = stream.head(Request)
            if request is None:
                return
            stream.body(request, until_close=False)
            request.connection, request.number = number, count
            count += 1
            with self.lock:
                self.requests.append(request)
            answer = self.handler(request)
            for item in [answer] if isinstance(answer, bytes) else (answer or [CLOSE]):
                if isinstance(item, (int, float)):
                    time.sleep(item)
                elif item is RESET:
                    reset(sock)
                    return
                elif item is CLOSE:
                    return
                else:
                    sock.sendall(item)

    def wait_requests(self, count, timeout=5.0):
        wait_until(lambda: len(self.requests) >= count, timeout, f"{count} requests at the origin")
        return self.requests


class Syslog:
    """A UDP syslog receiver; `lines` holds the datagrams as text."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.1)
        self.port = self.sock.getsockname()[1]
        self.lines, self.arrived, self.running = [], queue.SimpleQueue(), True
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self):
        while self.running:
            with contextlib.suppress(TimeoutError):
                self.lines.append(self.sock.recv(65536).decode("utf-8", "replace"))

    def matching(self, pattern):
        return [l for l in list(self.lines) if re.search(pattern, l)]

    def wait(self, pattern, count=1, timeout=5.0):
        """The lines that match, once there are `count`."""
        try:
            wait_until(lambda: len(self.matching(pattern)) >= count, timeout, f"{count} log lines with {pattern!r}")
        except AssertionError as e:
            raise AssertionError(f"{e}; the last of {len(self.lines)} are: {self.lines[-20:]}") from None
        return self.matching(pattern)

    def stop(self):
        self.running = False
        self.thread.join()
        self.sock.close()
