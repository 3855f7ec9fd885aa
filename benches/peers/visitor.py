"""A visitor over sockets: one connection, one request after the other, each answer looked at."""
import os, socket, ssl

HOST = "localhost"
TARGET = "/shoes?utm_source=ad"
IP = "192.0.2.1"
# From no country of the link's.
UNWANTED = "10.0.0.1"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
# What a browser sends when an ad is clicked. Servers differ in what a field costs them, so that fewer make another comparison.
BROWSER = {
    "sec-ch-ua": '"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Windows"',
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": AGENT,
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Referer": "https://news.example/",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "de-AT,de;q=0.9,en;q=0.8",
}
HEADERS = {"User-Agent": AGENT} if os.environ.get("HEADERS") == "few" else BROWSER
CLICK = "be4991fe-ea59-5a5e-9931-6240eb0c8775"
LOCATION = f"https://advertiser.example/?click_id={CLICK}\r\n"
TRAFFICBACK = "https://my-site.example/deals?why="


def another(number):
    """One of sixteen million visitors, whom the database of places knows; 127.0.0.1 is none, but the proxy."""
    assert number < 255 << 16
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def request(ip=IP, target=TARGET, host=HOST):
    fields = {"Host": host, **HEADERS, "X-Forwarded-For": ip}
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def tls():
    """What connections through TLS are made with, beside conf/clients.cnf."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context


def check_cipher(port):
    """Another cipher would be another comparison."""
    connection = Connection(port, tls())
    if connection.socket.cipher()[0] != "TLS_AES_128_GCM_SHA256":
        raise SystemExit(f"another cipher: {connection.socket.cipher()}")
    connection.close()


def check(head, wanted=True):
    """Another answer would be another comparison."""
    if not head.startswith(b"HTTP/1.1 302 ") or (LOCATION if wanted else TRAFFICBACK).encode() not in head:
        raise SystemExit(f"another redirect: {head}" if wanted else f"no trafficback: {head}")


class Connection:
    def __init__(self, port, context=None, session=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=HOST, session=session)

    def ask(self, request):
        self.socket.sendall(request)
        return self.answer()

    def answer(self):
        """An answer's head; its body is read too."""
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self.more()
        head = answer[: end + 2]
        at = head.lower().find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(answer) < end + 4 + length:
            answer += self.more()
        return head

    def click(self, request):
        self.socket.sendall(request)
        self.clicked()

    def clicked(self):
        check(self.answer())

    def more(self):
        piece = self.socket.recv(16384)
        if not piece:
            raise SystemExit("the server closed a connection")
        return piece

    def close(self):
        self.socket.close()


def new_connections(port, resumed, count):
    """One connection for each hit. Whether a session was resumed is asked of each; the newest ticket is shown, as browsers do."""
    context, session, hit = tls(), None, request()
    if resumed:
        first = Connection(port, context)
        first.click(hit)
        session = first.socket.session
        first.close()
    for _ in range(count):
        connection = Connection(port, context, session)
        connection.click(hit)
        if connection.socket.session_reused is not resumed:
            raise SystemExit(f"a session was {'not ' if resumed else ''}resumed")
        if resumed:
            session = connection.socket.session
        connection.close()


def percentiles(times):
    """p50, p99 and p99.9 in milliseconds, of seconds."""
    times = sorted(times)
    return [1000 * times[min(len(times) - 1, int(len(times) * share))] for share in (0.5, 0.99, 0.999)]
