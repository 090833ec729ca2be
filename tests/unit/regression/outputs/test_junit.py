from __future__ import annotations

from xml.etree import ElementTree as ET

from ladderscope.regression.outputs.junit import junit_of
from ladderscope.regression.verdict import CheckResult
from tests.unit.regression.verdicts import failure, improvement, make_entry, make_result, make_verdict, regression


def cases_of(result: CheckResult) -> list[ET.Element]:
    return list(ET.fromstring(junit_of(result)).iter("testcase"))


def properties_of(case: ET.Element) -> dict[str, str]:
    return {item.attrib["name"]: item.attrib["value"] for item in case.iter("property")}


def test_counts_failures_and_errors_and_tells_the_time(mixed: CheckResult) -> None:
    root = ET.fromstring(junit_of(mixed))
    (suite,) = root
    for element in (root, suite):
        counts = {name: element.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
        assert counts == {"tests": "5", "failures": "1", "errors": "2", "skipped": "0", "time": "3.250"}
    assert len(suite.findall("testcase")) == 5
    assert len(suite.findall("testcase/failure")) == 1
    assert [error.attrib["type"] for error in suite.iter("error")] == ["failed", "missing"]


def test_a_regression_is_a_failure_with_numbers_and_causes() -> None:
    (case,) = cases_of(make_result(regression("lora")))
    assert case.attrib == {"classname": "ladderscope.predict.ladder", "name": "lora"}
    (failed,) = case.findall("failure")
    assert failed.attrib["message"].startswith("peak allocated (predicted): 262 MiB -> 264 MiB, +2.00 MiB")
    assert "  +2.00 MiB side_network.blocks.3: clone (new)" in (failed.text or "").splitlines()


def test_metrics_are_properties_in_bytes_with_the_baseline_of_what_changed() -> None:
    (case,) = cases_of(make_result(regression()))
    properties = properties_of(case)
    before = make_entry().metrics["peak_allocated"]
    assert properties["kind"] == "predicted"
    assert properties["peak_allocated"] == str(before + 2 * 2**20)
    assert properties["peak_allocated.baseline"] == str(before)
    assert "flops.baseline" not in properties


def test_an_improvement_passes_and_tells_what_changed() -> None:
    (case,) = cases_of(make_result(improvement()))
    assert not [*case.iter("failure"), *case.iter("error")]
    assert "-2.00 MiB" in (case.findtext("system-out") or "")


def test_measured_entries_say_so() -> None:
    before, after = make_entry("x", meter="cpu"), make_entry("x", meter="cpu", rounding=10**8)
    (case,) = cases_of(make_result(make_verdict(before, after)))
    assert case.attrib["classname"] == "ladderscope.cpu.ladder"
    assert "peak allocated (measured)" in case.findall("failure")[0].attrib["message"]


def test_tests_are_classed_by_their_file() -> None:
    entry = make_entry("tests/test_memory.py::TestA::test_b[x.y]", settings={})
    (case,) = cases_of(make_result(make_verdict(entry, entry)))
    assert case.attrib["classname"] == "ladderscope.predict.tests.test_memory"


def test_what_no_xml_may_hold_is_replaced() -> None:
    (case,) = cases_of(make_result(failure('<a & "b">', error="\x1b[31mred\x00 <tag> & more\ud800")))
    assert case.attrib["name"] == '<a & "b">'
    assert case.findtext("error") == "\ufffd[31mred\ufffd <tag> & more\ufffd"


def test_what_an_interruption_left_out_is_an_error(interrupted: CheckResult) -> None:
    (suite,) = ET.fromstring(junit_of(interrupted))
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("3", "0", "2")
    errors = {case.attrib["name"]: [error.attrib for error in case.iter("error")] for case in suite.iter("testcase")}
    was_not_run = {"type": "interrupted", "message": "The check was interrupted before this was run."}
    assert errors == {"a": [], "b | c": [was_not_run], "d": [was_not_run]}
