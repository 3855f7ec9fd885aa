"""What is not of requests under load: memory, idle connections, starting, and the way that a miss takes."""
import statistics, time

import load, visitor
from servers import Server


def idle(name, tracker, count):
    """Bytes at rest, and for each idle connection that had its answer: plain, and through TLS."""
    told = {}
    for kind in ("plain", "tls"):
        # What one kind has given back would be room for the other.
        server, hit = Server(name, tracker.http), visitor.request()

        def connect():
            connection = visitor.Connection(*((server.https, visitor.tls()) if kind == "tls" else (server.http,)))
            connection.click(hit)
            return connection

        told["rest"] = server.memory()
        # What the first connections make once is not theirs.
        for _ in range(50):
            connect().close()
        time.sleep(1)
        before = server.memory()
        connections = [connect() for _ in range(count)]
        time.sleep(2)
        told[kind] = (server.memory() - before) / count
        for connection in connections:
            connection.close()
        server.stop()
    return told


def start(name, tracker):
    """Milliseconds from the program's start to its first redirect through TLS."""
    server, hit, context = Server(name, tracker.http, wait=False), visitor.request(), visitor.tls()
    while True:
        try:
            connection = visitor.Connection(server.https, context)
            break
        except OSError:
            if server.process.poll() is not None or time.perf_counter() - server.began > 30:
                raise SystemExit(f"{name} does not start:\n{(server.dir / 'said').read_text()}")
            time.sleep(0.0002)
    connection.click(hit)
    took = time.perf_counter() - server.began
    connection.close()
    server.stop()
    return took * 1000


def way_of_a_miss(names, tracker, count):
    """Microseconds that an answer of each server takes beyond the tracker's own, by the medians, on one connection each by turns."""
    servers = {name: Server(name, tracker.http) for name in names}
    connections = {name: visitor.Connection(server.http) for name, server in servers.items()}
    direct, call = visitor.Connection(tracker.http), visitor.request(target="/api/click/create?user_ip=192.0.2.1")
    times = {name: [] for name in ["tracker", *names]}
    for number in range(count):
        began = time.perf_counter()
        direct.ask(call)
        times["tracker"].append(time.perf_counter() - began)
        hit = visitor.request(visitor.another(load.strangers + number))
        for name in names:
            began = time.perf_counter()
            connections[name].click(hit)
            times[name].append(time.perf_counter() - began)
    load.strangers += count
    for server in servers.values():
        server.stop()
    medians = {name: 1e6 * statistics.median(each) for name, each in times.items()}
    return {"tracker": medians["tracker"], **{name: medians[name] - medians["tracker"] for name in names}}
