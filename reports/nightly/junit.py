"""A night as JUnit XML: a test case a gate and cell, and one a cell."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from reports.nightly.words import Document

BROKEN = ("infrastructure", "error")


def junit(doc: Document) -> str:
    """failure: a gate that failed; error: a cell that could not be evaluated; skipped: the rest."""
    suite = ET.Element("testsuite", name=f"{doc['name']} night {doc['night']}")
    for cell in doc["cells"]:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=cell["cell"],
            name="evaluated",
            time=f"{cell['seconds']:.3f}",
        )
        if cell["state"] in BROKEN:
            ET.SubElement(case, "error", type=cell["state"], message=clean(cell["reason"]))
        elif cell["state"] != "done":
            ET.SubElement(case, "skipped", message=clean(cell["reason"]))
    for gate in doc["gates"]:
        case = ET.SubElement(suite, "testcase", classname=gate["cell"], name=gate["gate"])
        if gate["state"] == "failed":
            ET.SubElement(case, "failure", type=gate["metric"], message=clean(gate["said"]))
        elif gate["state"] == "not_judged":
            ET.SubElement(case, "skipped", message=clean(gate["said"]))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{doc['seconds']:.3f}")
    suite.set("timestamp", doc["started"].replace(" ", "T"))
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def clean(words: str) -> str:
    """Without characters that XML has no way to write."""
    return "".join(c if c.isprintable() else " " for c in words)
