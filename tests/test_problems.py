"""What a problem says, and what the log keeps of many."""

from __future__ import annotations

from picsellia_ingest.problems import Place, Problem, ProblemLog, Severity, as_csv, as_sarif, shown


def test_a_problem_says_what_where_and_what_to_do() -> None:
    problem = Problem(
        "box_empty", "the box has no area", Place("a.json", 3, 7, 99, "/annotations/1"), hint="remove it"
    )
    assert str(problem) == "error box_empty: the box has no area [a.json:3:7 (/annotations/1)] - remove it"
    assert problem.to_dict()["place"] == {
        "file": "a.json",
        "line": 3,
        "column": 7,
        "byte": 99,
        "pointer": "/annotations/1",
    }


def test_all_problems_are_counted_and_some_of_each_kind_are_kept_and_shown() -> None:
    log = ProblemLog(keep=30)
    for number in range(100):
        log(Problem("a", "x", Place(str(number)), lost=2))
    log(Problem("b", "y", Place("f"), Severity.WARNING))
    assert (len(log.kept), log.counts, log.lost, log.rejected) == (31, {"a": 100, "b": 1}, {"a": 200}, 100)
    lines = list(log.summary(most=20))
    assert len(lines) == 22
    assert lines[-1] == "a: 80 more, 100 in all"


def test_what_cannot_be_printed_is_escaped_and_the_rest_is_left_alone() -> None:
    assert shown("é 😀 <b>") == "é 😀 <b>"
    assert shown("a\r\n\x1b[31m\u202eb\udcff") == r"a\r\n\x1b[31m\u202eb\udcff"


def test_a_cell_that_a_spreadsheet_would_run_is_quoted() -> None:
    rows = list(as_csv([Problem("a", "=cmd|' /C calc'!A0", Place("+x", 1))]))
    assert rows[1].split(",")[3] == "'+x"
    assert "'=cmd" in rows[1]


def test_sarif_has_the_keys_its_standard_requires() -> None:
    log = as_sarif([Problem("a", "words", Place("f g.json", 3, 7, 99, "/x"), hint="do")], "1.0")
    assert (log["version"], log["runs"][0]["tool"]["driver"]["name"]) == ("2.1.0", "picsellia-ingest")
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"], result["message"]["text"]) == ("a", "error", "words - do")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "f%20g.json"},
        "region": {"startLine": 3, "startColumn": 7, "byteOffset": 99},
    }
