"""The first command of the README, from a fresh control plane to the last act, also on a cluster one has."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from localcluster import Cluster

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "localcluster.demo"]


def environment(**more):
    return {key: value for key, value in os.environ.items() if key != "KUBECONFIG"} | more


def acts(text):
    return [int(number) for number in re.findall(r"^== (\d)\. ", text, re.MULTILINE)]


def test_it_runs_to_its_end_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [*PROGRAM, "--exit"],
        cwd=ROOT,
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert acts(done.stdout) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    for told in (
        "Deployment/shop/shop created",
        "the Deployment in the cluster: registry.example.com/demo/shop:1.5.0",
        "Service/shop/shop deleted",
        "Services left in the namespace shop: none",
        "Ready=False    kustomize build failed",
        "in #deployments, from kustomize-controller:",
        "kustomization/shop.shop (danger)",
        "cluster: demo",
        "Helm install succeeded for release mail/mail.v1 with chart mail@1.0.0",
        "UpgradeFailed: Helm upgrade failed for release mail/mail with chart mail@1.1.0",
        "RollbackSucceeded: Helm rollback to previous release mail/mail.v1 with chart mail@1.0.0",
        "the Deployment in the cluster: registry.example.com/demo/mail:3.2",
        "Helm upgrade succeeded for release mail/mail.v4 with chart mail@1.1.1",
        "in #deployments, from image-automation-controller:",
        "+    newTag: 1.6.0 # ",
        "the Deployment in the cluster: registry.example.com/demo/shop:1.6.0",
    ):
        assert told in done.stdout
    order = [
        done.stdout.index(f"Kustomization/{name} ") for name in ("flux-system/infrastructure", "shop/shop")
    ]
    assert order == sorted(order)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_it_uses_a_cluster_of_the_users_own_and_tidies_up(tmp_path):
    with Cluster() as cluster:
        done = subprocess.run(
            [*PROGRAM, "--exit", "--yes", f"--kubeconfig={cluster.kubeconfig}"],
            cwd=ROOT,
            env=environment(TMPDIR=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert acts(done.stdout) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        cluster.kubectl("wait", "--for=delete", "namespace/flux-system", "--timeout=60s")
        cluster.kubectl("wait", "--for=delete", "namespace/mail", "--timeout=60s")
        left = cluster.kubectl("get", "deployments,clusterrolebindings", "-A", "-o", "name")
        assert "shop" not in left
        assert "flux" not in left


def test_it_asks_before_it_touches_a_cluster_of_the_users_own(cluster, tmp_path):
    done = subprocess.run(
        [*PROGRAM, f"--kubeconfig={cluster.kubeconfig}"],
        cwd=ROOT,
        env=environment(TMPDIR=str(tmp_path)),
        input="n\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "not agreed" in done.stderr or "keeps off it" in done.stderr


def test_ctrl_c_ends_it_cleanly(tmp_path):
    process = subprocess.Popen(
        PROGRAM,
        cwd=ROOT,
        env=environment(TMPDIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        for line in process.stdout:
            if "Ctrl-C ends everything" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 0, rest
    assert "cleaning up" in rest
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
