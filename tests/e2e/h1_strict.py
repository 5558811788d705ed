"""h1_strict: a second reader of HTTP/1, written from RFC 9112 and 9110 alone, for judging what Ballast sends.

It knows nothing of Ballast's parser and is not resumable: it takes all bytes of a connection and reads one message from
their start. Wrong raises the first thing that no proxy may send (`received=True`: that no proxy may pass on, with the
few liberties that section 2.2 gives to a recipient). A message that is not whole has `complete` false.
"""
import ipaddress
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
PCT = rb"%[0-9A-Fa-f]{2}"
HOST = re.compile(rb"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|\[[vV][0-9A-Fa-f]+\.[\w.~!$&'()*+,;=:-]+\]|(?:[\w.~!$&'()*+;=-]|" +
                  PCT + rb")*)(?::(?P<port>[0-9]*))?", re.A)
# pchar, '/' and '?', and the brackets that forms send
ORIGIN = re.compile(rb"/(?:[\w.~!$&'()*+,;=:@/?\[\]-]|" + PCT + rb")*", re.A)
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
EXTENSION = rb"[ \t]*;[ \t]*" + TOKEN + rb"(?:[ \t]*=[ \t]*(?:" + TOKEN + rb"|" + QUOTED + rb"))?"
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:" + EXTENSION + rb")*")
HOP_BY_HOP = (b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade")
NOT_IN_TRAILERS = (b"transfer-encoding", b"content-length", b"host", b"connection", b"content-type",
                   b"content-encoding",
                   b"content-range", b"trailer", b"te", b"expect", b"authorization", b"set-cookie", b"cache-control",
                   b"max-forwards", b"range", b"if-match", b"cookie", b"upgrade", b"location", b"vary", b"age", b"date",
                   b"keep-alive", b"proxy-connection")


class Wrong(Exception):
    """The bytes are no message that may be sent."""


class Parsed:
    """A message. `fields` are (lower-case name, value); `end` is where it ends in the bytes."""
    method = target = None
    status = 0
    minor = 1

    def __init__(self, fields, end):
        self.fields, self.end = fields, end
        self.body, self.trailers, self.complete = b"", [], True
        self.until_close = False

    def all(self, name):
        return [v for n, v in self.fields if n == name]

    def members(self, name):
        return [m.strip(b" \t").lower() for v in self.all(name) for m in v.split(b",")]

    def end_to_end(self):
        """Fields that a proxy passes on, without those that frame."""
        gone = set(HOP_BY_HOP) | {m for m in self.members(b"connection") if m != b"host"} | {b"content-length"}
        return [f for f in self.fields if f[0] not in gone]


def wrong(condition, why):
    if condition:
        raise Wrong(why)


def received_head(data):
    """Applies the liberties of section 2.2: empty lines before a request line, and LF alone in the whole head."""
    lead = re.match(rb"(?:\r\n){0,4}|\n{1,4}",
                    data)[0] if not data.startswith(b"\n") else re.match(rb"\n{1,4}", data)[0]
    rest = data[len(lead):]
    first = rest.find(b"\n")
    if first < 0:
        return rest
    bare = rest[first - 1:first] != b"\r"
    wrong(lead and bare != (lead[:1] == b"\n"), "lines end in two ways")
    if not bare:
        return rest
    end = rest.find(b"\n\n")
    head = rest if end < 0 else rest[:end + 2]
    wrong(b"\r" in head, "CR in a head of LF")
    return head.replace(b"\n", b"\r\n") + rest[len(head):]


def check_line(line):
    wrong(re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line), f"control byte in {line!r}")


def field(line):
    m = re.fullmatch(rb"(" + TOKEN + rb"):[ \t]*(.*?)[ \t]*", line)
    wrong(not m, f"not a field: {line!r}")
    return m[1].lower(), m[2]


def split_head(data, start_line):
    """(match of the start line, fields, offset behind the head), or None where it is not whole: then what there is of
    it is no fault."""
    end = data.find(b"\r\n\r\n")
    lines = data[:end if end >= 0 else len(data)].split(b"\r\n")
    last = b"" if end >= 0 else lines.pop().removesuffix(b"\r")
    for line in lines + [last]:
        check_line(line)
    if not lines:
        wrong(last and not re.match(TOKEN, last), f"start line {last!r}")
        return None
    start = re.fullmatch(start_line, lines[0])
    wrong(not start, f"start line {lines[0]!r}")
    fields = [field(line) for line in lines[1:]]
    return (start, fields, end + 4) if end >= 0 else None


def check_host(text):
    m = HOST.fullmatch(text)
    wrong(not m, f"Host {text!r}")
    wrong(m["port"] and int(m["port"]) > 65535, f"port of {text!r}")
    wrong(m["port"] is not None and m.start("port") == 1, f"a port without a host: {text!r}")
    if m["v6"]:
        try:
            ipaddress.IPv6Address(m["v6"].decode())
        except ValueError as e:
            raise Wrong(f"{e} in {text!r}") from None


def framing(p, received):
    """('length', n), ('chunked',) or None, where exactly one is said."""
    codings, lengths = p.all(b"transfer-encoding"), p.all(b"content-length")
    wrong(codings and lengths, "Transfer-Encoding and Content-Length")
    if codings:
        wrong(p.minor == 0, "Transfer-Encoding in HTTP/1.0")
        wrong(b",".join(codings).strip(b" \t").lower() != b"chunked", f"codings {codings}")
        return ("chunked",)
    if not lengths:
        return None
    numbers = [m.strip(b" \t") for v in lengths for m in v.split(b",")]
    wrong(not all(re.fullmatch(rb"[0-9]+", n) for n in numbers), f"Content-Length {lengths}")
    wrong(len({int(n) for n in numbers}) != 1, f"Content-Length {lengths}")
    wrong(not received and (len(numbers) > 1 or not re.fullmatch(rb"0|[1-9][0-9]*", numbers[0])), f"sent {lengths}")
    wrong(int(numbers[0]) >= 1 << 63, "Content-Length overflows")
    return ("length", int(numbers[0]))


def chunks(p, data, received):
    at = p.end
    p.complete = False
    while True:
        eol = data.find(b"\r\n", at)
        if eol < 0:
            wrong(not re.match(rb"[0-9A-Fa-f]*(?:[ \t]*;.*)?\r?\Z", data[at:], re.S) or re.search(rb"\n|\r.",
                                                                                                  data[at:], re.S),
                  f"chunk size {data[at:at + 20]!r}")
            return
        m = CHUNK_LINE.fullmatch(data, at, eol)
        wrong(not m or eol - at > 4096, f"chunk size {data[at:eol]!r}")
        wrong(not received and not re.fullmatch(rb"[1-9a-fA-F][0-9a-fA-F]*|0", data[at:eol]), f"sent {data[at:eol]!r}")
        size, at = int(m[1], 16), eol + 2
        wrong(size >= 1 << 63, "chunk size overflows")
        if size == 0:
            break
        p.body += data[at:at + size]
        at += size
        wrong(not b"\r\n".startswith(data[at:at + 2]), "a chunk does not end where its size says")
        if len(data) < at + 2:
            return
        at += 2
    start, end = at, data.find(b"\r\n", at)
    while end > at:
        wrong(end - start > 8192, "a trailer section beyond the limit")
        m = re.fullmatch(rb"(" + TOKEN + rb"):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*", data[at:end])
        wrong(not m, f"trailer {data[at:end]!r}")
        wrong(not received and m[1].lower() in NOT_IN_TRAILERS, f"sent a trailer {m[1]}")
        p.trailers.append((m[1].lower(), m[2]))
        at = end + 2
        end = data.find(b"\r\n", at)
    if end < 0:
        wrong(re.search(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f]|\r[^\n]", data[at:]), f"trailer {data[at:at + 20]!r}")
        return
    p.end, p.complete = end + 2, True


def body(p, data, how, received):
    if how is None:
        return
    if how[0] == "chunked":
        chunks(p, data, received)
        if not p.complete:
            p.end = len(data)
        return
    p.body = data[p.end:p.end + how[1]]
    p.complete = len(p.body) == how[1]
    p.end += len(p.body)


def check_connection(p, received):
    for member in p.members(b"connection"):
        wrong(member and not re.fullmatch(TOKEN, member), f"Connection {member!r}")
    if received:
        return
    for name in HOP_BY_HOP[1:4]:
        wrong(p.all(name), f"sent {name}")
    named = set(p.members(b"connection")) - {b"close", b"upgrade", b"keep-alive"}
    wrong(named, f"sent Connection with {named}")
    wrong((b"upgrade" in p.members(b"connection")) != bool(p.all(b"upgrade")), "Upgrade and Connection differ")


def check_target(p):
    if p.method == b"CONNECT":
        check_host(p.target)
        port = p.target.rpartition(b":")[2]
        wrong(not port.isdigit() or int(port) == 0, f"target {p.target!r}")
    elif p.target == b"*":
        wrong(p.method != b"OPTIONS", "asterisk-form")
    else:
        wrong(not ORIGIN.fullmatch(p.target), f"target {p.target!r}")


def request(data, received=False):
    """The request at the start of data; None where its head is not whole."""
    if received:
        data = received_head(data)
    got = split_head(data, rb"(" + TOKEN + rb") ([^ \t]+) HTTP/1\.([0-9])")
    if not got:
        return None
    m, fields, end = got
    p = Parsed(fields, end)
    p.method, p.target, p.minor, p.data = m[1], m[2], int(m[3]), data
    wrong(not received and p.minor != 1, "not HTTP/1.1")
    hosts = p.all(b"host")
    wrong(len(hosts) != 1 and not (received and p.minor == 0 and not hosts), f"Host {hosts}")
    if hosts:
        check_host(hosts[0])
    absolute = re.fullmatch(rb"(?i:https?)://([^/?]+)([/?].*)?",
                            p.target) if received and p.method != b"CONNECT" else None
    if absolute:
        p.target = absolute[2] or (b"*" if p.method == b"OPTIONS" else b"/")
        if p.target.startswith(b"?"):
            p.target = b"/" + p.target
        p.host = absolute[1]
        check_host(p.host)
    else:
        p.host = hosts[0] if hosts else None
    if p.method == b"CONNECT":
        p.host = p.target
    check_target(p)
    check_connection(p, received)
    how = framing(p, received)
    if p.method == b"CONNECT":
        wrong(how and how != ("length", 0), "CONNECT with a body")
        how = None
    body(p, data, how, received)
    return p


def response(data, method=b"GET", ended=True, received=False):
    """The response at the start of data to a request with `method`; None where its head is not whole. `ended`: nothing
    follows, so that a body which ends with the connection is whole."""
    if received:
        data = data if data.startswith(b"\n") or data.startswith(b"\r") else received_head(data)
    got = split_head(data, rb"HTTP/1\.([0-9]) ([1-9][0-9][0-9])(?: ([\t -~\x80-\xff]*))?")
    if not got:
        return None
    m, fields, end = got
    wrong(m[3] is None and not received, "no SP behind the status")
    p = Parsed(fields, end)
    p.minor, p.status, p.data = int(m[1]), int(m[2]), data
    check_connection(p, received)
    how = framing(p, received)
    if p.status < 200 or p.status == 204:
        wrong(how and how != ("length", 0), f"{p.status} with a body")
        wrong(how and not received, f"{p.status} with Content-Length")
        return p
    if method == b"CONNECT" and p.status < 300:
        return p
    if method == b"HEAD" or p.status == 304:
        return p
    if how:
        body(p, data, how, received)
        return p
    p.until_close = True
    p.body, p.end, p.complete = data[p.end:], len(data), ended
    return p
