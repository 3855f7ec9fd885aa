"""httplint on every kind of answer. Prints a line for each with what is wrong; ends with 1 if httplint says BAD or WARN and
that is not in ACCEPTED, or if the answer is not of the kind that is meant. `-v` shows the answers too.

lint.py http=PORT https=PORT admin=PORT configuration=FILE other=PORT other_admin=PORT other_pid=PID

The first edge's configuration is broken for a reload and mended again; the other one has `[unmatched] redirect`, and is stopped
at the end to see what it answers then."""

import os
import signal
import socket
import ssl
import sys
import time

from httplint.message import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

# What httplint says (the class of its note) and may say, and why.
ACCEPTED = {
    "STATUS_BAD_REQUEST": "said of every 400",
    "STATUS_URI_TOO_LONG": "said of every 414",
}
BROWSER = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
BOT = "User-Agent: facebookexternalhit/1.1"
GIVEN = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
HTTP, HTTPS, ADMIN, OTHER, OTHER_ADMIN = (int(GIVEN[name]) for name in ("http", "https", "admin", "other", "other_admin"))
CONFIGURATION = GIVEN["configuration"]
CLICK = "https://advertiser.example/?click_id="
PREVIEW = "https://advertiser.example/preview"
TRAFFICBACK = "https://my-site.example/?why="

KINDS = [
    # what it is, the port, the request, the status, what its Location begins with
    ("traffic URL", HTTP, f"GET /shoes|{BROWSER}", 302, CLICK),
    ("traffic URL, HTTP/1.0", HTTP, f"GET /shoes HTTP/1.0|{BROWSER}", 302, CLICK),
    ("traffic URL, through TLS", HTTPS, f"GET /shoes|{BROWSER}", 302, CLICK),
    ("trafficback", HTTP, f"GET /inactive|{BROWSER}", 302, TRAFFICBACK + "offer_inactive"),
    ("no User-Agent", HTTP, "GET /shoes", 302, TRAFFICBACK + "no_user_agent"),
    ("tracking", HTTP, f"GET /broken|{BROWSER}", 302, "https://tracker.example/c/816"),
    ("preview, HEAD", HTTP, f"HEAD /shoes|{BROWSER}", 302, PREVIEW),
    ("preview, bot", HTTP, f"GET /shoes|{BOT}", 302, PREVIEW),
    ("unmatched, redirect", OTHER, f"GET /none|{BROWSER}", 302, "https://my-site.example/"),
    ("unmatched", HTTP, f"GET /none|{BROWSER}", 404, None),
    ("unmatched, HEAD", HTTP, f"HEAD /none|{BROWSER}", 404, None),
    ("prefetch", HTTP, f"GET /shoes|{BROWSER}|Sec-Purpose: prefetch", 503, None),
    ("POST", HTTP, f"POST /shoes|{BROWSER}|Content-Length: 0", 405, None),
    ("OPTIONS", HTTP, f"OPTIONS /shoes|{BROWSER}", 405, None),
    ("a body that is expected", HTTP, f"GET /shoes|{BROWSER}|Content-Length: 5|Expect: 100-continue", 302, CLICK),
    ("two Hosts", HTTP, f"GET /shoes|{BROWSER}|Host: localhost", 400, None),
    ("a bad escape", HTTP, f"GET /%zz|{BROWSER}", 400, None),
    ("no HTTP", HTTP, f"GET /shoes HTTP/1.1 x|{BROWSER}", 400, None),
    ("a name with a space", HTTP, f"GET /shoes|{BROWSER}|a b: c", 400, None),
    ("Transfer-Encoding", HTTP, f"GET /shoes|{BROWSER}|Transfer-Encoding: chunked", 400, None),
    ("a long target", HTTP, f"GET /{'a' * 9000}|{BROWSER}", 414, None),
    ("a target longer than a head", HTTP, f"GET /{'a' * 70000}|{BROWSER}", 431, None),
    ("many fields", HTTP, f"GET /shoes|{BROWSER}|" + "|".join(f"a{n}: b" for n in range(80)), 431, None),
    ("more fields than that", HTTP, f"GET /shoes|{BROWSER}|" + "|".join(f"a{n}: b" for n in range(400)), 431, None),
    ("a long field", HTTP, f"GET /shoes|{BROWSER}|a: {'b' * 20000}", 431, None),
    ("a host without a certificate", HTTPS, f"GET /shoes|{BROWSER}|!Host: other.example", 421, None),
    ("traffic advice", HTTP, "GET /.well-known/traffic-advice", 200, None),
    ("traffic advice, HEAD", HTTP, "HEAD /.well-known/traffic-advice", 200, None),
    ("admin /healthz", ADMIN, "GET /healthz", 200, None),
    ("admin /healthz, HEAD", ADMIN, "HEAD /healthz", 200, None),
    ("admin /readyz", ADMIN, "GET /readyz", 200, None),
    ("admin /metrics", ADMIN, "GET /metrics", 200, None),
    ("admin /metrics, OpenMetrics", ADMIN, "GET /metrics|Accept: application/openmetrics-text", 200, None),
    ("admin POST /metrics", ADMIN, "POST /metrics|Content-Length: 0", 405, None),
    ("admin /none", ADMIN, "GET /none", 404, None),
    ("admin GET /reload", ADMIN, "GET /reload", 405, None),
    ("admin POST /reload of a page", ADMIN, "POST /reload|Content-Length: 0|Origin: https://x.example", 403, None),
    ("admin POST /reload", ADMIN, "POST /reload|Content-Length: 0", 200, None),
    ("admin, no HTTP", ADMIN, "GET /healthz HTTP/1.1 x", 400, None),
]


def ask(port, request):
    """The request's lines as they are sent, and the answer's bytes and status."""
    line, *fields = request.split("|")
    if " HTTP/" not in line:
        line += " HTTP/1.1"
    hosts = [field[1:] for field in fields if field.startswith("!")] or [f"Host: localhost:{port}"]
    fields = hosts + [field for field in fields if not field.startswith("!")] + ["Connection: close"]
    stream = socket.create_connection(("127.0.0.1", port), timeout=10)
    if port == HTTPS:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream = context.wrap_socket(stream, server_hostname="localhost")
    with stream:
        try:
            stream.sendall("\r\n".join([line, *fields, "", ""]).encode())
        except OSError:
            pass  # it may be answered before all of it is said
        answer = b""
        while True:
            try:
                read = stream.recv(1 << 16)
            except ConnectionResetError:
                break
            if not read:
                return line, fields, answer
            answer += read
    return line, fields, answer


def lint(line, fields, answer):
    """httplint's notes on the answer, knowing the request."""
    method, target, version = line.split(" ", 2)
    request, response = HttpRequestLinter(start_time=time.time()), HttpResponseLinter(start_time=time.time())
    split = lambda lines: [tuple(part.strip().encode("latin-1") for part in line.split(":", 1)) for line in lines]
    request.process_request_topline(method.encode(), target.encode(), version.removeprefix("HTTP/").encode())
    request.process_headers(split(fields))
    request.finish_content(True)
    response.request = request
    response.is_head_response = method == "HEAD"
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    version, code, *phrase = status.split(" ", 2)
    response.process_response_topline(version.removeprefix("HTTP/").encode(), code.encode(), "".join(phrase).encode())
    response.process_headers(split(lines))
    if body:
        response.feed_content(body)
    response.finish_content(True)
    return [note for one in response.notes for note in (one, *one.subnotes)]


def faults(line, fields, answer, status, location):
    """What is wrong with an answer, in words."""
    head = answer.split(b"\r\n\r\n")[0].decode("latin-1")
    if not head.startswith((f"HTTP/1.1 {status} ", f"HTTP/1.0 {status} ")):
        return [f"not {status}: {head[:40]!r}"]
    if location and f"\r\nlocation: {location}" not in head:
        return [f"not to {location}: {head!r}"]
    notes = [note for note in lint(line, fields, answer) if note.level in (levels.BAD, levels.WARN)]
    return [f"{note.level.name} {type(note).__name__}: {note.summary}" for note in notes if type(note).__name__ not in ACCEPTED]


def check(what, port, request, status, location):
    line, fields, answer = ask(port, request)
    wrong = faults(line, fields, answer, status, location)
    print(f"  {what:32} {status}  {'; '.join(wrong) or 'well'}")
    if "-v" in sys.argv:
        print("      " + answer.decode("latin-1")[:600].strip().replace("\n", "\n      "))
    return bool(wrong)


def main():
    failed = sum(check(*kind) for kind in KINDS)

    with open(CONFIGURATION) as file:
        good = file.read()
    with open(CONFIGURATION, "w") as file:
        file.write(good.replace("[defaults]", "[faults]"))
    failed += check("admin POST /reload, a mistake", ADMIN, "POST /reload|Content-Length: 0", 422, None)
    with open(CONFIGURATION, "w") as file:
        file.write(good)

    # Somebody who is still speaking keeps an edge from its end.
    with socket.create_connection(("127.0.0.1", OTHER)) as speaking:
        speaking.sendall(b"GET /shoes HTTP/1.1\r\n")
        time.sleep(0.2)
        os.kill(int(GIVEN["other_pid"]), signal.SIGTERM)
        time.sleep(0.2)
        failed += check("admin /readyz, stopping", OTHER_ADMIN, "GET /readyz", 503, None)
        failed += check("admin POST /reload, stopping", OTHER_ADMIN, "POST /reload|Content-Length: 0", 503, None)
    return 1 if failed else 0


sys.exit(main())
