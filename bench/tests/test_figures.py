"""From runs to figures, goals and tables, and the choice of rows and runs."""

import unittest

from hfbench import goals, peers, plan, rows, summary, tables
from hfbench.goals import Goal


def run(row="throttled", tool="hfast", wall=10.0, complete=True, **other):
    network = {
        key: getattr(rows.NAMED[row], key) for key in ("profile", "cc", "repo", "changes", "second", "corrupt", "limit")
    }
    return {
        "row": row,
        "tool": tool,
        "wall_s": wall,
        "complete": complete,
        "in_time": complete,
        "useful_bytes": 10**9,
        "received_bytes": 1_020_000_000,
        "wire_bytes": 1_090_000_000,
        "user_s": 1.5,
        "system_s": 0.5,
        "rss_kib": 20 * 1024,
        "attempts": 1,
        "late_share": 0.0,
        "busy_s": 1.0,
        "ideal_s": 9.6,
        "round_trip_s": 0.2,
        "network": network,
        **other,
    }


class Summary(unittest.TestCase):
    def test_medians_are_those_of_complete_runs(self):
        runs = [run(wall=wall) for wall in (12.0, 9.0, 10.0)] + [run(wall=120.0, complete=False, rss_kib=10**6)]
        own = summary.Results(runs).hfast("throttled")
        self.assertEqual((own.wall_s, own.complete, len(own.walls), own.all_complete), (10.0, 3, 4, False))
        self.assertEqual((own.cpu_s_per_gb, own.rss_mib, own.traffic), (2.0, 20.0, 1.02))
        self.assertEqual(own.wire, 1.09)

    def test_a_tool_that_never_completes_has_no_time(self):
        results = summary.Results([run(tool="curl", wall=wall, complete=False) for wall in (100.0, 120.0)])
        self.assertIsNone(results.peers("throttled")[0].wall_s)
        self.assertIsNone(results.best_peer_s("throttled"))
        self.assertEqual(results.at_least_s("throttled", "curl"), 120.0)

    def test_hfast_itself_goes_before_a_build_with_a_name(self):
        results = summary.Results([run(tool="old=/x/hfast", wall=5.0), run(wall=7.0), run(tool="raw-8", wall=3.0)])
        self.assertEqual(results.hfast("throttled").wall_s, 7.0)
        self.assertEqual(results.peers("throttled"), [])
        self.assertEqual(results.raw_s("throttled"), 3.0)


class Goals(unittest.TestCase):
    def judge(self, goal, *runs, row="throttled"):
        return goals.judge(goal, row, summary.Results(runs))

    def test_every_kind(self):
        others = [
            run(tool="wget", wall=20.0),
            run(tool="curl", wall=60.0, busy_s=8.0),
            run(tool="axel", wall=60.0, busy_s=40.0, user_s=2.0),
            run(tool="raw-8", wall=9.0),
            run("stall", wall=8.0),
        ]
        for kind, value, good, bad, more in (
            (goals.SHARE, 0.96, 0.96, 0.97, {}),
            (goals.RAW, 0.9, 0.9, 0.95, {}),
            (goals.ASKED, 0.98, 0.9, 0.99, {}),
            (goals.IDEAL, 10 / 9.6, 1.05, 1.0, {}),
            (goals.TIME, 1.25, 1.3, 1.2, {"against": "stall"}),
            (goals.FASTER, 0.8, 0.8, 1.8, {"against": "stall"}),
            (goals.BEST_PEER, 0.5, 1.0, 0.4, {}),
            (goals.PEER, 6.0, 5.0, 7.0, {"peer": "curl"}),
            (goals.PROCESSORS, 0.5, 0.5, 0.49, {"peer": "curl"}),
            (goals.PROCESSORS, 0.25, 0.25, 0.24, {"peer": "axel"}),
            (goals.CPU, 0.8, 1.0, 0.79, {"peer": "axel"}),
            (goals.TRAFFIC, 1.02, 1.03, 1.01, {}),
            (goals.MEMORY, 20.0, 64.0, 10.0, {}),
        ):
            with self.subTest(kind):
                met = self.judge(Goal(kind, good, **more), run(), *others)
                self.assertAlmostEqual(met.value, value)
                self.assertIs(met.met, True)
                self.assertIs(self.judge(Goal(kind, bad, **more), run(), *others).met, False)

    def test_one_run(self):
        self.assertIs(self.judge(Goal(goals.ONE_RUN), run()).met, True)
        self.assertIs(self.judge(Goal(goals.ONE_RUN), run(attempts=2)).met, False)
        self.assertIs(self.judge(Goal(goals.ONE_RUN), run(), run(complete=False)).met, False)

    def test_an_incomplete_run_meets_no_goal(self):
        self.assertIs(self.judge(Goal(goals.TRAFFIC, 1.03), run(), run(complete=False)).met, False)

    def test_what_is_missing_is_not_judged(self):
        self.assertIsNone(self.judge(Goal(goals.TIME, 1.3, "stall"), run()).met)
        self.assertIsNone(self.judge(Goal(goals.RAW, 0.9), run()).met)
        without = run(tool="raw-8", round_trip_s=None), run(round_trip_s=None)
        self.assertIsNone(self.judge(Goal(goals.ASKED, 0.9), *without).met)
        self.assertIsNone(self.judge(Goal(goals.SHARE, 0.9), run(tool="curl")).met)
        for kind in (goals.PROCESSORS, goals.CPU):
            self.assertIsNone(self.judge(Goal(kind, 1.1, peer="axel"), run(), run(tool="curl")).met)
            broken = run(tool="axel", complete=False)
            self.assertIsNone(self.judge(Goal(kind, 1.1, peer="axel"), run(), run(tool="curl"), broken).met)
        alone = run(tool=peers.CURL_THEN_SHA256, busy_s=9.0)
        self.assertIsNone(self.judge(Goal(goals.PROCESSORS, 1.1, peer=peers.CURL_THEN_SHA256), run(), alone).met)

    def test_what_is_judged_is_what_is_printed(self):
        for wall, met in ((10.04, True), (10.06, False)):
            verdict = self.judge(Goal(goals.RAW, 0.996), run(wall=wall), run(tool="raw-8", wall=10.0))
            self.assertIs(verdict.met, met, verdict)

    def test_a_peer_that_was_given_up_counts_as_long_as_it_was_waited_for(self):
        verdict = self.judge(
            Goal(goals.PEER, 5.0, peer="hf-2.4"), run(), run(tool="hf-2.4", wall=400.0, complete=False)
        )
        self.assertEqual((verdict.value, verdict.met), (40.0, True))


class Tables(unittest.TestCase):
    def test_a_lost_row_is_marked(self):
        results = summary.Results(
            [run(wall=10.0), run(tool="wget", wall=8.0), run(tool="axel", wall=120.0, complete=False)]
        )
        lines = tables.row_table("throttled", results).splitlines()
        self.assertTrue(lines[2].startswith("| wget | 1/1 | 8.00 | 8.0 | 1.00 | 120% |"), lines[2])
        self.assertTrue(lines[3].startswith("| **hfast** – **LOSES**: 1.25 × the best peer | 1/1 | 10.00 |"), lines[3])
        self.assertTrue(lines[4].startswith("| axel | 0/1 | > 120.0 | 120.0! | – | – |"), lines[4])
        self.assertIn("**1.25 × the best peer**", tables.summary(results))

    def test_a_run_that_is_not_complete_loses_even_where_it_is_fastest(self):
        results = summary.Results([run(wall=10.0), run(wall=10.0, complete=False), run(tool="wget", wall=20.0)])
        self.assertIn("**LOSES**: not always complete", tables.row_table("throttled", results))

    def test_the_yardstick_has_no_rank(self):
        results = summary.Results([run("flaky:bbr", wall=10.0), run("flaky:bbr", tool="raw-32", wall=8.0)])
        text = tables.row_table("flaky:bbr", results)
        self.assertIn("*raw-32, only receives* | – | 8.00 | 8.0 | – | 100%", text)
        self.assertIn("| **hfast** | 1/1 | 10.00 | 10.0 | 1.00 | 80% |", text)

    def test_a_whole_report_says_where_it_is_from_and_what_is_met(self):
        machine = {
            "cores": 2,
            "processor": "P",
            "kernel": "6",
            "memory_gb": 8,
            "commit": "abc",
            "versions": {"hfast": "0.1.0"},
        }
        sitting = {"command": "bench/run --quick", "started": "today", "seed": 4, "reps": 3, "machine": machine}
        runs = [run(), run(tool="raw-16", wall=9.0), run(tool="wget", wall=20.0, late_share=0.2)]
        text = tables.report(sitting, runs)
        for part in (
            "`bench/run --quick`",
            "commit abc",
            "seeds 4 to 6",
            "hfast 0.1.0",
            "Goals: 2 met, 0 not met",
            "20% of the packets",
        ):
            self.assertIn(part, text)

    def test_the_text_between_the_markers_is_replaced(self):
        document = f"before\n{tables.BEGIN}\nold\n{tables.END}\nafter\n"
        once = tables.insert(document, "new")
        self.assertEqual(once, f"before\n{tables.BEGIN}\n\nnew\n{tables.END}\nafter\n")
        self.assertEqual(tables.insert(once, "new"), once)
        with self.assertRaises(ValueError):
            tables.insert("no markers", "new")


class Choice(unittest.TestCase):
    def test_the_table_is_sound(self):
        self.assertEqual(len(rows.NAMED), len(rows.ROWS))
        for row in rows.ROWS:
            for goal in row.goals:
                self.assertIn(goal.against, {None, *rows.NAMED})
                self.assertIn(goal.peer, {None, *peers.PEERS, *peers.ON_LOOPBACK})
                self.assertTrue(str(goal))

    def test_rows_by_profile(self):
        def names(profiles, repo=None):
            return [row.name for row in rows.select(profiles and profiles.split(","), repo)]

        self.assertEqual(names(None), [row.name for row in rows.ROWS])
        alone = [row.name for row in rows.select(None, None, two_paths=False)]
        self.assertEqual(set(rows.NAMED) - set(alone), {"two paths", "two paths, one corrupt"})
        self.assertEqual(names("cn-mirror:bbr", "slow"), ["cn-mirror:bbr"])
        self.assertEqual(names("throttled"), ["throttled"])
        self.assertEqual(names("flaky"), ["flaky:cubic", "flaky:bbr"])
        self.assertEqual(names("stall"), ["stall", "stall, none"])
        self.assertEqual(names("throttled+throttled"), ["throttled, long", "two paths"])
        self.assertEqual(names("throttled+corrupt"), ["throttled", "two paths, one corrupt"])
        self.assertEqual(names("good:bbr,lan", "mid"), ["lan", "good:bbr, mid"])
        self.assertEqual(rows.select(["lan+corrupt"], "slow")[0].second, "lan")

    def test_tools_of_a_row(self):
        tools = ["hfast", "aria2-x16", "hf-2.4"]
        self.assertEqual(plan.tools_for(rows.NAMED["flaky:bbr"], tools, quick=True), ["raw-32", "hfast", "aria2-x16"])
        self.assertEqual(plan.tools_for(rows.NAMED["flaky:bbr"], tools, quick=False), ["raw-32", *tools])
        self.assertEqual(plan.tools_for(rows.NAMED["two paths"], tools, quick=False), ["hfast"])
        both = peers.CURL_THEN_SHA256
        self.assertEqual(plan.tools_for(rows.NAMED["loopback"], tools, quick=True), [*tools, both])
        self.assertEqual(plan.tools_for(rows.NAMED["loopback"], ["hfast", both], quick=True), ["hfast", both])
        self.assertEqual(plan.tools_for(rows.NAMED["loopback"], ["curl"], quick=True), ["curl"])

    def test_what_is_not_worth_repeating(self):
        earlier = [run(wall=10.0), run(tool="wget", wall=31.0), run(tool="axel", wall=99.0, complete=False)]
        self.assertFalse(plan.worth_repeating("axel", earlier, quick=False))
        self.assertFalse(plan.worth_repeating("wget", earlier, quick=True))
        self.assertTrue(plan.worth_repeating("wget", earlier, quick=False))
        self.assertTrue(plan.worth_repeating("hfast", [run(complete=False)], quick=True))
