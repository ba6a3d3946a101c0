"""GET / counts the notes, POST / keeps one, GET /slow takes five seconds. SIGTERM: finish what is in hand, then end."""

import http.server
import os
import queue
import signal
import socketserver
import threading
import time

import psycopg

CONNECTIONS = 6
pool: queue.SimpleQueue[psycopg.Connection] = queue.SimpleQueue()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(5)
        self._say(f"{os.environ['NOTES']} {self._ask('SELECT count(*) FROM note')}")

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._say(f"{os.environ['NOTES']} {self._ask('INSERT INTO note (text) VALUES (%s) RETURNING id', text)}")

    def _ask(self, statement: str, *values: str) -> int:
        connection = pool.get()
        try:
            return connection.execute(statement, values).fetchone()[0]
        finally:
            pool.put(connection)

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def address_string(self) -> str:
        return "edge"

    def log_message(self, *_: object) -> None:
        """The edge keeps the access log."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False
    request_queue_size = 128


for _ in range(CONNECTIONS):  # before anybody is let in, as servers do
    pool.put(psycopg.connect(os.environ["DATABASE_URL"], autocommit=True))
with Server(os.environ["GREENROOM_SOCKET"], Answer) as server:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.05)
