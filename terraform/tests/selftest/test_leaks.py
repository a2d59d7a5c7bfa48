"""The search for secrets finds each place and tells its address, and a row excuses that place only."""
import json
import tempfile
import unittest
import zipfile
from pathlib import Path

import here  # noqa: F401
import leaks
import tf

SECRET = 'pass"word-0123456789'
STATE = {
    "outputs": {"password": {"value": SECRET}},
    "resources": [
        {"mode": "managed", "module": "module.broker", "type": "aws_mq_broker", "name": "this",
         "instances": [{"attributes": {"id": "b", "user": [{"password": SECRET}]}}]},
        {"mode": "managed", "type": "aws_thing", "name": "many", "instances": [{"index_key": "a", "attributes": {"text": f"x{SECRET}x"}}]},
    ],
}
PLAN = {
    "variables": {"password": {"value": SECRET}, "other": {"value": 1}},
    "planned_values": {"root_module": {"child_modules": [{"address": "module.broker", "resources": [
        {"address": "module.broker.aws_mq_broker.this", "type": "aws_mq_broker", "values": {"user": [{"password": SECRET}]}}]}]}},
    "resource_changes": [{"address": "aws_thing.many", "type": "aws_thing", "change": {"after": {"values": {"k": SECRET}}}}],
    "output_changes": {"password": {"after": SECRET}},
    "configuration": {"root_module": {"resources": [{"address": "aws_thing.many", "type": "aws_thing", "expressions": {"text": {"constant_value": SECRET}}}]}},
}
PLACES = {("output.password", "value"), ("module.broker.aws_mq_broker.this", "user"), ('aws_thing.many["a"]', "text")}


class Search(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.search = leaks.Search("broker")

    def tearDown(self):
        self.folder.cleanup()

    def put(self, state=STATE):
        (self.path / "terraform.tfstate").write_text(json.dumps(state))

    def put_plan(self, parts, shown):
        with zipfile.ZipFile(self.path / "first", "w") as packed:
            for name, text in parts.items():
                packed.writestr(name, text)
        self.search.plan(self.path / "first", lambda: shown)

    def refused(self, rows):
        with self.assertRaises(tf.Failure) as refusal:
            self.search.judge({SECRET: "it"}, rows)
        return str(refusal.exception)

    def test_state_and_its_backup(self):
        self.put({"outputs": {}, "resources": []})
        (self.path / "terraform.tfstate.backup").write_text(json.dumps(STATE))
        self.search.state(self.path, "after apply")
        self.assertEqual({at[1:] for at in self.search.places(SECRET)}, PLACES)

    def test_no_state_is_no_proof(self):
        with self.assertRaises(tf.Failure):
            self.search.state(self.path, "after apply")

    def test_a_row_excuses_address_and_attribute_only(self):
        self.put()
        self.search.state(self.path, "after apply")
        rows = [("broker", *place) for place in PLACES]
        self.assertEqual(self.search.judge({SECRET: "it"}, rows), set(rows))
        for changed in (("broker", "module.broker.aws_mq_broker.this", "tags"), ("cache", "module.broker.aws_mq_broker.this", "user")):
            less = [row for row in rows if row[2] != "user"] + [changed]
            self.assertIn("module.broker.aws_mq_broker.this user", self.refused(less))

    def test_plan_file(self):
        self.put_plan({"tfplan": "..." + SECRET + "..."}, PLAN)
        self.assertEqual({at[1:] for at in self.search.places(SECRET)}, {
            ("var.password", "value"), ("module.broker.aws_mq_broker.this", "user"), ("aws_thing.many", "values"),
            ("output.password", "value"), ("aws_thing.many", "expressions.text.constant_value")})

    def test_plan_file_that_shows_nothing_is_refused_all_the_same(self):
        self.put_plan({"tfplan": "..." + SECRET + "..."}, {})
        self.assertIn("plan file first: (no address) tfplan", self.refused([("broker", "var.password", "value")]))

    def test_state_inside_a_plan_file(self):
        self.put_plan({"tfplan": "", "tfstate-prev": json.dumps(STATE)}, {})
        self.assertEqual({at[1:] for at in self.search.places(SECRET)}, PLACES)

    def test_what_was_printed_has_no_excuse(self):
        self.search.printed("apply", f"made {SECRET}")
        self.assertIn("output of terraform apply", self.refused([("broker", "(no address)", "(text)")]))

    def test_objects_hold_passwords(self):
        self.assertEqual(leaks.passwords('{"username": "a", "password": "b"}'), ["b"])
        self.assertEqual(leaks.passwords("plain"), ["plain"])
        self.assertEqual(leaks.passwords("12345678"), ["12345678"])

    def test_nothing_is_found_where_nothing_is(self):
        self.put({"outputs": {}, "resources": []})
        self.search.state(self.path, "after apply")
        self.put_plan({"tfplan": "x"}, PLAN)
        self.assertEqual(self.search.judge({SECRET: "it"}, []), set())


if __name__ == "__main__":
    unittest.main()
