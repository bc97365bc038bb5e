"""The arithmetic of links: netlab's words, goodput, and the least time."""

import unittest

from hfbench import link

LISTING = """\
lan          1 Gbit/s, 0.2 ms RTT
             gso=on delay=0.1ms rate=1gbit queue=1M
cn-mirror    200 Mbit/s, 180 ms RTT, 1% loss: a far mirror over a lossy border
             delay=90ms jitter=4ms down.loss=0.01 up.loss=0.002 rate=200mbit queue=2M
mobile       20 Mbit/s, 100 ms RTT, much jitter, short loss bursts, deep queue
             delay=50ms jitter=30ms down.burst_enter=0.001 down.burst_leave=0.3 rate=20mbit up.rate=5mbit queue=1M
outage       100 Mbit/s, 60 ms RTT; the link is dead 20 s out of each 60 s, first 5 s after the start
             delay=30ms jitter=1ms down.loss=0.0005 rate=100mbit queue=1M down_every=60s down_for=20s down_after=5s
"""


class Links(unittest.TestCase):
    def setUp(self):
        self.links = {name: link.parse(settings) for name, settings in link.profiles(LISTING).items()}

    def test_units(self):
        self.assertEqual(link.quantity("200mbit", link.RATE_UNITS), 25e6)
        self.assertEqual(link.quantity("2MB/s", link.RATE_UNITS), 2e6)
        self.assertEqual(link.quantity("80", link.RATE_UNITS), 10)
        self.assertAlmostEqual(link.quantity("0.1ms", link.TIME_UNITS), 1e-4)

    def test_goodput_is_the_rate_without_headers_and_what_is_lost(self):
        found = {name: round(own.goodput / 1e6, 2) for name, own in self.links.items()}
        self.assertEqual(found, {"lan": 120.67, "cn-mirror": 23.89, "mobile": 2.41, "outage": 12.06})

    def test_a_round_trip_is_the_delay_twice(self):
        self.assertAlmostEqual(link.parse("delay=90ms jitter=4ms rate=200mbit").round_trip, 0.18)

    def test_the_other_direction_does_not_count_and_later_words_win(self):
        self.assertEqual(self.links["mobile"].rate, 2.5e6)
        self.assertEqual(link.parse("rate=1mbit rate=2mbit up.rate=9mbit up.loss=0.5"), link.Link(rate=250e3))

    def test_outages_are_added_to_the_least_time(self):
        outage = self.links["outage"]
        self.assertAlmostEqual(link.ideal_seconds(int(4 * outage.goodput), [outage]), 4, places=4)
        self.assertAlmostEqual(link.ideal_seconds(int(10 * outage.goodput), [outage]), 30, places=4)
        # 5 s, then 40 s of each minute: 50 s of sending have two outages and a third before the end.
        self.assertAlmostEqual(link.ideal_seconds(int(50 * outage.goodput), [outage]), 90, places=4)

    def test_two_links_add_up_and_no_limit_has_no_least_time(self):
        lan = self.links["lan"]
        self.assertAlmostEqual(link.ideal_seconds(int(2 * lan.goodput), [lan, lan]), 1, places=4)
        self.assertIsNone(link.ideal_seconds(1, [lan, link.Link()]))
