"""Groups P and Q: files of the platform's own format, and the questions and answers in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.catalogue.judge import (
    ANSWER,
    FILE,
    IMAGE,
    OBJECT,
    SILENT,
    WARN,
    Make,
    Row,
    check,
    dumped,
    judge,
    more,
    put,
    table,
    token,
    without,
    written,
)  # fmt: skip

BOX = {"left": 5, "top": 6, "width": 20, "height": 30}
CORNERS = [{"x": 5, "y": 6}, {"x": 25, "y": 6}, {"x": 25, "y": 36}]


def ours() -> dict[str, Any]:
    """A dictionary with a good object of ``good.jpg`` and one of ``odd.jpg``, which a row makes odd."""
    return {
        "annotations": [
            {
                "external_picture_url": name,
                "nb_labels": 1,
                "time_spent": 3,
                "annotations": [{"type": "rectangle", "label": "crane", "rectangle": dict(BOX)}],
            }
            for name in ("good.jpg", "odd.jpg")
        ],
        "images": [
            {"external_picture_url": name, "width": 64, "height": 48} for name in ("good.jpg", "odd.jpg")
        ],
        "categories": [{"name": "crane"}],
    }


def record(**values: Any) -> Make:
    return lambda document: document["annotations"][1].update(values)


def thing(**values: Any) -> Make:
    return lambda document: document["annotations"][1]["annotations"][0].update(values)


def box(**values: Any) -> Make:
    return thing(rectangle={**BOX, **values})


def shaped(geometry: Any, **values: Any) -> Make:
    def make(document: dict[str, Any]) -> None:
        document["annotations"][1]["annotations"][0] = {
            "type": "polygon", "label": "crane", "polygon": {"geometry": geometry, **values},
        }  # fmt: skip

    return make


def also(value: Any) -> Make:
    return lambda document: document["annotations"][1]["annotations"].append(value)


AT = ("annotations", 1)
IT = (*AT, "annotations", 0)


@table(
    ("P01", without(*AT, "external_picture_url"), IMAGE, "names no picture"),
    ("P02", record(external_picture_url=None), IMAGE, "names no picture"),
    ("P02 number", record(external_picture_url=7), IMAGE, "names no picture"),
    ("P02 blank", record(external_picture_url=" "), IMAGE, "names no picture"),
    ("P03", lambda d: [record.pop(key) for record in d["annotations"] for key in ("nb_labels", "time_spent")] and None, SILENT),
    ("P04", without(*AT, "annotations"), WARN, "no list of annotations"),
    ("P05", record(annotations=None), WARN, "no list of annotations"),
    ("P06", record(annotations={"a": 1}), IMAGE, "are not a list"),
    ("P06 text", record(annotations="none"), IMAGE, "are not a list"),
    ("P07", lambda d: (shaped(CORNERS)(d), thing(type="rectangle")(d))[0], OBJECT, "type is rectangle, but it has polygon"),
    ("P07 other", thing(type="polygon"), OBJECT, "type is polygon, but it has rectangle"),
    ("P08", thing(type="line"), OBJECT, "type is 'line'"),
    ("P08 null", thing(type=None), WARN, "has no type"),
    ("P08 list", thing(type=["rectangle"]), OBJECT, "type is"),
    ("P08 case", thing(type="Rectangle"), OBJECT, "type is 'Rectangle'"),
    ("P08 missing", without(*IT, "type"), WARN, "has no type"),
    ("P09", lambda d: (put(exported_by="v9")(d), record(x=1)(d), thing(y=[1])(d))[0], SILENT),
    ("P10", shaped([[5, 6], [25, 6], [25, 36]]), SILENT),
    ("P10 list", thing(type="polygon", rectangle=None, polygon=CORNERS), WARN, "the polygon is a list"),
    ("P11", shaped(CORNERS[:2]), OBJECT, "fewer than 3 points"),
    ("P11 line", shaped([{"x": n, "y": n} for n in (1, 5, 9)]), OBJECT, "all on one line"),
    ("P12", shaped({}), OBJECT, "not a list of points"),
    ("P12 empty", shaped([]), OBJECT, "no geometry"),
    ("P12 NaN", shaped([*CORNERS, {"x": float("nan"), "y": 1}]), OBJECT, "not two finite numbers"),
    ("P12 missing", shaped([*CORNERS, {"x": 1}]), OBJECT, "not two finite numbers"),
    ("P12 text", shaped([{"x": "5", "y": "6"}, *CORNERS[1:]]), WARN, "written as text"),
    ("P12 far", shaped([*CORNERS, {"x": 1e99, "y": 1}]), OBJECT, "too large"),
    ("P13", without(*IT, "label"), OBJECT, "no name that can be shown: None"),
    ("P14", thing(label=5), WARN, "the name 5 is a number"),
    ("P14 object", thing(label={"name": "crane"}), OBJECT, "no name that can be shown"),
    ("P15", thing(label=None), OBJECT, "no name that can be shown"),
    ("P16", thing(label="  "), OBJECT, "no name that can be shown"),
    ("P16 blanks", thing(label=" crane "), WARN, "blanks around"),
    ("P16 NUL", thing(label="a\0"), OBJECT, "no name that can be shown"),
    ("P16 half", lambda d: (thing(label="PAD")(d), dumped(d).replace(b"PAD", b"\\ud83d"))[1], OBJECT, "no name"),
    ("P17", lambda d: [also({"type": "classification", "label": name})(d) for name in ("wet", "dark")] and None, SILENT),
    ("P18", thing(type="classification"), OBJECT, "type is classification, but it has rectangle"),
    ("P19", box(left="5", width="20.5"), WARN, "written as text"),
    ("P20", thing(rectangle={"left": 5, "top": 6, "width": 20}), OBJECT, "height is not a finite number: None"),
    ("P20 list", thing(rectangle=[5, 6, 20, 30]), OBJECT, "not an object"),
    ("P20 null", thing(rectangle=None), OBJECT, "no geometry"),
    ("P20 NaN", box(left=float("nan")), OBJECT, "left is not a finite number"),
    ("P20 huge", box(left=token("1e999")), OBJECT, "annotation_invalid|not a finite"),
    ("P20 true", box(left=True), OBJECT, "left is not a finite number: True"),
    ("P21", more("annotations", {"external_picture_url": "odd.jpg", "annotations": []}), WARN, "another record"),
    ("P22", lambda d: d["annotations"].reverse(), SILENT),
    ("P22 images", without("images"), SILENT),
    ("P24", box(left=64), OBJECT, "wholly outside"),
    ("P24 over", box(left=50), WARN, "6 px past the edge"),
    ("P24 thin", box(width=0.01), WARN, "no visible area"),
    ("P25", box(left=25, width=-20), WARN, "negative"),
    ("P26", box(width=0), OBJECT, "no area"),
    ("P27", lambda d: d["annotations"], WARN, "bare list"),
    ("P28", lambda d: d["annotations"][0], FILE, "the document is one record"),
    ("P28 other", put(annotations={"a": 1}), FILE, "'annotations' is not an array"),
    ("P28 missing", without("annotations"), FILE, "no 'annotations' array"),
    ("P29", also(None), OBJECT, "annotation_invalid"),
    ("P30", also([1]), OBJECT, "annotation_invalid"),
    ("P30 deep", thing(more=token("[" * 500 + "]" * 500)), OBJECT, "cannot be decoded"),
    ("P31", more("annotations", None, 7, "a", []), IMAGE, "names no picture"),
    ("P32", more("images", None, {"external_picture_url": None}), IMAGE, "an image has no name"),
    ("P32 twice", more("images", {"external_picture_url": "odd.jpg"}), WARN, "listed twice"),
    ("P33", more("categories", None, {"name": ""}), WARN, "no name that can be shown"),
    ("P33 object", put(categories={}), FILE, "'categories' is not an array"),
    ("P34", lambda d: d["images"][1].update(width="wide"), WARN, "the width of"),
    ("P34 minus", lambda d: d["images"][1].update(width=-1), WARN, "the width of"),
    ("P35", lambda d: dumped(d)[:-90], FILE, "ends early"),
    ("P35 NaN", put(version=float("nan")), SILENT),
    ("P35 mark", lambda d: b"\xef\xbb\xbf" + dumped(d), SILENT),
    ("P35 wide", lambda d: dumped(d).decode().encode("utf-16"), SILENT),
    ("P36", lambda d: dumped(d)[:-1] + b', "annotations": []}', FILE, "key twice"),
    ("P36 inside", lambda d: dumped(d).replace(b'"label": "crane"', b'"label": "crane", "label": "hull"', 2)
        .replace(b'"label": "crane", "label": "hull"', b'"label": "crane"', 1), OBJECT, "'label' twice"),
    ("P36 record", lambda d: dumped(d).replace(b'"external_picture_url": "odd.jpg", "nb', b'"external_picture_url": "x", "external_picture_url": "odd.jpg", "nb'),
        IMAGE, "'external_picture_url' twice"),
)  # fmt: skip
def test_object(row: Row, tmp_path: Path) -> None:
    check(row, judge(written(tmp_path, row, ours())))


def test_the_same_picture_listed_twice_keeps_both_halves(tmp_path: Path) -> None:
    again = {"external_picture_url": "odd.jpg", "annotations": [{"type": "classification", "label": "wet"}]}
    found = judge(written(tmp_path, Row("", more("annotations", again), ""), ours()))
    assert [len(one.instances) for one in found.records if one.file_name == "odd.jpg"] == [1, 1]


def qa(**values: Any) -> Make:
    return thing(qa=[{"type": "mc", "question": "Which?", "answer": ["a"], "choices": ["a", "b"], **values}])


def ranged(**values: Any) -> Make:
    return thing(qa=[{"type": "range", "question": "How much?", "answer": 5, "min": 0, "max": 10, **values}])


def texts(**values: Any) -> Make:
    return thing(qa=[{"type": "text", "question": "What?", "answer": "rust", **values}])


def single(**values: Any) -> Make:
    return qa(**{"type": "select", "answer": "a", **values})


ONE = {"type": "text", "question": "What?", "answer": "rust"}


@table(
    ("Q01", qa(answer=["c"]), ANSWER, "none of the choices: 'a', 'b'"),
    ("Q02", qa(answer=["a", "c"]), ANSWER, "'c'"),
    ("Q03", single(answer=["a"]), WARN, "a list of one"),
    ("Q04", single(answer=["a", "b"]), ANSWER, "a list of 2"),
    ("Q04 empty", single(answer=[]), ANSWER, "a list of 0"),
    ("Q05", qa(answer="a"), WARN, "one text; read as a list of one"),
    ("Q06", ranged(answer=11), ANSWER, "not in the range 0 to 10"),
    ("Q06 edge", ranged(answer=10), SILENT),
    ("Q07", ranged(min=10, max=0), ANSWER, "the range of 'How much.' is empty"),
    ("Q08", ranged(answer=0, min=0, max=0), SILENT),
    ("Q08 missing", without(*IT, "rectangle", "left"), OBJECT, "left"),
    ("Q08 bound", ranged(min=None), ANSWER, "min of"),
    ("Q09", ranged(answer=float("nan")), ANSWER, "answer of"),
    ("Q09 infinite", ranged(max=float("inf")), ANSWER, "max of"),
    ("Q10", ranged(answer="5"), WARN, "written as text"),
    ("Q10 word", ranged(answer="much"), ANSWER, "not a finite number: 'much'"),
    ("Q11", ranged(answer=6.5), SILENT),
    ("Q12", ranged(answer=True), ANSWER, "not a finite number: True"),
    ("Q12 list", ranged(answer=[5]), ANSWER, "not a finite number"),
    ("Q12 huge", ranged(answer=10**400), ANSWER, "not a finite number"),
    ("Q13", qa(choices=None), ANSWER, "not a list of texts: None"),
    ("Q13 empty", qa(choices=[]), ANSWER, "not a list of texts"),
    ("Q13 text", qa(choices="a,b"), ANSWER, "not a list of texts"),
    ("Q14", qa(choices=["a", "a", "b"]), SILENT),
    ("Q15", texts(question=None), ANSWER, "no question"),
    ("Q15 missing", thing(qa=[{"type": "text", "answer": "rust"}]), ANSWER, "no question"),
    ("Q16", texts(question="  "), ANSWER, "no question"),
    ("Q16 number", texts(question=7), ANSWER, "no question"),
    ("Q17", thing(qa=[ONE, {"type": "mc", "question": "What?", "answer": [], "choices": ["a"]}]), SILENT),
    ("Q18", texts(type="date"), ANSWER, "is 'date'"),
    ("Q18 null", texts(type=None), ANSWER, "is None"),
    ("Q18 case", texts(type="TEXT"), ANSWER, "is 'TEXT'"),
    ("Q19", thing(qa=ONE), WARN, "without a list around it"),
    ("Q20", texts(answer=None), ANSWER, "has no answer"),
    ("Q20 list", texts(answer=["rust"]), ANSWER, "not a text"),
    ("Q20 true", texts(answer=True), ANSWER, "not a text"),
    ("Q20 empty", texts(answer=""), SILENT),
    ("Q21", texts(answer=7), WARN, "is a number; kept as text"),
    ("Q22", qa(answer=None), ANSWER, "has no answer"),
    ("Q22 object", qa(answer={"a": True}), ANSWER, "not a list"),
    ("Q23", qa(answer=[]), SILENT),
    ("Q24", qa(answer=["a", "a"]), SILENT),
    ("Q24 null", qa(answer=[None]), ANSWER, "none of the choices"),
    ("Q25", qa(answer=["A "]), ANSWER, "is 'a' meant"),
    ("Q26", thing(qa="rust"), ANSWER, "not a list"),
    ("Q26 inside", thing(qa=["rust", None, 7]), ANSWER, "not an object"),
    ("Q27", qa(choices=[1, 2], answer=["1"]), ANSWER, "not a list of texts"),
    ("Q27 answer", qa(choices=["1", "2"], answer=[1]), ANSWER, "none of the choices"),
    ("Q28", record(image_qa=ONE), WARN, "without a list around it"),
    ("Q28 null", record(image_qa=None), SILENT),
    ("Q28 text", record(image_qa="rust"), ANSWER, "not a list"),
    ("Q29", record(image_qa=[{"type": "range", "question": "How much?", "answer": 11, "min": 0, "max": 10}]), ANSWER, "not in the range"),
    ("Q30", texts(answer="x" * 1_000_000), SILENT),
    ("Q30 choices", qa(choices=[f"choice {n}" for n in range(20_000)], answer=["choice x"]), ANSWER, "none of the choices"),
)  # fmt: skip
def test_answer(row: Row, tmp_path: Path) -> None:
    found = judge(written(tmp_path, row, ours()))
    check(row, found)
    if row.expect == ANSWER:
        assert len(found.record("odd.jpg").instances) == 1
        assert not any(problem.lost for problem in found.problems)


def test_an_answer_with_one_wrong_choice_is_not_shortened(tmp_path: Path) -> None:
    found = judge(written(tmp_path, Row("", qa(answer=["a", "c"]), ""), ours()))
    assert found.record("odd.jpg").instances[0].qa == ()


@pytest.mark.parametrize("make", [texts(), qa(), single(), ranged()])
def test_good_answers_are_kept(make: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    found = judge(written(tmp_path, Row("", make, ""), ours()))
    assert len(found.record("odd.jpg").instances[0].qa) == 1
    assert found.verdict == SILENT
