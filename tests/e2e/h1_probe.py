"""h1_probe: sends one stream of bytes through Ballast and tells what came out at either end, judged by h1_strict.

A request probe is followed by a well-formed sentinel on the same connection: what Ballast framed differently than the
strict reader shows as a sentinel that is lost, changed or answered although it should not be. A response probe is
followed by a request of another client: what was left behind a response would show in its answer.
"""
import re
import socket
import threading
import time

import h1_strict
from peers import CLOSE, Client, Origin, wait_until

SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: sentinel\r\nConnection: close\r\n\r\n"
REFUSALS = (400, 414, 431, 501, 505)


def unescape(text):
    """The bytes of the corpus' notation (tests/unit/http/test_h1_corpus.c)."""
    def one(m):
        word = m[0]
        if word.startswith("\\{"):
            count, what = word[2:-1].split(":", 1)
            return unescape(what).decode("latin-1") * int(count)
        if word.startswith("\\x"):
            return chr(int(word[2:], 16))
        return {"r": "\r", "n": "\n", "t": "\t", "s": " "}.get(word[1], word[1])
    return re.sub(r"\\\{\d+:(?:\\x[0-9a-fA-F]{2}|[^}])\}|\\x[0-9a-fA-F]{2}|\\.", one, text).encode("latin-1")


def talk(port, pieces, half_close=False):
    """Sends the pieces, a moment apart, and reads to the end: (bytes, "fin", "rst" or "nothing")."""
    out, how = b"", "fin"
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for i, piece in enumerate(pieces):
                if i:
                    time.sleep(0.002)
                s.sendall(piece)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass  # it may have answered and closed
        try:
            while data := s.recv(65536):
                out += data
        except ConnectionError:
            how = "rst"
        except TimeoutError:
            how = "nothing"
    return out, how


def split_at(data, random):
    """Whole, or in two at a random position."""
    at = random.randrange(1, len(data)) if len(data) > 1 else 0
    return [data[:at], data[at:]] if at else [data]


def answers(data, methods, how):
    """The final responses in a client's stream to requests with these methods, interim ones skipped."""
    out = []
    for method in list(methods) + [b"GET"]:
        r = None
        while data:
            r = h1_strict.response(data, method, ended=how == "fin")
            if r is None:
                raise h1_strict.Wrong(f"half a head: {data!r}")
            data = data[r.end:]
            if r.status >= 200:
                break
        if r is None:
            break
        out.append(r)
    if data:
        raise h1_strict.Wrong(f"bytes behind the last answer: {data!r}")
    return out


# ---- requests ----

class Recorder:
    """An origin that reads strictly: `seen` has a Parsed for each whole request, `faults` what was wrong, `cut` counts
    connections that ended within a request."""

    def __init__(self):
        self.seen, self.faults, self.cut, self.lock = [], [], 0, threading.Lock()
        self.origin = Origin(connection=self.serve)
        self.port = self.origin.port

    def serve(self, sock, _):
        data = b""
        while True:
            try:
                p = h1_strict.request(data)
            except h1_strict.Wrong as e:
                self.faults.append(f"{e}: {data!r}")
                return
            if p is None or not p.complete:
                more = sock.recv(65536)
                if not more:
                    self.cut += bool(data)
                    return
                data += more
                continue
            self.seen.append(p)
            data = data[p.end:]
            sock.sendall(self.answer(p))

    @staticmethod
    def answer(p):
        if p.method == b"CONNECT":
            return b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
        text = b"" if p.method == b"HEAD" else b"%s %d" % (p.target[:64], len(p.body))
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text


def read_requests(data):
    """What the strict reader sees in a stream: (requests, "end", "more" or "bad")."""
    found = []
    while data:
        try:
            p = h1_strict.request(data, received=True)
        except h1_strict.Wrong:
            return found, "bad"
        if p is None or not p.complete:
            return found, "more"
        found.append(p)
        data = p.data[p.end:]
        if b"close" in p.members(b"connection") or (p.minor == 0 and b"keep-alive" not in p.members(b"connection")):
            break
    return found, "end" if found else "more"


def same_request(sent, got):
    """Why what the origin got is not what the client sent; None where it is."""
    wanted = [f for f in sent.end_to_end() if f[0] != b"host" and not (sent.minor == 0 and f[0] == b"expect")]
    had = [f for f in got.end_to_end() if f[0] != b"host"]
    host = got.all(b"host")[0]
    if (sent.method, sent.target, sent.body) != (got.method, got.target, got.body):
        return f"{got.method} {got.target} {got.body!r}"
    if wanted != had:
        return f"fields {had}, not {wanted}"
    if sent.host is not None and host.lower() != sent.host.lower():
        return f"Host {host}, not {sent.host}"
    allowed = {k: v for k, v in sent.trailers if k not in h1_strict.NOT_IN_TRAILERS}
    if not {k: v for k, v in got.trailers}.items() <= allowed.items():
        return f"trailers {got.trailers}"
    return None


def probe_request(port, recorder, data, pieces, expect):
    """None where all is as it must be, else what was not. `expect`: None (the strict reader says), or statuses of which
    one must come first, with nothing of it at the origin."""
    before, faults = len(recorder.seen), len(recorder.faults)
    sent, tail = ([], "bad") if expect else read_requests(data)
    out, how = talk(port, pieces, half_close=tail == "more")
    try:
        got = answers(out, [p.method for p in sent], how)
    except h1_strict.Wrong as e:
        return f"the client got {e}"
    seen = recorder.seen[before:]
    if recorder.faults[faults:]:
        return f"the origin got {recorder.faults[faults:]}"
    if how != "fin":
        return f"ended with {how} after {out!r}"
    if len(seen) != len(sent):
        return f"{len(seen)} requests at the origin, not {len(sent)}: {[p.data for p in seen]}; the client got {out!r}"
    for a, b in zip(sent, seen):
        if why := same_request(a, b):
            return f"the origin got {why}"
    statuses = [r.status for r in got]
    good = [403 if p.method == b"CONNECT" else 200 for p in sent]
    if statuses[:len(good)] != good:
        return f"statuses {statuses}, not {good}"
    rest = statuses[len(good):]
    if tail == "bad" and (len(rest) != 1 or rest[0] not in (expect or REFUSALS)):
        return f"statuses {rest}, not one of {expect or REFUSALS}"
    if tail == "end" and rest:
        return f"more answers than requests: {out!r}"
    if tail == "more" and [s for s in rest if s not in (400, 408)]:
        return f"an answer to half a request: {out!r}"
    return None


# ---- responses ----

class Scripted:
    """An origin that answers `/case` with `script`, and anything else with its target."""

    def __init__(self):
        self.script, self.close = [], False
        self.origin = Origin(self.answer)
        self.port = self.origin.port

    def answer(self, request):
        if request.target == "/case":
            items = []
            for i, piece in enumerate(self.script):
                items += [0.002, piece] if i else [piece]
            return items + ([CLOSE] if self.close else [])
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.target) + request.target.encode()


def read_response(data, method):
    """What the strict reader sees a server say: (interim statuses, Parsed or None, "whole", "cut" or "bad")."""
    interim = []
    while True:
        try:
            r = h1_strict.response(data, method, ended=True, received=True)
        except h1_strict.Wrong:
            return interim, None, "bad"
        if r is None:
            return interim, None, "bad" if data or interim else "cut"
        if r.status == 101:
            return interim, None, "bad"
        if r.status >= 200:
            return interim, r, "whole" if r.complete else "cut"
        interim.append(r.status)
        data = r.data[r.end:]


def same_response(method, http10, sent, got):
    if (sent.status, sent.body) != (got.status, got.body):
        return f"{got.status} {got.body[:100]!r}"
    if sent.end_to_end() != [f for f in got.end_to_end() if f[0] != b"upgrade"]:
        return f"fields {got.end_to_end()}, not {sent.end_to_end()}"
    lengths = {int(v) for v in got.members(b"content-length")}
    if method == b"HEAD" or sent.status == 304:
        wanted = {int(v) for v in sent.members(b"content-length")}
        if lengths != wanted and sent.status != 204:
            return f"Content-Length {lengths}, not {wanted}"
    if http10 and got.all(b"transfer-encoding"):
        return "Transfer-Encoding to an HTTP/1.0 client"
    allowed = [t for t in sent.trailers if t[0] not in h1_strict.NOT_IN_TRAILERS]
    if got.trailers and [t for t in got.trailers if t not in allowed]:
        return f"trailers {got.trailers}"
    return None


def check_interim(out, interim, http10):
    statuses = [int(m[1]) for m in re.finditer(rb"HTTP/1\.1 (1\d\d) ", out)]
    return None if statuses == ([] if http10 else interim) else f"interim {statuses}, not {interim}"


def probe_response(port, origin, data, pieces, method=b"GET", http10=False, limit=False):
    """None where the client saw what the server said, or 502 or a cut where that must not be passed on (`limit`: although
    the strict reader has nothing against it)."""
    interim, sent, verdict = ([], None, "bad") if limit else read_response(data, method)
    origin.script = pieces
    origin.close = verdict == "cut" or sent is None and not data or (sent is not None and sent.until_close)
    if verdict == "bad" and not limit:
        origin.close = ends_early(data, method)
    version = b"1.0" if http10 else b"1.1"
    request = b"%s /case HTTP/%s\r\nHost: x\r\n\r\n" % (method, version)
    out, how = talk(port, [request + (b"" if http10 else SENTINEL)])
    why = judge(out, how, method, http10, interim, sent, verdict)
    if why:
        return f"{why}; the client got {out!r} and {how}"
    with Client(port) as c:  # another client must get its own
        r = c.request("GET", "/next")
        if r is None or r.text != "/next":
            return f"another client then got {r and r.raw!r}"
    return None


def ends_early(data, method):
    """True where what is wrong is only that the head is not whole."""
    while True:
        try:
            r = h1_strict.response(data, method, received=True)
        except h1_strict.Wrong:
            return False
        if r is None:
            return True
        if r.status >= 200 or r.status == 101:
            return False
        data = r.data[r.end:]


def judge(out, how, method, http10, interim, sent, verdict):
    if how == "nothing":
        return "no end"
    first = out
    while m := re.match(rb"HTTP/1\.1 1\d\d [^\n]*\n", first):
        end = first.find(b"\r\n\r\n")
        first = first[end + 4:]
    try:
        r = h1_strict.response(first, method, ended=how == "fin")
    except h1_strict.Wrong as e:
        return str(e)
    if verdict == "whole":
        if r is None or not r.complete:
            return "it was cut"
        return (same_response(method, http10, sent, r) or check_interim(out, interim, http10) or
                sentinel(first[r.end:], http10 or b"close" in r.members(b"connection")))
    if r is None:
        return None if how == "rst" or first else "no answer"  # cut in the head
    if r.status == 502 and r.complete:
        return sentinel(first[r.end:], http10 or b"close" in r.members(b"connection"))
    if r.complete:
        return "a bad response was passed on as if it were whole"
    return None if sent is None or r.status == sent.status else "another response"


def sentinel(rest, closed):
    if closed:
        return f"bytes behind the response: {rest!r}" if rest else None
    try:
        r = h1_strict.response(rest)
    except h1_strict.Wrong as e:
        return f"the next answer: {e}"
    if r is None or r.body != b"/sentinel" or r.end != len(rest):
        return f"the next answer is {rest!r}"
    return None


def wait_quiet(recorder, cut):
    wait_until(lambda: recorder.cut >= cut, what="the origin noticing the end")
