"""Who gives the credentials of a remote, and what is said when a Secret is meant for somebody else."""

import pytest


@pytest.mark.case("source-g29")
async def test_the_keys_of_a_github_app_need_their_provider(source):
    source.upstream.commit({"a": "1"})
    await source.secret("app", githubAppID="123", githubAppPrivateKey="h1dden-key")
    await source.repository(secretRef={"name": "app"})
    text = f"secretRef '{source.namespace}/app' has github app data but provider is not set to github"
    obj = await source.fails("InvalidProviderConfiguration", text)
    assert source.condition(obj, "FetchFailed")["reason"] == "InvalidProviderConfiguration"
    assert source.condition(obj, "Reconciling")["reason"] == "ProgressingWithRetry"
    assert source.condition(obj, "Stalled")["status"] == ""
    assert source.server.log == []
    assert "h1dden" not in source.process.log.read_text()
