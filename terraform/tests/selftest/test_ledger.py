"""The ledger: what it reads, and each kind of line it refuses with its number."""
import unittest

import here  # noqa: F401
import ledger
import tf

GOOD = """# Title

## Drift

Words before the table.

| Area | Address | Attribute | Why |
| --- | --- | --- | --- |
| key | `module.key.aws_kms_key.this[0]` | `tags` | moto does not give tags back |

## Not applied

| Type | Why |
| --- | --- |
| `aws_budgets_budget` | the apply hangs for more than 150 s |

## Secret in state

| Area | Address | Attribute | Why |
| --- | --- | --- | --- |
| environments/prod | `var.password` | `value` | a plan file holds its variables |
"""
ROW = "| key | `module.key.aws_kms_key.this[0]` | `tags` | moto does not give tags back |\n"


class Ledger(unittest.TestCase):
    def test_reads_every_section(self):
        self.assertEqual(ledger.parse(GOOD), {
            "Drift": [("key", "module.key.aws_kms_key.this[0]", "tags")],
            "Not applied": [("aws_budgets_budget",)],
            "Secret in state": [("environments/prod", "var.password", "value")],
        })

    def refuses(self, text, *said):
        with self.assertRaises(tf.Failure) as refusal:
            ledger.parse(text)
        for words in said:
            self.assertIn(words, str(refusal.exception))

    def test_duplicate_whatever_its_reason(self):
        self.refuses(GOOD.replace(ROW, ROW + ROW.replace("give tags", "store tags")), "exemptions.md:10", "line 9")

    def test_duplicate_without_backticks(self):
        self.refuses(GOOD.replace(ROW, ROW + ROW.replace("`tags`", "tags")), "exemptions.md:10", "'tags'", "backticks")

    def test_too_few_cells(self):
        self.refuses(GOOD.replace(" | moto does not give tags back", ""), "exemptions.md:9", "4 cells", "has 3")

    def test_reason_too_short(self):
        self.refuses(GOOD.replace("moto does not give tags back", "moto"), "exemptions.md:9", "'moto'")

    def test_text_between_rows(self):
        self.refuses(GOOD.replace(ROW, ROW + "and so on\n"), "exemptions.md:10", "and so on")

    def test_unknown_and_repeated_and_missing_sections(self):
        self.refuses(GOOD + "\n## Other\n", "no section 'Other'")
        self.refuses(GOOD + "\n## Drift\n", "'Drift' is there twice")
        self.refuses(GOOD.replace("## Drift", "### Drift"), "a table outside")
        self.refuses(GOOD[:GOOD.index("## Secret")], "'Secret in state' is missing")

    def test_heading(self):
        self.refuses(GOOD.replace("| Type | Why |\n", ""), "the table of 'Not applied' starts with")


class Judge(unittest.TestCase):
    book = {"Drift": [("key", "a.b", "x")], "Not applied": [("aws_gap",)], "Secret in state": [("key", "a.b", "user"), ("environments/prod", "var.p", "value")]}
    area = {"types": {"aws_made", "aws_test_only"}, "drift": {("key", "a.b", "x")}, "leaks": {("key", "a.b", "user")}}
    plan = {"leaks": {("environments/prod", "var.p", "value")}}

    def judge(self, declared=("aws_made", "aws_gap"), **changed):
        return ledger.judge([{**self.area, **changed}], [self.plan], self.book, set(declared))

    def refuses(self, *said, **changed):
        with self.assertRaises(tf.Failure) as refusal:
            self.judge(**changed)
        for words in said:
            self.assertIn(words, str(refusal.exception))

    def test_all_rows_used(self):
        self.assertIn("1 of 2 resource types applied, 1 named", self.judge()["types"])

    def test_stale_rows(self):
        self.refuses("Drift: key a.b x did not occur", drift=set())
        self.refuses("Secret in state: key a.b user did not occur", leaks=set())
        self.refuses("aws_gap is applied; its row", types={"aws_made", "aws_gap"})
        self.refuses("aws_gap is in no module", declared=["aws_made"])

    def test_type_without_area_and_row(self):
        self.refuses("aws_new is never applied", declared=["aws_made", "aws_gap", "aws_new"])


if __name__ == "__main__":
    unittest.main()
