"""One flood against a server on this machine: attacker.py NAME PORT SECONDS COUNT ADDRESSES.

Opens COUNT connections to 127.0.0.1, spread over ADDRESSES source addresses from 127.0.0.2 on, and
attacks until SECONDS are over or standard input ends. Prints "attacking", and at the end what was
sent and received. Python, because Deno needs five times as long to send a byte.
"""

import errno
import os
import select
import socket
import sys
import time

NAME, PORT, SECONDS, COUNT, ADDRESSES = sys.argv[1], *map(int, sys.argv[2:])
PROGRESS = {"connections": 0, "requests": 0, "sent": 0, "received": 0, "lost": 0}
IP_BIND_ADDRESS_NO_PORT = 24
# Bytes of a segment of Ethernet. With those of the loopback interface, 64 KiB, the server's kernel
# buffers 2.6 MB for each connection, until the memory of all sockets is used up.
SEGMENT = 1460
# The kernel's least: a reader that reads little must not have megabytes in its own buffer.
SMALL_BUFFER = 4096


def connect(index, receive_buffer=None):
    """A connected socket that does not block, and sends each byte at once."""
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.0.{2 + index % ADDRESSES}", 0))
    client.settimeout(max(0.1, END - time.monotonic()))
    client.connect(("127.0.0.1", PORT))
    client.setblocking(False)
    PROGRESS["connections"] += 1
    return client


def is_over():
    return time.monotonic() >= END or bool(select.select([sys.stdin], [], [], 0)[0])


def receive(client, size=65536):
    """Bytes received: -1 for none yet, 0 for the end."""
    try:
        count = len(client.recv(size))
    except BlockingIOError:
        return -1
    except OSError:
        return 0
    PROGRESS["received"] += count
    return count


def send(client, data):
    """Bytes sent, 0 while the server reads nothing, or None where the connection is lost."""
    try:
        count = client.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return None
    PROGRESS["sent"] += count
    return count


def get(path, *fields):
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return "\r\n".join(lines).encode()


def read_slowly(request):
    """Asks for something large, and reads a little of it each second."""
    clients = []
    for index in range(COUNT):
        clients.append(connect(index, SMALL_BUFFER))
        send(clients[-1], request)
        PROGRESS["requests"] += 1
        if is_over():
            return
    while not is_over():
        begin = time.monotonic()
        for client in list(clients):
            if receive(client, 2048) == 0:
                PROGRESS["lost"] += 1
                client.close()
                clients.remove(client)
        while time.monotonic() < begin + 1 and not is_over():
            time.sleep(0.05)


def ask_again_and_again(request):
    """Reads each response as fast as it comes, and asks again. The end is seen by its length."""
    poll = select.epoll()
    clients, left = {}, {}
    for index in range(COUNT):
        client = connect(index)
        clients[client.fileno()], left[client.fileno()] = client, Response()
        poll.register(client.fileno(), select.EPOLLIN)
        send(client, request)
        PROGRESS["requests"] += 1
    while not is_over():
        for number, _ in poll.poll(0.1):
            client, response = clients[number], left[number]
            try:
                data = client.recv(1 << 18)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            PROGRESS["received"] += len(data)
            if data == b"":
                PROGRESS["lost"] += 1
                poll.unregister(number)
                client.close()
            elif response.ends_with(data):
                left[number] = Response()
                send(client, request)
                PROGRESS["requests"] += 1


class Response:
    """Finds the end of one response with a Content-Length, or in chunks."""

    def __init__(self):
        self.head = b""
        self.missing = None
        self.tail = b""

    def ends_with(self, data):
        if self.missing is None and self.tail == b"":
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            head, data = self.head[:end].lower(), self.head[end + 4:]
            self.head = b""
            at = head.find(b"content-length:")
            if at >= 0:
                self.missing = int(head[at + 15:].split(b"\r\n", 1)[0])
            else:
                self.tail = b"-"
        if self.missing is not None:
            self.missing -= len(data)
            return self.missing <= 0
        self.tail = (self.tail + data)[-7:]
        return self.tail == b"\r\n0\r\n\r\n"


def send_repeatedly(parts, size_of_piece, reads):
    """Sends the bytes that `parts(index)` yields, for ever, and reads what comes if it `reads`."""
    clients = [connect(index) for index in range(COUNT)]
    pending = [[client, parts(index), b""] for index, client in enumerate(clients)]
    while not is_over() and pending:
        has_sent = False
        for entry in list(pending):
            client, source, data = entry
            if not data:
                data = next(source)
            count = send(client, data[:size_of_piece] if size_of_piece else data)
            if count is None:
                PROGRESS["lost"] += 1
                pending.remove(entry)
                client.close()
                continue
            has_sent = has_sent or count > 0
            entry[2] = memoryview(data)[count:]
            if reads:
                receive(client, 4096)
        if not has_sent:
            time.sleep(0.002)


def heads(_):
    head = get("/echo/head", *(f"X-Padding-{at}: {'x' * 960}" for at in range(30)))
    while True:
        yield head
        PROGRESS["requests"] += 1


def uploads(index):
    yield (f"PUT /files/upload-{index} HTTP/1.1\r\nHost: localhost\r\n"
           "Transfer-Encoding: chunked\r\n\r\n").encode()
    for _ in range(1000):
        yield b"1\r\nx\r\n" * 10_000
    PROGRESS["requests"] += 1
    yield b"0\r\n\r\n"
    yield from uploads(index)


def pipelines(_):
    """A million requests in all."""
    for _ in range(1_000_000 // COUNT // 100):
        yield get("/echo/pipelined") * 100
        PROGRESS["requests"] += 100
    while True:
        time.sleep(0.001)
        yield b""


def begin_handshakes():
    """Sends nothing on every other connection, and on the others the beginning of a ClientHello."""
    clients = []
    for index in range(COUNT):
        clients.append(connect(index))
        if index % 2 == 0:
            send(clients[-1], bytes.fromhex("1603010200010001fc0303"))
        if is_over():
            return
    while not is_over():
        time.sleep(0.05)


def ranges(count):
    step = (1 << 20) // count
    return "Range: bytes=" + ",".join(f"{at * step}-{at * step}" for at in range(count))


FLOODS = {
    "slow-readers": lambda: read_slowly(get("/files/large")),
    "slow-heads": lambda: send_repeatedly(heads, 1, True),
    "many-ranges": lambda: ask_again_and_again(get("/files/medium", ranges(50))),
    "too-many-ranges": lambda: ask_again_and_again(get("/files/medium", ranges(100))),
    "brotli": lambda: ask_again_and_again(get("/files/text-64k.txt", "Accept-Encoding: br")),
    "compressors": lambda: read_slowly(get("/files/text.txt", "Accept-Encoding: gzip")),
    "listing": lambda: ask_again_and_again(get("/files/many/")),
    "slow-listing": lambda: read_slowly(get("/files/many/")),
    "one-byte-chunks": lambda: send_repeatedly(uploads, 0, True),
    "unread-pipelines": lambda: send_repeatedly(pipelines, 0, False),
    "handshakes": begin_handshakes,
}

# An attacker is another machine: it must not take the processor from the server or the client.
os.nice(19)
END = time.monotonic() + SECONDS
print("attacking", flush=True)
try:
    FLOODS[NAME]()
except OSError as error:
    # Out of time while connecting: the server's backlog is full, or it has reset the connection.
    if error.errno not in (None, errno.ECONNRESET, errno.EINPROGRESS):
        raise
print(" ".join(f"{count} {name}" for name, count in PROGRESS.items()), flush=True)
