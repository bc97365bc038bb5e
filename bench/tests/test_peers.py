"""How peers are called, how one is measured, and the yardstick that only receives."""

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from unittest import mock

from hfbench import attempts, machine, peers, raw, received, runs

TOOLS = peers.Tools(pathlib.Path("/opt/hf fast/hfast"), pathlib.Path("/opt/peers"))
JOB = peers.Job("slow", ("model-1.safetensors", "data/part.json"), "server", pathlib.Path("/tmp/to"), 99)


class Scripts(unittest.TestCase):
    def test_every_script_is_right_bash_and_names_the_repository(self):
        for tool in ["hfast", "raw-8", "mine=/opt/hfast -x 64", *peers.PEERS, *peers.ON_LOOPBACK]:
            with self.subTest(tool):
                text = peers.script(tool, TOOLS, JOB)
                subprocess.run(["bash", "-n"], input=text, text=True, check=True)
                self.assertIn("slow", text)
                self.assertTrue(peers.program(tool, TOOLS))

    def test_hfast_and_the_second_server(self):
        self.assertEqual(
            peers.script("hfast", TOOLS, JOB),
            "exec '/opt/hf fast/hfast' download lab/slow --endpoint http://server:8000 --local-dir /tmp/to -q"
            " >/dev/null\n",
        )
        two = peers.Job(**{**vars(JOB), "second_host": "server2"})
        self.assertIn("-q --source http://server2:8000 -x 64", peers.script("mine=/opt/hfast -x 64", TOOLS, two))
        self.assertEqual(peers.label("mine=/opt/hfast -x 64"), "mine")

    def test_the_programs_of_one_address_get_every_file(self):
        text = peers.script("wget", TOOLS, JOB)
        self.assertIn(
            "one http://server:8000/lab/slow/resolve/main/data/part.json /tmp/to/data/part.json /tmp/to/data", text
        )

    def test_the_work_of_a_shells_children_is_read(self):
        said = subprocess.run(
            ["bash", "-c", "(for i in {1..200000}; do :; done); times"], capture_output=True, text=True, check=True
        )
        self.assertGreater(runs.worked_s(said.stdout), 0.0)
        self.assertAlmostEqual(runs.worked_s("0m9.000s 0m9.000s\n1m2.500s 0m0.250s\n"), 62.75)

    def test_the_bytes_that_curl_brought_are_hashed(self):
        text = peers.script(peers.CURL_THEN_SHA256, TOOLS, JOB)
        self.assertIn("END\n) && exec openssl dgst -sha256 /tmp/to/model-1.safetensors /tmp/to/data/part.json >", text)

    def test_the_quick_set_exists(self):
        self.assertLessEqual(set(peers.QUICK), {"hfast", *peers.PEERS})


@unittest.skipUnless(shutil.which("time"), "needs GNU time")
class Attempts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.script = pathlib.Path(folder.name) / "peer.sh"

    def run_script(self, text, limit=20.0):
        self.script.write_text(text)
        with mock.patch.object(attempts, "PAUSE_S", 0.01), mock.patch.object(attempts, "GRACE_S", 0.2):
            previous = attempts.signal.signal(attempts.signal.SIGALRM, attempts.raise_timeout)
            self.addCleanup(attempts.signal.signal, attempts.signal.SIGALRM, previous)
            return attempts.until_success(self.script, limit)

    def test_attempts_are_counted_until_one_succeeds(self):
        found = self.run_script('echo no >&2; printf x >> "$0.n"; [ "$(cat "$0.n")" = xxx ]\n')
        self.assertEqual(
            (found["attempts"], found["succeeded"], found["in_time"], found["stderr"]), (3, True, True, "no\n")
        )

    def test_the_memory_is_that_of_the_peer_and_not_of_python(self):
        self.assertLess(self.run_script("exec true\n")["rss_kib"], 8 * 1024)

    def test_processor_time_of_children_is_counted(self):
        found = self.run_script("bash -c 'for ((i = 0; i < 200000; i++)); do :; done'\nexit 0\n")
        self.assertGreater(found["user_s"], 0.05)

    def test_at_the_limit_the_whole_group_is_ended_and_still_measured(self):
        before = time.monotonic()
        found = self.run_script("trap '' INT; sleep 60 & sleep 60; sleep 60\n", limit=0.3)
        self.assertLess(time.monotonic() - before, 10)
        self.assertEqual((found["succeeded"], found["in_time"], found["attempts"]), (False, False, 1))
        self.assertAlmostEqual(found["wall_s"], 0.3, delta=0.2)
        self.assertGreater(self.run_script("exec sleep 60\n", limit=0.3)["rss_kib"], 0)

    def test_a_background_job_is_ended_by_an_interrupt_too(self):
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.SIG_IGN))
        self.assertGreater(self.run_script("exec sleep 60\n", limit=0.3)["rss_kib"], 0)


class Received(unittest.TestCase):
    def test_only_what_came_from_the_hub_counts(self):
        listing = """\
State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
UNCONN 0      0          10.77.0.2:34824    10.77.0.1:8000 wscale:10,7 bytes_acked:890 bytes_received:126144 segs_out:59
ESTAB  9      0          [::ffff:10.77.0.2]:4 [::ffff:10.77.0.1]:8001 cubic wscale:10,7 bytes_received:856 segs_out:3597
UNCONN 0      0          10.77.0.2:51384    10.77.0.1:8001 wscale:10,7 bytes_acked:1 segs_out:2 segs_in:2
UNCONN 0      0          127.0.0.1:8001     127.0.0.1:51384 wscale:10,7 bytes_received:555 segs_out:2 segs_in:2
"""
        self.assertEqual(received.total(listing), 127_000)


class Raw(unittest.TestCase):
    def test_a_closed_connection_is_dialled_again_until_enough_has_been_read(self):
        server = socket.create_server(("127.0.0.1", 0))
        served = []

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    served.append(connection.recv(1000).split(b"\r\n")[0])
                    connection.sendall(b"x" * 1000)

        threading.Thread(target=serve, daemon=True).start()
        raw.receive(server.getsockname(), "/file", 3, 10_000)
        server.close()
        self.assertGreaterEqual(len(served), 10)
        self.assertEqual(set(served), {b"GET /file HTTP/1.1"})


class Machine(unittest.TestCase):
    def test_what_is_read_of_programs_and_processor(self):
        self.assertEqual(machine.version("nginx version: nginx/1.22.1"), "1.22.1")
        self.assertEqual(machine.version("\x1b[32mhf version\x1b[0m\n  version: 2.4.0"), "2.4.0")
        self.assertEqual(machine.version(machine.said(["/no/such/program"])), "unknown")
        self.assertEqual(machine.processor("flags: x\nmodel name\t: AMD EPYC\nmodel name\t: other\n"), "AMD EPYC")
