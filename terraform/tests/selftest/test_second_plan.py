"""What counts as a difference of the second plan."""
import unittest

import here  # noqa: F401
import drift
import tf


def plan(actions, before, after, **more):
    return {"resource_changes": [{"address": "a.b", "change": {"actions": actions, "before": before, "after": after, **more}}]}


class SecondPlan(unittest.TestCase):
    def found(self, it):
        return [(address, attribute) for address, attribute, _, _ in drift.differences(it)]

    def test_nothing(self):
        self.assertEqual(self.found(plan(["no-op"], {"x": 1}, {"x": 1})), [])
        self.assertEqual(self.found(plan(["read"], None, {"x": 1})), [])

    def test_update_names_its_attributes(self):
        self.assertEqual(self.found(plan(["update"], {"x": 1, "y": 2, "z": None}, {"x": 3, "y": 2, "z": []})), [("a.b", "x")])

    def test_update_that_shows_no_attribute_is_still_one(self):
        self.assertEqual(self.found(plan(["update"], {"x": 1}, {"x": 1})), [("a.b", "(whole resource)")])

    def test_replacement_names_its_cause_not_what_it_makes_anew(self):
        it = plan(["delete", "create"], {"id": "1", "key": "k"}, {"key": None}, after_unknown={"id": True}, replace_paths=[["key"]])
        self.assertEqual(self.found(it), [("a.b", "key")])

    def test_created_and_destroyed(self):
        self.assertEqual(self.found(plan(["create"], None, {"x": 1})), [("a.b", "x")])
        self.assertEqual(self.found(plan(["delete"], {"x": 1}, None)), [("a.b", "x")])

    def test_output(self):
        it = {"output_changes": {"url": {"actions": ["update"], "before": "a", "after": "b"}, "same": {"actions": ["no-op"]}}}
        self.assertEqual(self.found(it), [("output.url", "value")])

    def test_a_row_is_for_its_area_address_and_attribute(self):
        it = plan(["update"], {"x": 1}, {"x": 2})
        self.assertEqual(drift.explain("key", it, [("key", "a.b", "x")]), {("key", "a.b", "x")})
        for row in (("dns", "a.b", "x"), ("key", "a.c", "x"), ("key", "a.b", "y")):
            with self.assertRaises(tf.Failure):
                drift.explain("key", it, [row])


if __name__ == "__main__":
    unittest.main()
