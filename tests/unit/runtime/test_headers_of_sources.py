from shared.runtime.sources import SourceHeader

ARTIFACT = {"revision": "main@sha1:abc", "digest": "sha256:def"}


def source(*conditions, generation=3, **status):
    return {"metadata": {"generation": generation}, "status": {"conditions": list(conditions), **status}}


def test_artifact_and_generations_are_read():
    header = SourceHeader.of(source(artifact=ARTIFACT, observedGeneration=2))
    assert (header.revision, header.digest) == ("main@sha1:abc", "sha256:def")
    assert (header.generation, header.observed_generation) == (3, 2)


def test_status_and_message_are_those_of_the_ready_condition():
    stored = {"type": "ArtifactInStorage", "status": "True", "message": "stored artifact"}
    ready = {"type": "Ready", "status": "False", "message": "no such chart"}
    header = SourceHeader.of(source(ready, stored))
    assert (header.ready, header.ready_message, header.stalled) == ("False", "no such chart", False)


def test_only_a_true_condition_says_that_a_source_is_stalled():
    header = SourceHeader.of(source({"type": "Stalled", "status": "True", "message": "no such version"}))
    assert (header.stalled, header.stalled_message) == (True, "no such version")
    assert not SourceHeader.of(source({"type": "Stalled", "status": "False"})).stalled


def test_a_new_source_has_nothing_yet():
    header = SourceHeader.of({"metadata": {"generation": 1}})
    assert (header.artifact, header.revision, header.digest) == (None, "", "")
    assert (header.observed_generation, header.ready, header.ready_message) == (-1, "", "")


def test_a_condition_of_no_type_hides_no_other():
    header = SourceHeader.of(source({"type": ["Ready"]}, {"type": "Ready", "status": "True"}, {"type": {}}))
    assert header.ready == "True"
