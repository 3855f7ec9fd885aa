"""Follows the edge's redirect with one of Python's clients: prints the edge's answer and the page at which it ends.

python3 follow.py http.client|urllib|requests|httpx|httpx-http2|BROWSER URL USER_AGENT CERTIFICATES

BROWSER is one that curl_cffi plays the part of: its handshake, its settings of HTTP/2, its order of headers."""

import http.client
import ssl
import sys
import urllib.parse
import urllib.request

how, url, agent, certificates = sys.argv[1:]
headers = {"User-Agent": agent}

if how == "http.client":

    def get(url):
        parts = urllib.parse.urlsplit(url)
        context = ssl.create_default_context(cafile=certificates)
        connection = http.client.HTTPSConnection(parts.netloc, context=context)
        connection.request("GET", f"{parts.path}?{parts.query}".rstrip("?"), headers=headers)
        return connection.getresponse()

    edge = get(url)
    print(f"HTTP/{edge.version / 10} {edge.status}")
    edge.read()
    print(get(edge.headers["location"]).read().decode())
elif how == "urllib":
    context = ssl.create_default_context(cafile=certificates)
    print(urllib.request.urlopen(urllib.request.Request(url, headers=headers), context=context).read().decode())
elif how == "requests":
    import requests

    end = requests.get(url, headers=headers, verify=certificates)
    print(f"HTTP/{end.history[0].raw.version / 10} {end.history[0].status_code}")
    print(end.text)
elif how.startswith("httpx"):
    import httpx

    context = ssl.create_default_context(cafile=certificates)
    with httpx.Client(http2=how == "httpx-http2", verify=context, follow_redirects=True) as client:
        end = client.get(url, headers=headers)
    print(f"{end.history[0].http_version} {end.history[0].status_code}")
    print(end.text)
else:
    from curl_cffi import requests

    browser = requests.Session(impersonate=how, verify=certificates, headers=headers)
    edge = browser.get(url, allow_redirects=False)
    print(f"HTTP/{'2' if edge.http_version == 3 else '1.1'} {edge.status_code}")  # 3 is curl's word for HTTP/2
    print(browser.get(edge.headers["location"]).text)
