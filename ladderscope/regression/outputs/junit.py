"""A check as JUnit XML, which CI servers show as tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ladderscope.regression.causes import cause_lines
from ladderscope.regression.outputs.wording import error_text, first_line, how_of, sentence_of
from ladderscope.regression.verdict import CheckResult, EntryVerdict

SUITE = "ladderscope check"
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(result: CheckResult) -> str:
    """The check as the text of an XML file: a test case for each entry.

    A regression is a failure; what could not be measured, is not in the baseline or has not been run is an error.
    Properties of a case are its metrics in bytes, FLOPs and numbers of parameters. The time is the suite's: entries
    share worker processes.
    """
    suite = ET.Element("testsuite", name=SUITE)
    suite.set("tests", str(len(result.verdicts) + len(result.not_run)))
    suite.set("failures", str(len(result.having("regression"))))
    suite.set("errors", str(len(result.having("failed", "missing")) + len(result.not_run)))
    suite.set("skipped", "0")
    suite.set("time", f"{result.seconds:.3f}")
    for verdict in result.verdicts:
        suite.append(_case(verdict))
    for name in result.not_run:
        suite.append(_case_not_run(name, is_interrupted=result.is_interrupted))
    root = ET.Element("testsuites", dict(suite.attrib))
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(verdict: EntryVerdict) -> ET.Element:
    case = ET.Element("testcase", classname=_class_name(verdict), name=_clean(verdict.name))
    _add_properties(case, verdict)
    if verdict.outcome == "regression":
        sentences = [sentence_of(change, how_of(verdict)) for change in verdict.regressions]
        lines = [*sentences, *cause_lines(verdict)]
        _add(case, "failure", "regression", "; ".join(sentences) or lines[0], "\n".join(lines))
    elif verdict.outcome in ("failed", "missing"):
        error = error_text(verdict)
        _add(case, "error", verdict.outcome, first_line(error), error)
    elif lines := [sentence_of(change, how_of(verdict)) for change in verdict.changes if change.change]:
        ET.SubElement(case, "system-out").text = _clean("\n".join([*lines, *cause_lines(verdict)]))
    return case


def _case_not_run(name: str, *, is_interrupted: bool) -> ET.Element:
    case = ET.Element("testcase", classname="ladderscope", name=_clean(name))
    error = "The check was interrupted before this was run." if is_interrupted else "It has not been run."
    _add(case, "error", "interrupted" if is_interrupted else "not run", error, error)
    return case


def _class_name(verdict: EntryVerdict) -> str:
    """``ladderscope.predict.lora``, or the file of a test."""
    entry = verdict.after or verdict.before
    if entry is None:
        return "ladderscope"
    method = entry.settings.get("method")
    where = str(method) if method else verdict.name.partition("::")[0].removesuffix(".py").replace("/", ".")
    return _clean(f"ladderscope.{entry.meter}.{where}")


def _add_properties(case: ET.Element, verdict: EntryVerdict) -> None:
    entry = verdict.after or verdict.before
    if entry is None:
        return
    values: dict[str, object] = {"outcome": verdict.outcome, "kind": how_of(verdict), "gpu": entry.gpu or ""}
    if verdict.after is not None:
        values |= verdict.after.values
    values |= {f"{change.name}.baseline": change.before for change in verdict.changes if change.change}
    properties = ET.SubElement(case, "properties")
    for name, value in values.items():
        ET.SubElement(properties, "property", name=name, value=_clean(str(value)))


def _add(case: ET.Element, tag: str, kind: str, message: str, text: str) -> None:
    element = ET.SubElement(case, tag, type=kind, message=_clean(message))
    element.text = _clean(text)


def _clean(text: str) -> str:
    """The text without what no XML file may hold, such as a terminal's colours in an error."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
