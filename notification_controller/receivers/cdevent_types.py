"""The events of version 0.4 of the CDEvents specification and what their subjects contain. Data alone.

A line is subject, predicate, and the fields of the content: `name` is optional and `name!` required; nothing
is required that may be empty. Without a colon a field is text; `:text` is text that is not empty, `:ref` an
object that is identified elsewhere, `:list` a list, `:any` anything, and other words name a group of fields
below.
"""

from __future__ import annotations

from typing import Final

#: Objects within a content.
GROUPS: Final = {
    "ref": "id!:text source",
    "sbom": "uri!:text",
    "trigger": "type:trigger-type uri",
    "case": "id!:text version name type:case-type uri",
    "suite": "id!:text version name uri url",
}

#: Texts that are one of a few.
WORDS: Final = {
    "outcome": frozenset({"pass", "fail", "cancel", "error"}),
    "severity": frozenset({"low", "medium", "high", "critical"}),
    "trigger-type": frozenset({"manual", "pipeline", "event", "schedule", "other"}),
    "case-type": frozenset(
        {"performance", "functional", "unit", "security", "compliance", "integration", "e2e", "other"}
    ),
    "output-type": frozenset({"report", "video", "image", "log", "other"}),
}

_RUN: Final = "environment!:ref"
_TICKET: Final = "ticketType:any group assignees:list priority:any labels:list milestone uri!:text"
_REPOSITORY: Final = "name owner url viewUrl"
_INCIDENT: Final = "description environment!:ref service:ref artifactId:text"

#: Content by subject and predicate; the major version of all of them is 0.
CONTENTS: Final = {
    "artifact.deleted": "user:text",
    "artifact.downloaded": "user:text",
    "artifact.packaged": "change!:ref sbom:sbom",
    "artifact.published": "sbom:sbom user:text",
    "artifact.signed": "signature!:text",
    "branch.created": "repository:ref",
    "branch.deleted": "repository:ref",
    "build.finished": "artifactId",
    "build.queued": "",
    "build.started": "",
    "change.abandoned": "repository:ref",
    "change.created": "description:text repository:ref",
    "change.merged": "repository:ref",
    "change.reviewed": "repository:ref",
    "change.updated": "repository:ref",
    "environment.created": "name url",
    "environment.deleted": "name",
    "environment.modified": "name url",
    "incident.detected": _INCIDENT,
    "incident.reported": f"{_INCIDENT} ticketURI!:text",
    "incident.resolved": _INCIDENT,
    "pipelinerun.finished": "pipelineName url outcome errors",
    "pipelinerun.queued": "pipelineName url",
    "pipelinerun.started": "pipelineName url",
    "repository.created": "name!:text owner url!:text viewUrl",
    "repository.deleted": _REPOSITORY,
    "repository.modified": _REPOSITORY,
    "service.deployed": "environment!:ref artifactId!:text",
    "service.published": "environment:ref",
    "service.removed": "environment:ref",
    "service.rolledback": "environment!:ref artifactId!:text",
    "service.upgraded": "environment!:ref artifactId!:text",
    "taskrun.finished": "taskName url pipelineRun:ref outcome errors",
    "taskrun.started": "taskName url pipelineRun:ref",
    "testcaserun.finished": (
        f"{_RUN} outcome!:outcome severity:severity reason testSuiteRun:ref testCase:case"
    ),
    "testcaserun.queued": f"{_RUN} trigger:trigger testSuiteRun:ref testCase:case",
    "testcaserun.skipped": "reason environment:ref testSuiteRun:ref testCase:case",
    "testcaserun.started": f"{_RUN} trigger:trigger testSuiteRun:ref testCase:case",
    "testoutput.published": "outputType!:output-type format uri testCaseRun:ref",
    "testsuiterun.finished": f"{_RUN} testSuite:suite outcome!:outcome severity:severity reason",
    "testsuiterun.queued": f"{_RUN} trigger:trigger testSuite:suite",
    "testsuiterun.started": f"{_RUN} trigger:trigger testSuite:suite",
    "ticket.closed": f"{_TICKET} summary creator:text resolution!:any updatedBy",
    "ticket.created": f"{_TICKET} summary creator!:text",
    "ticket.updated": f"{_TICKET} summary creator:text updatedBy",
}
