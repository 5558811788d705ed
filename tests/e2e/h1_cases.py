"""h1_cases: requests and responses as an attacker, a careless peer and a merely unusual one would send them.

Written from RFC 9110 and 9112 (and what has split front and back servers in the wild), apart from the parser and its
corpus. requests() yields (name, bytes, statuses): the statuses of which one must come with nothing reaching the server, or
None where the whole stream is valid and must arrive. responses() yields (name, bytes, verdict): "whole", "cut", "bad", or "limit"
for a valid one that is too large.
"""
import random

ANY = (400, 414, 431, 501, 505)
BAD = (400,)
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"


def request(*lines, body=b"", start=b"POST /x HTTP/1.1", host=b"Host: a\r\n"):
    return start + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def response(*lines, body=b"", start=b"HTTP/1.1 200 OK"):
    return start + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def chunked(body):
    return request(TE[:-2], body=body)


# ---- framing ----

TE_OBSCURED = [
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding:\x0cchunked", b"Transfer-Encoding: \x00chunked",
    b"Transfer-Encoding: chunked\x00", b"Transfer-Encoding: chun\x00ked", b"Transfer-Encoding:\xa0chunked",
    b"Transfer-Encoding: chunked\xa0", b"Transfer-Encoding: \xefchunked", b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: chunked; x", b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: 'chunked'",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: chunked,", b"Transfer-Encoding: ,chunked",
    b"Transfer-Encoding: , ,chunked", b"Transfer-Encoding: chunked, ,", b"Transfer-Encoding:", b"Transfer-Encoding: ",
    b"Transfer-Encoding: x", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunkedx",
    b"Transfer-Encoding: chunke",
    b"Transfer-Encoding: gzip", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: deflate, chunked", b"Transfer-Encoding: br, chunked", b"Transfer-Encoding: cow, chunked",
    b"Transfer-Encoding: chunked chunked", b"Transfer-Encoding: chunked;", b"Transfer-Encoding: =chunked",
    b"Transfer-Encoding:: chunked", b"Transfer-Encoding: : chunked", b"Transfer-Encoding; chunked",
    b"Transfer-Encoding chunked",
    b"Transfer-Encoding=chunked", b"Transfer Encoding: chunked", b"\"Transfer-Encoding\": chunked",
    b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding\x0b: chunked", b"Transfer-Encoding\xa0: chunked",
    b"\xefTransfer-Encoding: chunked", b"[Transfer-Encoding]: chunked", b"Transfer-Encoding/: chunked",
    b"X: y\rTransfer-Encoding: chunked", b"X: y\nTransfer-Encoding: chunked", b"X: y\x00Transfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked", b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding: \r\n\tchunked",
    b"Transfer-Encoding: chunked\r\n ,gzip", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-encoding: identity", b"Transfer-Encoding: chunked\r\ntransfer-encoding:",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding : x", b"Transfer-Encoding: {chunked}",
    b"Transfer-Encoding: <chunked>",
]
LENGTHS_BAD = [
    b"", b" ", b"+5", b"-5", b"-0", b"5.", b"5.0", b"5e0", b"0x5", b"0X5", b"5h", b"5 5", b"5,6", b"5, 05x", b"5;",
    b"5;q=1",
    b"\"5\"", b"'5'", b"five", b"5,", b",5", b"5,,5", b", ", b"5\x00", b"\x005", b"5\x0b", b"\x0c5", b"\xa05",
    b"5\xa0", b"\xef\xbc\x95",
    b"5_0", b"1_0", b"(5)", b"5)", b"=5", b":5", b"NaN", b"inf", b"18446744073709551621", b"9223372036854775808",
    b"99999999999999999999999999", b"4294967301.0", b"5\t5", b"5/5", b"00 5", b"b5", b"5%", b"\\5", b"5\r\n 5",
    b"\r\n 5", b"chunked",
]
LENGTHS_GOOD = [b"5", b"05", b"0000000000000000000000000005", b" 5", b"\t5\t", b"5 ", b"5,5", b"5, 5", b"5 ,\t5 , 5",
                b"5\r\nContent-Length: 5",
                b"5\r\nX: y\r\ncontent-length: 005"]


def both():
    for te in (b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked", b"Transfer-Encoding: gzip, chunked",
               b"Transfer-Encoding: x"):
        for length in (b"0", b"5", b"15", b"6, 6", b"x"):
            for order in (0, 1):
                lines = [te, b"Content-Length: " + length]
                yield request(*(lines[::-1] if order else lines), body=CHUNKS)
    for te in TE_OBSCURED:  # CL.TE and TE.CL, the other one hidden
        yield request(b"Content-Length: 15", te, body=CHUNKS)
        yield request(te, b"Content-Length: 5", body=CHUNKS)


def framing():
    for data in both():
        yield "length and coding", data, ANY
    for te in TE_OBSCURED:
        yield "coding obscured", request(te, body=CHUNKS), ANY
        yield "coding obscured, last line", request(b"X: y", te, body=CHUNKS), ANY
        yield "coding in 1.0", request(te, body=CHUNKS, start=b"POST /x HTTP/1.0"), ANY
    yield "coding in 1.0", request(TE[:-2], body=CHUNKS, start=b"POST /x HTTP/1.0"), BAD
    for te in (b"Transfer-Encoding:chunked", b"TRANSFER-ENCODING: CHUNKED", b"transfer-encoding: \t Chunked \t",
               b"Transfer-Encoding: chunKed"):
        yield "coding", request(te, body=CHUNKS), None
    for length in LENGTHS_BAD:
        yield "length", request(b"Content-Length: " + length, body=b"hello"), BAD
    for length in LENGTHS_GOOD:
        yield "length", request(b"Content-Length: " + length, body=b"hello"), None
    for line in (b"Content-Length : 5", b" Content-Length: 5", b"Content-Length\t: 5", b"Content-Length\x00: 5",
                 b"Content-Length", b"Content-Length 5",
                 b"Content-Length:: 5", b"X: y\nContent-Length: 5", b"X: y\rContent-Length: 5",
                 b"Content-Length\xad: 5", b"Content Length: 5"):
        yield "length obscured", request(line, body=b"hello"), BAD
        yield "length obscured beside another", request(line, b"Content-Length: 0"), BAD
    for other in ((b"5", b"6"), (b"0", b"5"), (b"5", b""), (b"5", b"x"), (b"5", b"5, 6"), (b"5, 5", b"6")):
        yield "lengths differ", request(*(b"Content-Length: " + o for o in other), body=b"hello!"), BAD
    for line in (b"Content_Length: 5", b"Transfer_Encoding: chunked", b"X-Transfer-Encoding: chunked",
                 b"Content-Length-: 5", b"Transfer-Encoding2: gzip"):
        yield "an unknown field", request(line), None
        yield "an unknown field beside a length", request(line, b"Content-Length: 2", body=b"hi"), None
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"PATCH", b"TRACE", b"FOO", b"get"):
        yield "body by length", request(b"Content-Length: 5", body=b"hello", start=method + b" /m HTTP/1.1"), None
        yield "body in chunks", request(TE[:-2], body=CHUNKS, start=method + b" /m HTTP/1.1"), None
        yield "body like a request", request(b"Content-Length: 28", body=b"GET /i HTTP/1.1\r\nHost: i\r\n\r\n",
                                             start=method + b" /m HTTP/1.1"), None
    yield "a length of a GiB announced in a CONNECT", request(b"Content-Length: 1073741824",
                                                              start=b"CONNECT a:1 HTTP/1.1"), BAD
    yield "a CONNECT in chunks", request(TE[:-2], body=CHUNKS, start=b"CONNECT a:1 HTTP/1.1"), BAD


# ---- chunks ----

CHUNKS_BAD = [
    b"0x5\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
    b"\t5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\n",
    b"5\r\nhello\r\n\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"4\r\nhello\r\n0\r\n\r\n", b"6\r\nhello\r\n0\r\n\r\n",
    b"5;\r\nhello\r\n0\r\n\r\n", b"5;\nhello\r\n0\r\n\r\n", b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", b"5;a=\"b\r\nhello\r\n0\r\n\r\n",
    b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"5;a\x00\r\nhello\r\n0\r\n\r\n", b"5\x00\r\nhello\r\n0\r\n\r\n",
    b"5,5\r\nhello\r\n0\r\n\r\n", b"5.0\r\nhello\r\n0\r\n\r\n",
    b"g\r\nhello\r\n0\r\n\r\n", b"5g\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"8000000000000000\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"5\xa0\r\nhello\r\n0\r\n\r\n", b"\xef\xbc\x95\r\nhello\r\n0\r\n\r\n",
    b"5\x0b\r\nhello\r\n0\r\n\r\n", b"_5\r\nhello\r\n0\r\n\r\n", b"5_\r\nhello\r\n0\r\n\r\n",
    b"\"5\"\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0;\r\n\r\n",
    b"5;=x\r\nhello\r\n0\r\n\r\n", b"5;a=\r\nhello\r\n0\r\n\r\n", b"5;a b\r\nhello\r\n0\r\n\r\n", b"5;" + b"e" * 9000 +
    b"\r\nhello\r\n0\r\n\r\n",
    b"5;\x7f\r\nhello\r\n0\r\n\r\n", b"0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n X: y\r\n\r\n",
    b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX: y\r\n z\r\n\r\n",
    b"0\r\nX: \x00\r\n\r\n", b"0\r\nX: a\rb\r\n\r\n", b"0\r\n: y\r\n\r\n", b"0\r\nX\r\n\r\n", b"0\r\n\x00X: y\r\n\r\n",
    b"0\r\nX: \x01\r\n\r\n", b"0\r\nX: y\r\n\n",
    b"0\r\nX Y: z\r\n\r\n", b"0\r\nX\xe9: z\r\n\r\n", b"0\r\n" + b"X: " + b"y" * 20000 + b"\r\n\r\n", b"0\r\n" +
    b"X: y\r\n" * 4000 + b"\r\n",
]
CHUNKS_GOOD = [
    b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"0005\r\nhello\r\n0000\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n",
    b"A\r\n0123456789\r\n0\r\n\r\n", b"1\r\na\r\n" * 300 + b"0\r\n\r\n",
    b"5;a\r\nhello\r\n0\r\n\r\n", b"5;a=b;c=\"d\\\"e;\"\r\nhello\r\n0\r\n\r\n", b"5 ; a = b\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0;last\r\n\r\n", b"5;\t\ta\r\nhello\r\n0\r\n\r\n",
    b"2\r\n\r\n\r\n0\r\n\r\n", b"7\r\n0\r\n\r\nGE\r\n0\r\n\r\n", b"4000\r\n" + b"z" * 16384 + b"\r\n0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n", b"0\r\nX:\r\n\r\n", b"0\r\nX-A: 1\r\nx-a: 2\r\nX-B: \xe9\r\n\r\n",
    b"0\r\n" + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(16)) + b"\r\n", b"0\r\n" +
    b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(40)) + b"\r\n",
    b"0\r\nX: " + b"y" * 4000 + b"\r\n\r\n", b"0\r\nX:\t \ty \t\r\n\r\n",
] + [b"0\r\nA: 1\r\n" + n + b": 5\r\nZ: 2\r\n\r\n" for n in (b"Content-Length", b"Transfer-Encoding", b"Host",
                                                             b"Connection", b"Trailer", b"TE", b"Authorization",
                                                             b"Content-Type",
                                                          b"Set-Cookie", b"Cache-Control", b"Expect", b"Upgrade",
                                                          b"Max-Forwards", b"Content-Encoding", b"Content-Range",
                                                          b"Range")]


def chunk_tricks():
    for body in CHUNKS_BAD:
        yield "chunks", chunked(body), BAD
    for body in CHUNKS_GOOD:
        yield "chunks", chunked(body), None


# ---- bytes ----

TEMPLATE = b"POST /p/q?r=1 HTTP/1.1\r\nHost: a.b\r\nX-Y: z w\r\nContent-Length: 3\r\n\r\n"
LINE = TEMPLATE.index(b"\r\n")


def insertions(head, byte):
    return (head[:i] + byte + head[i:] for i in range(len(head)))


def every_position():
    """One byte that may stand nowhere in a head."""
    for byte in (b"\r", b"\0"):
        for data in insertions(TEMPLATE, byte):
            yield f"{byte!r} inserted", data + b"abc", BAD
    for data in list(insertions(TEMPLATE, b"\n"))[:-1]:  # the last one only makes an empty line before the next request
        yield "LF inserted", data + b"abc", BAD
    for byte in (b" ", b"\t"):
        for i in range(LINE + 1):
            yield f"{byte!r} in the request line", TEMPLATE[:i] + byte + TEMPLATE[i:] + b"abc", BAD
        for name in (b"Host", b"X-Y", b"Content-Length"):
            at = TEMPLATE.index(name)
            for i in range(at, at + len(name) + 1):
                yield f"{byte!r} in a field name", TEMPLATE[:i] + byte + TEMPLATE[i:] + b"abc", BAD
    for lost in range(len(TEMPLATE) - 2):
        if TEMPLATE[lost:lost + 1] in b"\r\n":  # half of a line's end is missing
            yield "half a CRLF", TEMPLATE[:lost] + TEMPLATE[lost + 1:] + b"abc", BAD
    places = {"method": 2, "target": 7, "version": LINE - 2, "name": TEMPLATE.index(b"X-Y") + 1,
              "value": TEMPLATE.index(b"z w") + 1}
    for where, i in places.items():
        for code in list(range(1, 32)) + [127]:
            if code in (10, 13) or (code == 9 and where == "value"):
                continue
            yield f"control {code} in {where}", TEMPLATE[:i] + bytes([code]) + TEMPLATE[i:] + b"abc", BAD
        for code in (128, 160, 173, 255):
            yield f"byte {code} in {where}", TEMPLATE[:i] + bytes([code]) + TEMPLATE[i:] + b"abc", None if where == "value" else BAD
    yield "tab in a value", TEMPLATE.replace(b"z w", b"z\tw") + b"abc", None
    yield "LF in all lines", (TEMPLATE.replace(b"\r", b"") + b"abc"), None
    for fold in (b"\r\n z", b"\r\n\tz", b"\r\n \r\n z", b"\r\n  Content-Length: 5", b"\r\n ", b" \r\n z"):
        yield "obs-fold", TEMPLATE.replace(b"z w", b"z w" + fold) + b"abc", BAD
        yield "obs-fold of Host", TEMPLATE.replace(b"a.b", b"a.b" + fold) + b"abc", BAD
    yield "fold before the first field", TEMPLATE.replace(b"Host", b" Host") + b"abc", BAD
    yield "empty lines first", b"\r\n\r\n" + TEMPLATE + b"abc", None
    yield "ten empty lines first", b"\r\n" * 10 + TEMPLATE + b"abc", BAD


# ---- start line, Host, targets ----

def lines():
    for method in (b"GET", b"get", b"G", b"M-SEARCH", b"!#$%&'*+-.^_`|~09az", b"X" * 200, b"PROPFIND", b"QUERY"):
        yield "method", request(start=method + b" / HTTP/1.1"), None
    for method in (b"", b"GE(T", b"GET/", b"\"GET\"", b"GET:", b"G\xc9T", b"{}", b"G@T", b"[GET]", b"GET,", b"GET;",
                   b"<GET>", b"G=T", b"G?T", b"G\\T"):
        yield "method", request(start=method + b" / HTTP/1.1"), BAD
    for version in (b"HTTP/1.1", b"HTTP/1.2", b"HTTP/1.9"):
        yield "version", request(start=b"GET / " + version), None
    for version in (b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/2"):
        yield "version", request(start=b"GET / " + version), (400, 505)
    for version in (b"", b"http/1.1", b"Http/1.1", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.01", b"HTTP/11", b"HTTP/1",
                    b"HTTP/1.", b"HTTP/.1", b"HTTP/0.9", b"HTTP/-1.1", b"HTTP/1.1 ",
                    b"HTTP/ 1.1", b"HTTP/1,1", b"HTTP/1.a", b"HTTPS/1.1", b"HTTP 1.1", b"HTTP\\1.1", b"ICY/1.1",
                    b"HTTP/1.1\t", b"HTTP/1.1x", b"HTTP/1.1 HTTP/1.1", b"HTTP/+1.1"):
        yield "version", request(start=b"GET / " + version), (400, 505)
    for line in (b"GET /", b"GET", b"GET  / HTTP/1.1", b" GET / HTTP/1.1", b"GET / HTTP/1.1 x", b"GET /  HTTP/1.1",
                 b"GET\t/ HTTP/1.1", b"GET HTTP/1.1", b"GET / / HTTP/1.1", b"/ HTTP/1.1",
                 b"HTTP/1.1 200 OK", b"GET /\x0bHTTP/1.1", b"GET\xa0/ HTTP/1.1", b"PRI * HTTP/2.0"):
        yield "request line", request(start=line), (400, 505)
    for target in (b"/", b"//", b"//a/b", b"/a/../b", b"/.", b"/%00", b"/%2e%2e/", b"/a%0d%0ab", b"/?", b"/??",
                   b"/?a=b&c", b"/a;b=c", b"/:@!$&'()*+,;=~-._", b"/a?b/c?d", b"/" + b"a" * 8000,
                   b"/?" + b"q" * 8000, b"/a[1]", b"/?a[]=1", b"/*", b"/http://b/"):
        yield "target", request(start=b"GET " + target + b" HTTP/1.1"), None
    for target in (b"", b"a", b"a/b", b"?x", b"#", b"/#", b"/a#b", b"*", b"/ a", b"/%", b"/%2", b"/%zz", b"/%2g",
                   b"/<", b"/>", b"/\"", b"/\\", b"/^", b"/`", b"/{", b"/|", b"/}", b"/\xc3\xa9", b"/\x7f",
                   b"http://", b"http:///", b"http:/a", b"http:a", b"http//a/", b"://a/", b"http://a:b/",
                   b"http://a:99999/", b"http://a b/", b"http://u@a/", b"http://u:p@a/", b"http://@a/", b"http://:80/",
                   b"http://[::1/", b"http://::1/", b"http://[]/", b"http://[x]/", b"http://a#b", b"http://a/#b",
                   b"http://a,b/", b"http://a<b/", b"http://%zz/", b"http://a\\b/", b"ftp://a/", b"file:///x", b"a:443",
                   b"javascript:x", b"http://a%/", b"http://[::1]x/", b"http://[::1]:x/", b"http://a:-1/",
                   b"http://a:+1/"):
        yield "target", request(start=b"GET " + target + b" HTTP/1.1"), BAD
    for target in (b"http://a/", b"http://a", b"http://a/b?c", b"http://a?c", b"HTTP://A/", b"https://a/",
                   b"http://a:80/x", b"http://a:/x", b"http://[::1]/", b"http://[::1]:8080/x", b"http://1.2.3.4/",
                   b"http://b%20c/",
                   b"http://other.example:8080/deep/path?q"):
        yield "absolute-form", request(start=b"GET " + target + b" HTTP/1.1"), None
        yield "absolute-form in 1.0", request(start=b"GET " + target + b" HTTP/1.0", host=b""), None
        yield "absolute-form, two hosts", request(b"Host: b", start=b"GET " + target + b" HTTP/1.1"), BAD
        yield "absolute-form, no Host", request(start=b"GET " + target + b" HTTP/1.1", host=b""), BAD
        yield "absolute-form, bad Host", request(start=b"GET " + target + b" HTTP/1.1", host=b"Host: a b\r\n"), BAD
    for target, statuses in ((b"*", None), (b"http://a", None), (b"/", None), (b"**", BAD), (b"*/", BAD)):
        yield "OPTIONS", request(start=b"OPTIONS " + target + b" HTTP/1.1"), statuses
    for target in (b"a:443", b"[::1]:443", b"1.2.3.4:80", b"a.b-c:65535"):
        yield "CONNECT", request(start=b"CONNECT " + target + b" HTTP/1.1"), None
    for target in (b"a", b"a:", b"a:0", b"a:65536", b"a:x", b":443", b"/", b"*", b"http://a:443", b"http://a/",
                   b"a:443/", b"a:443?x", b"u@a:443", b"[::1]", b"::1:443", b"a b:443", b"a:443:443", b"a:-1"):
        yield "CONNECT", request(start=b"CONNECT " + target + b" HTTP/1.1"), BAD


HOSTS_GOOD = [b"a", b"a.b.c", b"a:80", b"a:", b"A", b"", b"1.2.3.4", b"1.2.3.4:1", b"[::1]", b"[::1]:80",
              b"[fe80::1:2]", b"[v1.x]", b"a_b", b"-a-", b"a.", b"a%20b", b"xn--bcher-kva.example", b"a!$&'()*+;=b",
              b"localhost:65535"]
HOSTS_BAD = [b"a b", b"a/b", b"a?b", b"a#b", b"a@b", b"u:p@a", b"a,b", b"a, b", b"a\\b", b"a<b", b"a>b", b"a\"b",
             b"a^b", b"a`b", b"a|b", b"a{b}", b"[a]", b"[::1", b"::1", b"[::1]]", b"[]", b"[::1]x", b"[::1]:x", b"a:b",
             b"a:80:80",
             b"a:80x", b"a:-1", b"a:+1", b"a:65536", b"a:999999999999", b"http://a", b"a%", b"a%2", b"a%zz",
             b"\xc3\xa9", b"a\x7f", b"a\tb", b"[1.2.3.4]", b"[::1%25eth0]", b"[:::]", b"[1::2::3]", b"[12345::]",
             b":80", b"a\x0bb", b"*:a", b"[::1]80"]


def hosts():
    for host in HOSTS_GOOD:
        yield "Host", request(host=b"Host: " + host + b"\r\n", start=b"GET / HTTP/1.1"), None
    for host in HOSTS_BAD:
        yield "Host", request(host=b"Host: " + host + b"\r\n", start=b"GET / HTTP/1.1"), BAD
        yield "Host in 1.0", request(host=b"Host: " + host + b"\r\n", start=b"GET / HTTP/1.0"), BAD
    for lines_ in (b"", b"Hos: a\r\n", b"X-Host: a\r\n", b"Host : a\r\n", b" Host: a\r\n", b"Host\r\n", b"Host a\r\n",
                   b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nX: y\r\nhOST: \r\n",
                   b"Host:\r\nHost: a\r\n", b"Host: a\r\n b\r\n", b"Host: a\r\nHost : b\r\n", b"Host\x00: a\r\n",
                   b"Host: a\x00\r\n"):
        yield "Host lines", request(host=lines_, start=b"GET / HTTP/1.1"), BAD
    yield "no Host in 1.0", request(host=b"", start=b"GET / HTTP/1.0"), None
    yield "two in 1.0", request(host=b"Host: a\r\nHost: a\r\n", start=b"GET / HTTP/1.0"), BAD


# ---- fields ----

def fields():
    for name in (b"X", b"x-y", b"!#$%&'*+-.^_`|~", b"9", b"X" * 300):
        for value in (b"", b"y", b"\"a\", b;c=\"\\\"\"", b"\xff\x80", b"a:b:c", b"a\tb", b"y" * 4000):
            yield "field", request(name + b": " + value), None
            yield "field without white space", request(name + b":" + value), None
            yield "field with white space", request(name + b": \t " + value + b" \t "), None
    for char in b"\"(),/:;<=>?@[\\]{}\x7f \t":
        yield "field name", request(b"X" + bytes([char]) + b"Y: z"), None if char == 0x3a else BAD
        yield "field name", request(bytes([char]) + b"Y: z"), BAD
    for line in (b":", b": y", b"X", b"X y", b"=", b"X\xc3\xa9: y", b"X;: y", b"X\r: y"):
        yield "no field", request(line), BAD
    for option in (b"close", b"Close", b"close, close", b"keep-alive", b"X-Secret", b"x-secret, close",
                   b"close\r\nConnection: X-Secret", b"Keep-Alive, X-Secret, Foo", b",, close", b"", b"Host",
                   b"Content-Length", b"Host, Content-Length, close",
                   b"TE", b"te, trailers", b"upgrade", b"Transfer-Encoding", b"Cookie", b"X-Forwarded-For"):
        yield "Connection", request(b"Connection: " + option, b"X-Secret: 1", b"Keep-Alive: 300", b"TE: trailers",
                                    b"Proxy-Connection: keep-alive", b"Cookie: c", b"Content-Length: 2",
                                    body=b"hi"), None
    for option in (b"a b", b"\"close\"", b"close;", b"a=b", b"close\x00", b"cl\xf6se", b"(close)", b"close/1"):
        yield "Connection", request(b"Connection: " + option), BAD
    for upgrade in (b"websocket", b"h2c", b"foo/2, bar", b"h2c, websocket", b""):
        yield "Upgrade", request(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + upgrade,
                                 b"HTTP2-Settings: AAMAAABkAAQAAP__", start=b"GET / HTTP/1.1"), None
        yield "Upgrade without its option", request(b"Upgrade: " + upgrade, start=b"GET / HTTP/1.1"), None
    for te in (b"trailers", b"gzip", b"trailers, deflate;q=0.5", b"chunked", b""):
        yield "TE", request(b"TE: " + te, b"Connection: TE"), None
    for expect in (b"100-continue", b"100-Continue", b"100-continue, x", b"x", b""):
        yield "Expect", request(b"Expect: " + expect, b"Content-Length: 2", body=b"hi"), None
    for n in (99, 100):
        yield "many fields", request(*(b"X-%d: y" % i for i in range(n - 1))), None
    yield "too many fields", request(*(b"X-%d: y" % i for i in range(200))), (431,)
    yield "a large field", request(b"X: " + b"y" * 14000), None
    yield "too large a field", request(b"X: " + b"y" * 40000), (431,)
    yield "too large a name", request(b"X" * 40000 + b": y"), (431,)
    yield "too long a target", request(start=b"GET /" + b"a" * 40000 + b" HTTP/1.1"), (414,)
    yield "too long a method", request(start=b"A" * 40000 + b" / HTTP/1.1"), (400, 414, 501)


# ---- pipelines ----

def pipelines(seed=7, count=60):
    rng = random.Random(seed)
    pool = [d for f in (framing, chunk_tricks, lines, hosts, fields, every_position) for _, d,
            s in f() if s is None and len(d) < 2000 and b"close" not in d.lower() and b"HTTP/1.0" not in d and
            b"CONNECT" not in d and b"Upgrade" not in d]
    hostile = [d for f in (framing, chunk_tricks) for _, d, s in f() if s == BAD and len(d) < 2000]
    for i in range(count):
        stream = b"".join(rng.choice(pool) for _ in range(rng.randrange(2, 9)))
        yield f"pipeline {i}", stream, None
        yield f"pipeline {i} with a hostile end", stream + rng.choice(hostile), "tail"


def requests():
    for part in (framing, chunk_tricks, every_position, lines, hosts, fields, pipelines):
        yield from part()


# ---- responses ----

RESPONSE = b"HTTP/1.1 200 OK\r\nX-Y: z w\r\nContent-Length: 3\r\n\r\n"
STATUS_BAD = [b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 X", b"HTTP/1.1 000 X", b"HTTP/1.1 0200 X",
              b"HTTP/1.1 -20 X", b"HTTP/1.1 +20 X", b"HTTP/1.1 2x0 X", b"HTTP/1.1 2 0 X", b"HTTP/1.1  200 OK",
              b"HTTP/1.1\t200 OK", b"HTTP/1.1 200\tOK",
              b" HTTP/1.1 200 OK", b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK", b"HTTP/1.10 200 OK",
              b"HTTP/1 200 OK", b"HTTP/11 200 OK", b"ICY 200 OK", b"200 OK", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 OK",
              b"HTTP/1.1 200.0 OK", b"HTTP/1.1 0x20 OK",
              b"HTTP/1.1 200OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 O\x01K",
              b"HTTP/1.1 200 OK\x7f", b"<html>", b"GET / HTTP/1.1", b"HTTP/1.1 \xb2\xb9\xb2 X", b"HTTP/1.1 ABC X",
              b"HTTP/1.1x200 OK", b"\x00HTTP/1.1 200 OK"]
STATUS_GOOD = [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200",
               b"HTTP/1.1 200 A long reason, with: \"all\" (kinds) \xe9", b"HTTP/1.1 299 X", b"HTTP/1.1 404 Not Found",
               b"HTTP/1.1 599 X", b"HTTP/1.1 600 X", b"HTTP/1.1 999 X", b"HTTP/1.2 200 OK", b"HTTP/1.0 200 OK",
               b"HTTP/1.1 200 \tOK", b"HTTP/1.1 206 Partial", b"HTTP/1.1 205 Reset"]


def responses():
    for start in STATUS_BAD:
        yield "status line", response(b"Content-Length: 2", body=b"hi", start=start), "bad"
    for start in STATUS_GOOD:
        yield "status line", response(b"Content-Length: 2", body=b"hi", start=start), "whole"
    for te in TE_OBSCURED:
        yield "coding obscured", response(te, body=CHUNKS), "bad"
        yield "coding obscured and length", response(te, b"Content-Length: 15", body=CHUNKS), "bad"
    for length in LENGTHS_BAD:
        yield "length", response(b"Content-Length: " + length, body=b"hello"), "bad"
    for length in LENGTHS_GOOD:
        yield "length", response(b"Content-Length: " + length, body=b"hello"), "whole"
        yield "length and bytes behind", response(b"Content-Length: " + length, body=b"hello" + RESPONSE +
                                                  b"bad"), "whole"
    yield "length and coding", response(b"Content-Length: 5", TE[:-2], body=CHUNKS), "bad"
    yield "coding in 1.0", response(TE[:-2], body=CHUNKS, start=b"HTTP/1.0 200 OK"), "bad"
    for body in CHUNKS_BAD:
        yield "chunks", response(TE[:-2], body=body), "bad"
    for body in CHUNKS_GOOD:
        yield "chunks", response(TE[:-2], body=body), "whole"
        yield "chunks and bytes behind", response(TE[:-2], body=body + RESPONSE + b"bad"), "whole"
        yield "chunks cut", response(TE[:-2], body=body[:-1]), "cut"
        yield "chunks cut", response(TE[:-2], body=body[:len(body) // 2]), "cut"
    yield "length cut", response(b"Content-Length: 6", body=b"hello"), "cut"
    yield "until close", response(body=b"hello"), "whole"
    yield "until close, nothing", response(), "whole"
    yield "until close in 1.0", response(b"Connection: keep-alive", body=b"hello", start=b"HTTP/1.0 200 OK"), "whole"
    for byte in (b"\r", b"\0"):
        for data in insertions(RESPONSE, byte):
            yield f"{byte!r} inserted", data + b"abc", "bad"
    for data in list(insertions(RESPONSE, b"\n"))[:-1]:
        yield "LF inserted", data + b"abc", "bad"
    for fold in (b"\r\n z", b"\r\n\tz", b"\r\n  Content-Length: 5", b"\r\n "):
        yield "obs-fold", RESPONSE.replace(b"z w", b"z w" + fold) + b"abc", "bad"
    for char in b"\"(),/;<=>?@[\\]{}\x7f \t\x80\xff":
        yield "field name", response(b"X" + bytes([char]) + b"Y: z", b"Content-Length: 0"), "bad"
    yield from statuses()
    for option in (b"close", b"keep-alive", b"X-Secret", b"x-secret, close", b"Content-Length", b"Set-Cookie"):
        yield "Connection", response(b"Connection: " + option, b"X-Secret: 1", b"Keep-Alive: timeout=5",
                                     b"Proxy-Connection: x", b"Upgrade: h2c", b"Content-Length: 2", body=b"hi"), "whole"
    for option in (b"a b", b"\"close\"", b"close;"):
        yield "Connection", response(b"Connection: " + option, b"Content-Length: 0"), "bad"
    yield "too many fields", response(*(b"X-%d: y" % i for i in range(200)), b"Content-Length: 0"), "limit"
    yield "too large a field", response(b"X: " + b"y" * 40000, b"Content-Length: 0"), "limit"
    yield "a large field", response(b"X: " + b"y" * 14000, b"Content-Length: 0"), "whole"
    yield "nothing", b"", "cut"
    for i in range(1, len(RESPONSE) - 1, 3):
        yield "half a head", RESPONSE[:i], "bad"


def statuses():
    final = response(b"Content-Length: 2", body=b"ok")
    for status in (b"100", b"102", b"103", b"150", b"199"):
        interim = response(b"Link: x", start=b"HTTP/1.1 " + status + b" X")
        yield "interim", interim + final, "whole"
        yield "interim twice", interim * 2 + final, "whole"
        yield "interim many times", interim * 150 + final, "whole"
        yield "interim and nothing", interim, "bad"
        yield "interim with a body", response(b"Content-Length: 2", body=b"hi", start=b"HTTP/1.1 " + status +
                                              b" X") + final, "bad"
        yield "interim in chunks", response(TE[:-2], body=CHUNKS, start=b"HTTP/1.1 " + status + b" X") + final, "bad"
        yield "interim and a bad one", interim + response(b"Content-Length: x"), "bad"
    yield "unasked 101", response(b"Connection: upgrade", b"Upgrade: websocket",
                                  start=b"HTTP/1.1 101 X") + b"frames", "bad"
    yield "unasked 101 without fields", response(start=b"HTTP/1.1 101 X"), "bad"
    yield "interim, then 101", response(start=b"HTTP/1.1 100 X") + response(b"Upgrade: x", b"Connection: upgrade",
                                                                            start=b"HTTP/1.1 101 X"), "bad"
    for start in (b"HTTP/1.1 204 No", b"HTTP/1.1 304 No"):
        yield "no body", response(start=start), "whole"
        yield "no body, bytes behind", response(start=start) + final, "whole"
        yield "no body, length 0", response(b"Content-Length: 0", start=start), "whole"
    yield "304 with the length of a 200", response(b"Content-Length: 500", b"ETag: x",
                                                   start=b"HTTP/1.1 304 No"), "whole"
    yield "204 with a length", response(b"Content-Length: 5", body=b"hello", start=b"HTTP/1.1 204 No"), "bad"
    yield "204 in chunks", response(TE[:-2], body=CHUNKS, start=b"HTTP/1.1 204 No"), "bad"
    yield "304 in chunks and length", response(TE[:-2], b"Content-Length: 5", start=b"HTTP/1.1 304 No"), "bad"
    yield "426 with Upgrade but without its option", response(b"Upgrade: foo", b"Content-Length: 0",
                                                              start=b"HTTP/1.1 426 Upgrade"), "whole"
    yield "426 without Upgrade", response(b"Connection: upgrade", b"Content-Length: 0",
                                          start=b"HTTP/1.1 426 Upgrade"), "whole"
    yield "426 with Upgrade", response(b"Upgrade: foo", b"Connection: upgrade", b"Content-Length: 0",
                                       start=b"HTTP/1.1 426 Upgrade"), "whole"
