"""Chosen images are written where markers ask for them, committed, and pushed."""

import re

import pytest

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  template:
    spec:
      containers:
        - name: web
          image: registry.example.com/app:v1 {marker}
"""


async def prepared(automations, **files):
    """A commit of these files, a source, a policy and an automation."""
    automations.upstream.commit({name.replace("__", "/"): text for name, text in files.items()})
    await automations.source()
    await automations.policy()
    await automations.create()


async def rolled_out(automations, **files):
    """The same, when the chosen image is in these files."""
    await prepared(automations, **files)
    return await automations.pushed()


def condition(automations, obj):
    return automations.condition(obj, "Ready")


async def test_few_markers_in_many_files(automations, automation):
    text = "kind: ConfigMap\ndata:\n  image: registry.example.com/app:v1"
    many = {f"apps/{number // 100}/{number}.yaml": f"{text}\n" for number in range(10_000)}
    marked = sorted(path for number, path in enumerate(many) if number % 50 == 0)
    marks = {path: f"{text} {automations.marker()}\n" for path in marked}
    before = automation.usage.resident
    await rolled_out(automations, **many | marks)
    assert automations.git("diff", "--name-only", "main^", "main").split() == marked
    assert set(automations.git("grep", "-h", "app:v2", "main", "--", marked[0]).splitlines()) == {
        f"  image: registry.example.com/app:v2 {automations.marker()}"
    }
    assert automation.usage.resident - before < 100 << 20


@pytest.mark.case("image-30")
async def test_one_commit_with_nothing_but_the_image(automations):
    before = DEPLOYMENT.format(marker=automations.marker())
    automations.upstream.commit({"apps/web.yaml": before, "README.md": "x"})
    await automations.source()
    await automations.policy()
    await automations.create()
    ready = await automations.pushed()
    assert automations.file("apps/web.yaml") == before.replace("app:v1", "app:v2")
    assert automations.git("diff", "--numstat", "main^", "main") == "1\t1\tapps/web.yaml\n"
    assert automations.count() == 2
    head = automations.head()
    status = ready["status"]
    assert condition(automations, ready)["message"] == "repository up-to-date"
    assert status["lastPushCommit"] == head
    assert status["observedSourceRevision"] == f"main@sha1:{head}"
    assert status["observedPolicies"] == {"app": {"name": "registry.example.com/app", "tag": "v2"}}
    (event,) = await automations.events("Succeeded")
    message = "Update from image update automation"
    assert event["message"] == f"pushed commit '{head[:7]}' to branch 'main'\n{message}"
    assert automations.git("log", "-1", "--format=%an <%ae>|%B", "main").startswith(
        f"Bot <bot@example.org>|{message}"
    )


async def test_a_new_choice_is_committed_at_once(automations):
    await rolled_out(automations, **{"a.yaml": f"image: app {automations.marker()}\n"})
    await automations.policy(tag="v3")
    head = automations.head()
    await automations.until(lambda obj: obj["status"]["lastPushCommit"] != head)
    assert automations.file("a.yaml") == f"image: registry.example.com/app:v3 {automations.marker()}\n"


@pytest.mark.case("image-31")
async def test_the_layout_of_a_file_stays(automations):
    marker = automations.marker()
    text = (
        "\ufeff# head \U0001f642\r\nitems:\r\n    -   name: a\r\n\r\n\r\n"
        f"        image:   'app:v1'\t {marker}\r\n        empty: {{}}\r\n# comment\r\nlast: x"
    )
    await rolled_out(automations, **{"a.yaml": text})
    raw = automations.git("cat-file", "blob", "main:a.yaml")
    assert raw == text.replace("app:v1", "registry.example.com/app:v2")
    assert automations.git("diff", "--numstat", "main^", "main") == "1\t1\ta.yaml\n"


@pytest.mark.case("image-32")
async def test_tags_that_look_like_numbers_are_quoted(automations):
    marker = automations.marker(part=":tag")
    automations.upstream.commit({"a.yaml": f"a: 1.9 {marker}\nb: '1.9' {marker}\n"})
    await automations.source()
    await automations.policy(tag="1.10")
    await automations.create()
    await automations.pushed()
    assert automations.file("a.yaml") == f"a: \"1.10\" {marker}\nb: '1.10' {marker}\n"


@pytest.mark.case("image-33")
async def test_block_scalars_keep_their_header(automations):
    marker = automations.marker()
    await rolled_out(automations, **{"a.yaml": f"a: >- {marker}\n    app:v1\nb: c\n"})
    assert automations.file("a.yaml") == f"a: >- {marker}\n    registry.example.com/app:v2\nb: c\n"


@pytest.mark.case("image-34")
async def test_markers_in_other_places_mark_nothing(automations):
    marker = automations.marker()
    text = (
        f"a: |\n  image: app:v1 {marker}\nb: {{image: app:v1}} {marker}\nc: {marker}\n  app:v1\n"
        f"{marker}\nd: app:v1\n"
    )
    await prepared(automations, **{"a.yaml": text})
    ready = await automations.ready()
    assert automations.count() == 1
    assert "lastPushCommit" not in ready["status"]
    assert ready["status"]["observedSourceRevision"] == f"main@sha1:{automations.head()}"


@pytest.mark.case("image-35")
async def test_what_is_no_yaml_costs_no_other_file_its_turn(automations):
    marker = automations.marker()
    await rolled_out(
        automations,
        **{"a.yaml": f"a: [ {marker}\n", "b.yml": f"a: b {marker}\n", "c.txt": f"a: b {marker}\n"},
    )
    assert automations.git("diff", "--name-only", "main^", "main") == "b.yml\n"
    log = automations.process.log.read_text()
    assert re.search(r'"msg":"file with markers can\'t be edited".*"file":"a\.yaml"', log)


@pytest.mark.case("image-36")
async def test_items_of_a_list_are_edited_in_place(automations):
    marker = automations.marker()
    text = f"apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n  image: app:v1 {marker}\n"
    await rolled_out(automations, **{"a.yaml": text})
    assert automations.file("a.yaml") == text.replace("app:v1", "registry.example.com/app:v2")
    assert automations.git("ls-tree", "-r", "--name-only", "main") == "a.yaml\n"


@pytest.mark.case("image-37", "image-51")
async def test_only_what_is_below_the_path_changes(automations):
    marker = automations.marker()
    automations.upstream.commit({"yes/a.yaml": f"a: b {marker}\n", "no/a.yaml": f"a: b {marker}\n"})
    await automations.source()
    await automations.policy()
    template = "{{ range $file, $_ := .Changed.FileChanges }}{{ $file }} {{ end }}"
    commit = {"author": {"email": "x@y"}, "messageTemplate": template}
    await automations.create(update={"path": "./yes"}, git={"commit": commit})
    await automations.pushed()
    assert automations.git("diff", "--name-only", "main^", "main") == "yes/a.yaml\n"
    assert automations.git("log", "-1", "--format=%B", "main").strip() == "a.yaml"
    # The source and the policies are what they were: only the spec is new.
    await automations.change(update={"path": "../no"})
    await automations.ready()
    assert automations.git("diff", "--name-only", "main^", "main") == "no/a.yaml\n"
    await automations.change(update={"path": "nowhere"})
    await automations.fails("UpdateFailed", "failed to apply policies: the path 'nowhere' does not exist")


@pytest.mark.case("image-50")
async def test_policies_of_other_namespaces_are_not_followed(automations):
    text = 'a: b # {"$imagepolicy": "elsewhere:app"}\n'
    await prepared(automations, **{"a.yaml": text})
    await automations.ready()
    assert automations.count() == 1
    lines = [
        line for line in automations.process.log.read_text().splitlines() if automations.namespace in line
    ]
    told = [line for line in lines if "markers without a policy" in line]
    assert told
    for line in told:
        assert '"count":1' in line
        assert "elsewhere:app" in line


async def test_only_selected_policies_take_part(automations):
    one, two = automations.marker("one"), automations.marker("two")
    automations.upstream.commit({"a.yaml": f"a: x {one}\nb: x {two}\n"})
    await automations.source()
    await automations.policy("one", labels={"team": "a"})
    await automations.policy("two", labels={"team": "b"})
    expressions = [{"key": "team", "operator": "In", "values": ["a", "c"]}]
    await automations.create(policySelector={"matchExpressions": expressions})
    ready = await automations.pushed()
    assert automations.file("a.yaml") == f"a: registry.example.com/app:v2 {one}\nb: x {two}\n"
    assert list(ready["status"]["observedPolicies"]) == ["one"]
    await automations.change(policySelector={"matchExpressions": [{"key": "a", "operator": "Is"}]})
    await automations.stalls("InvalidPolicySelector", "failed to parse policy selector: 'Is' is not a valid")


@pytest.mark.case("image-29")
async def test_without_git_there_is_nothing_to_do(automations):
    await automations.source()
    await automations.create(git=None)
    text = "source kind 'GitRepository' necessitates field .spec.git"
    await automations.stalls("InvalidSourceConfiguration", text)


async def test_a_source_that_is_missing_is_named(automations):
    await automations.create()
    text = "failed configuring source manager: referenced git repository does not exist: "
    await automations.fails("SourceManagerFailed", text)
    automations.upstream.commit({"a": "b"})
    await automations.source()
    await automations.ready()


async def test_an_empty_repository_is_told(automations):
    await automations.source()
    await automations.create()
    await automations.fails("GitOperationFailed", "failed to checkout source: remote repository is empty")


@pytest.mark.case("image-48")
async def test_a_removed_field_of_the_template_stalls(automations):
    automations.upstream.commit({"a.yaml": f"a: b {automations.marker()}\n"})
    await automations.source()
    await automations.policy()
    for number, (template, text) in enumerate(
        (
            ("{{ range .Updated.Files }}x{{ end }}", "template uses removed '.Updated' field."),
            ("{{ .Changed.ImageResult }}", "template uses removed '.Changed.ImageResult' field."),
        )
    ):
        commit = {"author": {"email": "x@y"}, "messageTemplate": template}
        await automations.create(f"auto-{number}", git={"commit": commit})
        await automations.stalls("RemovedTemplateField", text, f"auto-{number}")
    assert automations.count() == 1


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ nosuch }}", "unable to create commit message template from spec: template: commit message:1: "),
        ("{{ .AutomationObject | upper }}", "failed to run template from spec: "),
        ("{{ .Nope }}", "can't evaluate field Nope"),
    ],
)
async def test_a_template_that_fails_commits_nothing(automations, template, text):
    automations.upstream.commit({"a.yaml": f"a: b {automations.marker()}\n"})
    await automations.source()
    await automations.policy()
    commit = {"author": {"email": "x@y"}, "messageTemplate": template}
    await automations.create(git={"commit": commit})
    await automations.fails("GitOperationFailed", text)
    assert automations.count() == 1


@pytest.mark.case("image-52")
async def test_a_request_without_news_is_one_listing(automations):
    await rolled_out(automations, **{"a.yaml": f"a: b {automations.marker()}\n"})
    # News of the policy may have asked for one more turn, which has ended then.
    await automations.reconcile()
    before = len(automations.server.log)
    answered = await automations.reconcile()
    assert condition(automations, answered)["status"] == "True"
    asked = automations.server.log[before:]
    assert [(request.method, request.query) for request in asked] == [
        ("GET", "service=git-upload-pack"),
        ("POST", ""),
    ]
    assert automations.count() == 2


async def test_a_suspended_automation_answers(automations):
    await automations.source()
    await automations.create(suspend=True)
    await automations.reconcile()
